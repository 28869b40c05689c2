"""Alertmanager webhooks (version 4) as bytes: one template, numbers filled in, always of the same length.

The alert is a captured one (a Prometheus rule, `tests/plugins` has it too) with our own circuit label.
"""

from collections.abc import Iterator
from datetime import UTC, datetime

import orjson

_ALERT = {
    "status": "firing",
    "labels": {
        "alertname": "TargetDown",
        "circuit": "@CIRCUIT@",
        "customer": "ACME-001",
        "instance": "127.0.0.1:18100",
        "job": "edge",
        "region": "eu-test",
        "severity": "critical",
        "site": "FRA1",
    },
    "annotations": {
        "description": "instance 127.0.0.1:18100 of ACME-001 unreachable",
        "runbook_url": "https://wiki.example.net/runbooks/target-down",
        "summary": "ip-transit at FRA1 is down",
    },
    "startsAt": "@START@",
    "endsAt": "0001-01-01T00:00:00Z",
    "generatorURL": "http://prometheus.example.net/graph?g0.expr=up+%3D%3D+0&g0.tab=1",
    "fingerprint": "@FINGERPRINT@",
}
_COMMON = ("alertname", "customer", "job", "region", "severity")


class Webhooks:
    """Bodies of `size` alerts each. An alert is known by its number: the same number is the same alert.

    Circuits are `prefix`-000000 up to `circuits` and are taken in turn; `family` keeps the alerts of
    different measurements apart.
    """

    def __init__(self, size: int, prefix: str, circuits: int, family: int) -> None:
        self._size, self._prefix, self._circuits, self._family = size, prefix.encode(), circuits, family
        start = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + "123Z"
        body = {
            "receiver": "hub",
            "status": "firing",
            "alerts": [_ALERT | {"startsAt": start}] * size,
            "groupLabels": {"alertname": "TargetDown"},
            "commonLabels": {name: _ALERT["labels"][name] for name in _COMMON},  # type: ignore[index]
            "commonAnnotations": _ALERT["annotations"],
            "externalURL": "http://alertmanager.example.net",
            "version": "4",
            "groupKey": '{}:{alertname="TargetDown"}',
            "truncatedAlerts": 0,
        }
        text = orjson.dumps(body).replace(b"%", b"%%")
        self._template = text.replace(b"@CIRCUIT@", b"%b-%06d").replace(b"@FINGERPRINT@", b"%04x%012x")
        self.length = len(self.body(0))

    def body(self, first: int) -> bytes:
        """The body with the alerts `first`, `first + 1`, ..."""
        values: list[object] = []
        for number in range(first, first + self._size):
            values += (self._prefix, number % self._circuits, self._family, number)
        return self._template % tuple(values)

    def new(self, first: int) -> Iterator[bytes]:
        """Bodies of ever new alerts, from number `first` on."""
        while True:
            yield self.body(first)
            first += self._size
