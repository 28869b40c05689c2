"""Monitoring systems are asked what fires now, to repair what webhooks missed."""

import uuid
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.base import rows
from hub.domain import connections
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
    missed = _missed(session, connection.id, known, found)
    ended = _ended(known, found) if found.complete else []
    source = alarm.Source(connection.id, connection.name)
    return alarm.sound(session, source, [*missed, *ended]) if missed or ended else 0


def _missed(
    session: Session, connection_id: uuid.UUID, known: Sequence[Any], found: Reconciled
) -> list[SignalEvent]:
    """What fires there and not here.

    An episode that the hub takes for over (or for older than another) fires again, as of the answer: a source
    that had let an alert expire raises it anew under the start that it had. An answer that is not newer than
    what was heard since decides nothing; it is asked again soon.
    """
    live = {(row.natural_key, row.episode_start) for row in known if not row.stale}
    lacking = [each for each in found.signals if (each.natural_key, each.episode_start) not in live]
    heard = _heard(session, connection_id, lacking)
    missed = []
    for each in lacking:
        last = heard.get((each.natural_key, each.episode_start))
        if last is None:
            missed.append(each)
        elif last < found.as_of:
            missed.append(replace(each, at=found.as_of))
        else:
            connections.poll_soon(session, connection_id)
    return missed


def _heard(
    session: Session, connection_id: uuid.UUID, events: Sequence[SignalEvent]
) -> dict[tuple[str, datetime], datetime]:
    """When the source last said something of some episodes, those that the hub knows."""
    if not events:
        return {}
    signal = SIGNALS.c
    query = select(signal.natural_key, signal.episode_start, signal.source_at).where(
        signal.connection_id == connection_id,
        rows.among(signal.natural_key, "keys"),
        rows.among(signal.episode_start, "starts"),
    )
    bound = {
        "keys": rows.encode({each.natural_key for each in events}),
        "starts": rows.encode({each.episode_start for each in events}),
    }
    return {(row.natural_key, row.episode_start): row.source_at for row in session.execute(query, bound)}


def _ended(known: Sequence[Any], found: Reconciled) -> list[SignalEvent]:
    """An end for every open episode that no longer fires there and was not heard of since.

    One that began before an episode which fires there now is ended by that one.
    """
    held, firing = set(found.held), {each.natural_key: each.episode_start for each in found.signals}
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
        if row.natural_key not in held and row.source_at < found.as_of
        if row.natural_key not in firing or firing[row.natural_key] < row.episode_start
    ]
