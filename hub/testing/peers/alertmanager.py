"""Prometheus Alertmanager that notifies one webhook, as quick as its settings allow."""

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import requests

from hub.testing.peers.process import free_port, require, scratch, service

TIMEOUT = 5


@dataclass(frozen=True, slots=True)
class Alertmanager:
    """A running Alertmanager; its webhook is told about a second after `fire` and two after `resolve`."""

    url: str
    log: Path

    def fire(
        self,
        labels: Mapping[str, str],
        annotations: Mapping[str, str] | None = None,
        link: str = "http://nms.example.net/graph",
        start: datetime | None = None,
    ) -> None:
        """Raise an alert; its name is the label `alertname`.  Firing again keeps the first start.

        `start` is that of one which had ended meanwhile: Prometheus sends it unchanged.
        """
        alert = {"labels": dict(labels), "annotations": dict(annotations or {}), "generatorURL": link}
        self._post(alert | ({"startsAt": start.isoformat()} if start else {}))

    def resolve(self, labels: Mapping[str, str]) -> None:
        """End the alert that has exactly these labels."""
        # The wall clock, not hub.base.clock: Alertmanager cannot be moved by a test.
        self._post({"labels": dict(labels), "endsAt": datetime.now(UTC).isoformat()})

    def groups(self) -> list[dict[str, Any]]:
        """What `GET /api/v2/alerts/groups` says, suppressed alerts included."""
        answer = requests.get(f"{self.url}/api/v2/alerts/groups", timeout=TIMEOUT)
        answer.raise_for_status()
        groups: list[dict[str, Any]] = answer.json()
        return groups

    def _post(self, alert: dict[str, Any]) -> None:
        requests.post(f"{self.url}/api/v2/alerts", json=[alert], timeout=TIMEOUT).raise_for_status()


@contextlib.contextmanager
def alertmanager(
    webhook_url: str, token: str, group_by: Sequence[str] = ("alertname", "customer")
) -> Iterator[Alertmanager]:
    """Run an Alertmanager whose only receiver is `webhook_url`, called with the bearer `token`.

    A critical alert holds back the warnings of the same customer and site.
    """
    require("prometheus-alertmanager", "setpriv")
    with scratch("alertmanager") as directory:
        peer = Alertmanager(f"http://127.0.0.1:{free_port()}", directory / "log")
        config = directory / "alertmanager.yml"
        config.write_text(json.dumps(_config(webhook_url, token, group_by, marker=directory.name)))
        argv = [
            "prometheus-alertmanager",
            f"--config.file={config}",
            f"--storage.path={directory / 'data'}",
            f"--web.listen-address={peer.url.removeprefix('http://')}",
            "--cluster.listen-address=",
            "--web.external-url=http://alertmanager.example.net",
        ]
        with service(argv, lambda: _is_ours(peer, directory.name), peer.log):
            yield peer


def _config(webhook_url: str, token: str, group_by: Sequence[str], marker: str) -> dict[str, Any]:
    webhook = {
        "url": webhook_url,
        "send_resolved": True,
        "http_config": {"authorization": {"type": "Bearer", "credentials": token}},
    }
    return {
        "route": {
            "receiver": "hub",
            "group_by": list(group_by),
            "group_wait": "1s",
            "group_interval": "2s",
            "repeat_interval": "1h",
        },
        # The second receiver gets nothing: its name tells this instance from another on the same port.
        "receivers": [{"name": "hub", "webhook_configs": [webhook]}, {"name": marker}],
        "inhibit_rules": [
            {
                "source_matchers": ['severity="critical"'],
                "target_matchers": ['severity="warning"'],
                "equal": ["customer", "site"],
            }
        ],
    }


def _is_ours(peer: Alertmanager, marker: str) -> bool:
    answer = requests.get(f"{peer.url}/api/v2/receivers", timeout=TIMEOUT)
    return answer.ok and marker in answer.text
