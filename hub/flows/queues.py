"""What people do about things that wait in a queue: name what a signal is about, drop, try again, give up."""

import uuid
from collections import Counter
from collections.abc import Collection, Iterator
from typing import Any

from sqlalchemy import ColumnElement, literal, select, update
from sqlalchemy.orm import Session

from hub.base import clock, rows
from hub.base.db import as_system
from hub.base.errors import Conflict, Invalid, NotFound
from hub.base.text import N_, clean
from hub.domain import access, accounts, audit, connections, outbox, quarantine
from hub.domain.access import Viewer
from hub.domain.accounts import Service
from hub.domain.connections import Connection
from hub.domain.outbox import Delivery, DeliveryState
from hub.domain.quarantine import Quarantined, QuarantineKind
from hub.domain.signals import SIGNALS, Signal
from hub.flows import alarm, desk
from hub.flows.runtime import Hub
from hub.plugin.contracts import SignalEvent

BATCH = 1000
"""So many waiting signals are sounded at once when one of their names becomes known."""
WAITING = (~SIGNALS.c.matched, SIGNALS.c.handled_at.is_(None))
"""Signals that nobody knows a service for, and nobody has dropped."""

AGAIN = {QuarantineKind.BODY: QuarantineKind.WAITING, QuarantineKind.ITEM: QuarantineKind.AGAIN}
"""What can be read again, and what it is until the worker has done so."""

_NO_SIGNAL = N_("There is no such signal.")
_HANDLED = N_("This signal waits no longer: its service is known now, or a colleague took it off the queue.")
_NONE_TICKED = N_("Please tick at least one signal, or choose all of a kind.")
_WHY = N_("Please say what became of it.")


def find_signal(session: Session, signal_id: uuid.UUID) -> Signal:
    """A signal that waits for a service; `Conflict` for one that no longer does."""
    found = session.scalars(select(Signal).where(Signal.id == signal_id)).one_or_none()
    if found is None:
        raise NotFound(_NO_SIGNAL)
    if found.matched or found.handled_at is not None:
        raise Conflict(_HANDLED)
    return found


def map_signal(
    session: Session, viewer: Viewer, signal: Signal, service: Service, kind: str, value: str
) -> int:
    """Say that a name of a signal is a service of an account; answers how many signals found their way.

    All waiting signals of the same connection with that name are sounded as if they had just come in.
    """
    if [kind, value] not in [list(pair) for pair in signal.identifiers]:
        raise Invalid.field("identifier", N_("Please choose one of the names that the signal carries."))
    _lock(session, SIGNALS.c.connection_id == signal.connection_id, _carries(kind, value))
    accounts.add_identifier(session, desk.acting(session, viewer, service.account_id), service, kind, value)
    session.flush()  # signals are matched by Core statements
    source = session.get_one(Connection, signal.connection_id)
    # What a signal means may touch accounts that this member of staff cannot see.
    with as_system(session):
        batches = _waiting_under(session, source.id, kind, value)
        return sum(alarm.sound(session, alarm.Source(source.id, source.name), batch) for batch in batches)


def _waiting_under(
    session: Session, connection_id: uuid.UUID, kind: str, value: str
) -> Iterator[list[SignalEvent]]:
    """All waiting signals of a connection that carry a name, oldest first, a batch at a time."""
    query = select(SIGNALS).where(SIGNALS.c.connection_id == connection_id, *WAITING, _carries(kind, value))
    after: uuid.UUID | None = None
    while True:
        page = query if after is None else query.where(SIGNALS.c.id > after)
        found = session.execute(page.order_by(SIGNALS.c.id).limit(BATCH)).all()
        if not found:
            return
        after = found[-1].id
        yield [_event(row) for row in found]


def _lock(session: Session, *wanted: ColumnElement[bool]) -> None:
    """The waiting signals before any account, and in their order, as webhooks take them: nobody waits
    crosswise."""
    order = (SIGNALS.c.connection_id, SIGNALS.c.natural_key, SIGNALS.c.episode_start)
    session.execute(select(SIGNALS.c.id).where(*WAITING, *wanted).order_by(*order).with_for_update()).all()


def _carries(kind: str, value: str) -> ColumnElement[bool]:
    pair = rows.items_of(SIGNALS.c.identifiers, "pair")
    named = select(literal(1)).select_from(pair)
    return named.where(rows.item(pair, 0) == kind, rows.item(pair, 1) == value).exists()


def _event(row: Any) -> SignalEvent:
    return SignalEvent(
        natural_key=row.natural_key,
        episode_start=row.episode_start,
        state="clear" if row.state == "clear" else "firing",
        at=row.source_at,
        severity=row.severity,
        severity_text=row.severity_text,
        title=row.title,
        text=row.text,
        labels=row.labels,
        identifiers=tuple((str(kind), str(value)) for kind, value in row.identifiers),
        link=row.link,
    )


def drop_signal(session: Session, viewer: Viewer, signal: Signal, outcome: str) -> None:
    """Nobody need act on this signal; it stays stored, with who said so. Conflict when it waits no longer."""
    actor, words = _worker(viewer), _words(outcome)
    if not _drop(session, viewer, SIGNALS.c.id == signal.id, SIGNALS.c.connection_id == signal.connection_id):
        raise Conflict(_HANDLED)
    sentence = f"The signal \u201c{signal.title}\u201d was dropped: {words}"
    audit.write(session, actor, "signal.dropped", "connection", signal.connection_id, sentence)


def drop_signals(
    session: Session,
    viewer: Viewer,
    outcome: str,
    *,
    chosen: Collection[uuid.UUID] | None = None,
    over: bool = False,
    connection_id: uuid.UUID | None = None,
) -> int:
    """Take many waiting signals off the queue at once: some chosen ones, all that are `over`, all of a
    connection, or what is all of this together; answers how many."""
    actor, words = _worker(viewer), _words(outcome)
    wanted: list[ColumnElement[bool]] = []
    if chosen is not None:
        if not chosen:
            raise Invalid.field("which", _NONE_TICKED)
        wanted.append(SIGNALS.c.id.in_(chosen))
    if over:
        wanted.append(SIGNALS.c.state == "clear")
    if connection_id is not None:
        wanted.append(SIGNALS.c.connection_id == connection_id)
    if not wanted:
        raise Invalid.field("which", N_("Please say which signals."))
    dropped = Counter(_drop(session, viewer, *wanted))
    for source, count in dropped.items():
        sentence = (
            f"One signal was dropped: {words}" if count == 1 else f"{count} signals were dropped: {words}"
        )
        audit.write(session, actor, "signal.dropped", "connection", source, sentence, count=count)
    return dropped.total()


def _drop(session: Session, viewer: Viewer, *wanted: ColumnElement[bool]) -> list[uuid.UUID]:
    """Drop those of the waiting signals; answers the connection of each."""
    _lock(session, *wanted)
    dropped = update(SIGNALS).where(*WAITING, *wanted)
    dropped = dropped.values(handled_at=clock.now(), handled_by=viewer.person_id)
    return list(session.scalars(dropped.returning(SIGNALS.c.connection_id)))


def drop_parked(session: Session, viewer: Viewer, kept: Quarantined, outcome: str) -> None:
    """Nobody need act on this mail or body; it stays stored, with who said so."""
    quarantine.handle(session, _worker(viewer), kept, _words(outcome))


def read_again(hub: Hub, session: Session, viewer: Viewer, kept: Quarantined) -> None:
    """Have the worker read a message again, because its plugin or the settings were mended.

    It comes back to the queue if it still cannot be read. Conflict where nothing could read it now.
    """
    actor = _worker(viewer)
    connection = session.get_one(Connection, kept.connection_id)
    if kept.handled_at is not None or kept.kind not in AGAIN or not kept.body:
        raise Conflict(N_("This cannot be read again."))
    connections.settings_of(hub.registry, hub.keyring, connection)  # says what is missing
    kept.kind = AGAIN[QuarantineKind(kept.kind)]
    sentence = f"A message of {connection.name} is read again."
    audit.write(session, actor, "quarantine.again", "quarantine", kept.id, sentence)


def find_delivery(session: Session, viewer: Viewer, delivery_id: uuid.UUID) -> Delivery:
    """A delivery of an account that they may see, or of none, and that was given up; `NotFound` otherwise,
    `Conflict` for one that no longer waits."""
    found = session.get(Delivery, delivery_id)
    if found is None or found.account_id in viewer.hidden:
        raise NotFound(N_("There is no such delivery."))
    if found.state != DeliveryState.FAILED or found.handled_at is not None:
        raise Conflict(outbox.NO_LONGER)
    return found


def retry_delivery(session: Session, viewer: Viewer, delivery: Delivery) -> None:
    """Try it once more, from the start of its patience."""
    actor = _worker(viewer)
    outbox.retry(session, delivery.id)
    audit.write(session, actor, "delivery.retried", "delivery", delivery.id, "A delivery is tried once more.")


def give_up_delivery(session: Session, viewer: Viewer, delivery: Delivery, outcome: str) -> None:
    """It will not be delivered any more; the words say what was done instead."""
    actor, words = _worker(viewer), _words(outcome)
    outbox.give_up(session, delivery.id, viewer.person_id)
    sentence = f"A delivery was given up: {words}"
    audit.write(session, actor, "delivery.given_up", "delivery", delivery.id, sentence)


def _worker(viewer: Viewer) -> audit.Actor:
    access.require_staff(viewer, *desk.WORKERS)
    return viewer.actor("staff")


def _words(outcome: str) -> str:
    words = clean(outcome)
    if not words:
        raise Invalid.field("outcome", _WHY)
    return words
