"""What one batch of monitoring events means, collected before anything is written."""

import uuid
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from hub.domain.alerts import Place
from hub.domain.signals import Stored
from hub.domain.timeline import HeadState, NewEntry
from hub.plugin.contracts import SignalEvent

CaseKey = tuple[uuid.UUID, str]


@dataclass(frozen=True, slots=True)
class Source:
    """The connection that said it."""

    id: uuid.UUID
    name: str


@dataclass(frozen=True, slots=True)
class Fact:
    """One changed signal with the event that changed it and the services it is about."""

    signal: Stored
    event: SignalEvent
    places: tuple[Place, ...]

    @property
    def raises(self) -> bool:
        """Whether it is a fault that is to be acted on now."""
        return self.signal.state == "firing" and not self.signal.late

    @property
    def doubtful(self) -> bool:
        """Whether it reports a fault that the hub knows to be over: an old word that comes late, or a source
        that had let it expire and raises it anew under the start that it had. Only the source can tell."""
        return self.signal.late and self.event.state == "firing"


@dataclass(frozen=True, slots=True)
class Known:
    """A case that an alert may join."""

    account_id: uuid.UUID
    id: uuid.UUID
    correlation_key: str
    state: str
    number: str
    title: str
    customer_title: str | None
    shared_at: datetime | None


@dataclass(slots=True)
class Batch:
    """What one transaction is about to write."""

    source: Source
    heads: dict[uuid.UUID, HeadState]
    now: datetime
    cases: dict[CaseKey, uuid.UUID] = field(default_factory=dict)
    resolved: dict[CaseKey, Known] = field(default_factory=dict)
    alerts: list[dict[str, Any]] = field(default_factory=list)
    opened: list[dict[str, Any]] = field(default_factory=list)
    entries: list[NewEntry] = field(default_factory=list)
    effects: list[dict[str, Any]] = field(default_factory=list)
    cleared: dict[uuid.UUID, uuid.UUID] = field(default_factory=dict)


def key_of(connection_id: uuid.UUID, place: Place) -> CaseKey:
    """The correlation key: alerts of one source on one service of an account belong to one open case."""
    return place.account_id, f"{connection_id.hex}:{place.service_id.hex}"
