"""Played monitoring: faults that begin and end, posted as Alertmanager (webhook version 4) posts them."""

import hashlib
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from hub.base import clock

NEVER = "0001-01-01T00:00:00Z"
Post = Callable[[dict[str, Any]], None]


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that goes wrong now and then, and how long it lasts, in seconds."""

    name: str
    severity: str
    summary: str
    labels: tuple[tuple[str, str], ...]
    lasts: tuple[int, int] = (60, 180)


FAULTS = (
    Fault("LinkDown", "critical", "Circuit CIR-4711 down", (("circuit", "CIR-4711"),)),
    Fault("HighLatency", "warning", "Round trip over 40 ms on CIR-4712", (("circuit", "CIR-4712"),)),
    Fault("BgpSessionDown", "major", "BGP session to AS64500 is idle", (("circuit", "CIR-4800"),)),
    Fault("FeedLost", "critical", "Rack NYC2-R07 runs on one power feed", (("rack", "NYC2-R07"),)),
    Fault("CallsFail", "major", "Outgoing calls fail at pbx-hudson", (("host", "pbx-hudson"),)),
    Fault("TooWarm", "critical", "Hall B at -14 \u00b0C, limit -18 \u00b0C", (("sensor", "TUAS-B-TEMP"),)),
    Fault("DoorHeldOpen", "major", "Lobby door open for 5 minutes", (("door", "HQ-LOBBY"),)),
    Fault("DiskFull", "warning", "Disk of an unknown host is full", (("host", "spare-17"),)),
)


@dataclass
class Monitoring:
    """At most `most` faults at a time; each step posts what began, repeated or ended."""

    post: Post
    most: int = 3
    chance: random.Random = field(default_factory=random.Random)
    _active: dict[Fault, tuple[datetime, datetime]] = field(default_factory=dict)

    def step(self) -> None:
        """End what is over; else, now and then, begin something new or say again what lasts."""
        now = clock.now()
        over = [fault for fault, (_, until) in self._active.items() if until <= now]
        for fault in over:
            started, until = self._active.pop(fault)
            self.post(webhook(fault, started, until))
        if over:
            return
        idle = [fault for fault in FAULTS if fault not in self._active]
        if len(self._active) < self.most and idle:
            self.begin(self.chance.choice(idle))
        elif self._active:
            fault = self.chance.choice(list(self._active))
            self.post(webhook(fault, self._active[fault][0], None))

    def begin(self, fault: Fault) -> None:
        """Start one fault now."""
        now = clock.now()
        self._active[fault] = (now, now + timedelta(seconds=self.chance.randint(*fault.lasts)))
        self.post(webhook(fault, now, None))

    def end_all(self) -> None:
        """End every fault: what monitoring says when it is about to leave."""
        for fault, (started, _) in self._active.items():
            self.post(webhook(fault, started, clock.now()))
        self._active.clear()


def webhook(fault: Fault, started: datetime, ended: datetime | None) -> dict[str, Any]:
    """The body of one notification with one alert."""
    status = "firing" if ended is None else "resolved"
    labels = {"alertname": fault.name, "severity": fault.severity, **dict(fault.labels)}
    annotations = {"summary": fault.summary}
    alert = {
        "status": status,
        "labels": labels,
        "annotations": annotations,
        "startsAt": _rfc3339(started),
        "endsAt": NEVER if ended is None else _rfc3339(ended),
        "generatorURL": "",
        "fingerprint": hashlib.sha256(repr(sorted(labels.items())).encode()).hexdigest()[:16],
    }
    return {
        "version": "4",
        "groupKey": f'{{}}:{{alertname="{fault.name}"}}',
        "truncatedAlerts": 0,
        "status": status,
        "receiver": "hub",
        "groupLabels": {"alertname": fault.name},
        "commonLabels": labels,
        "commonAnnotations": annotations,
        "externalURL": "http://alertmanager.invalid",
        "alerts": [alert],
    }


def _rfc3339(instant: datetime) -> str:
    return instant.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
