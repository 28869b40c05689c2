"""What people do about things that wait in a queue: name what a signal is about, drop, try again, give up."""

import uuid

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from hub.base import clock
from hub.base.db import as_system
from hub.base.errors import Invalid, NotFound
from hub.base.text import N_, clean
from hub.domain import access, accounts, audit, outbox, quarantine
from hub.domain.access import Viewer
from hub.domain.accounts import Service
from hub.domain.connections import Connection
from hub.domain.outbox import Delivery
from hub.domain.quarantine import Quarantined
from hub.domain.signals import SIGNALS, Signal
from hub.flows import alarm, desk
from hub.plugin.contracts import SignalEvent

MOST = 1000
"""So many waiting signals of a connection are looked through when one of their names becomes known."""

_NO_SIGNAL = N_("There is no such signal.")
_WHY = N_("Please say what became of it.")


def find_signal(session: Session, signal_id: uuid.UUID) -> Signal:
    """A signal that waits for a service; `NotFound` for any other."""
    query = select(Signal).where(Signal.id == signal_id, ~Signal.matched, Signal.handled_at.is_(None))
    found = session.scalars(query).one_or_none()
    if found is None:
        raise NotFound(_NO_SIGNAL)
    return found


def map_signal(
    session: Session, viewer: Viewer, signal: Signal, service: Service, kind: str, value: str
) -> int:
    """Say that a name of a signal is a service of an account; answers how many signals found their way.

    All waiting signals of the same connection with that name are sounded as if they had just come in.
    """
    if [kind, value] not in [list(pair) for pair in signal.identifiers]:
        raise Invalid.field("identifier", N_("Please choose one of the names that the signal carries."))
    accounts.add_identifier(session, desk.acting(session, viewer, service.account_id), service, kind, value)
    session.flush()  # signals are matched by Core statements
    waiting = select(Signal).where(
        Signal.connection_id == signal.connection_id, ~Signal.matched, Signal.handled_at.is_(None)
    )
    source = session.get_one(Connection, signal.connection_id)
    # What a signal means may touch accounts that this member of staff cannot see.
    with as_system(session):
        found = session.scalars(waiting.order_by(Signal.id.desc()).limit(MOST))
        events = [_event(row) for row in found if [kind, value] in [list(pair) for pair in row.identifiers]]
        return alarm.sound(session, alarm.Source(source.id, source.name), events)


def _event(row: Signal) -> SignalEvent:
    return SignalEvent(
        natural_key=row.natural_key,
        episode_start=row.episode_start,
        state="clear" if row.state == "clear" else "firing",
        at=row.source_at,
        severity=row.severity,  # type: ignore[arg-type]  # stored from the same words
        severity_text=row.severity_text,
        title=row.title,
        text=row.text,
        labels=row.labels,
        identifiers=tuple((str(kind), str(value)) for kind, value in row.identifiers),
        link=row.link,
    )


def drop_signal(session: Session, viewer: Viewer, signal: Signal, outcome: str) -> None:
    """Nobody need act on this signal; it stays stored, with who said so."""
    actor, words = _worker(viewer), _words(outcome)
    dropped = (
        update(SIGNALS)
        .where(SIGNALS.c.id == signal.id, SIGNALS.c.connection_id == signal.connection_id)
        .where(SIGNALS.c.handled_at.is_(None))
        .values(handled_at=clock.now(), handled_by=viewer.person_id)
    )
    session.execute(dropped)
    sentence = f"The signal \u201c{signal.title}\u201d was dropped: {words}"
    audit.write(session, actor, "signal.dropped", "connection", signal.connection_id, sentence)


def drop_parked(session: Session, viewer: Viewer, kept: Quarantined, outcome: str) -> None:
    """Nobody need act on this mail or body; it stays stored, with who said so."""
    quarantine.handle(session, _worker(viewer), kept, _words(outcome))


def find_delivery(session: Session, viewer: Viewer, delivery_id: uuid.UUID) -> Delivery:
    """A delivery of an account that they may see, or of none; `NotFound` otherwise."""
    found = session.get(Delivery, delivery_id)
    if found is None or found.account_id in viewer.hidden:
        raise NotFound(N_("There is no such delivery."))
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
