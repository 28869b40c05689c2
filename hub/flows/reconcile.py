"""Monitoring systems are asked what fires now, to repair what webhooks missed."""

import uuid
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.domain.connections import Configured
from hub.domain.signals import SIGNALS
from hub.flows import alarm, polling
from hub.flows.runtime import Hub
from hub.plugin.contracts import Reconciled, SignalEvent

EVERY = timedelta(minutes=5)


def poll_due(hub: Hub) -> None:
    """Ask every monitoring system whose turn it is."""
    polling.poll_due(hub, "reconcile", EVERY, reconcile)


def reconcile(hub: Hub, connection_id: uuid.UUID) -> bool:
    """Compare what the hub takes for firing with what fires there; false while another worker does."""
    return polling.poll(hub, connection_id, hub.outward.reconcile, settle)


def settle(session: Session, connection: Configured, found: Reconciled) -> int:
    """Raise what the hub lacks and clear what has ended unseen; answers how many signals changed.

    What the webhook says of the same episode has the same key and start, so nothing is raised twice.
    """
    query = select(SIGNALS).where(SIGNALS.c.connection_id == connection.id, SIGNALS.c.state == "firing")
    known = session.execute(query).all()
    episodes = {(row.natural_key, row.episode_start) for row in known}
    missed = [each for each in found.signals if (each.natural_key, each.episode_start) not in episodes]
    ended = _ended(known, found) if found.complete else []
    source = alarm.Source(connection.id, connection.name)
    return alarm.sound(session, source, [*missed, *ended]) if missed or ended else 0


def _ended(known: Sequence[Any], found: Reconciled) -> list[SignalEvent]:
    """An end for every open signal that no longer fires there and was not heard of since."""
    firing = {signal.natural_key for signal in found.signals} | set(found.held)
    return [
        SignalEvent(
            natural_key=row.natural_key,
            episode_start=row.episode_start,
            state="clear",
            at=found.as_of,
            severity=row.severity,
            severity_text=row.severity_text,
            title=row.title,
            text=row.text,
            labels=row.labels,
            identifiers=tuple((kind, value) for kind, value in row.identifiers),
            link=row.link,
        )
        for row in known
        if row.natural_key not in firing and row.source_at < found.as_of
    ]
