"""What the queues hold: signals that match no service, parked mail, deliveries that were given up."""

import uuid
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, literal, or_, select
from sqlalchemy.orm import Session

from hub.domain.access import Viewer
from hub.domain.accounts import Account
from hub.domain.connections import Connection
from hub.domain.outbox import GIVEN_UP, Delivery
from hub.domain.quarantine import Quarantined, QuarantineKind
from hub.domain.signals import Signal

MOST = 100
PAGE = 50


@dataclass(frozen=True, slots=True)
class Counts:
    """How much waits in each queue; counting stops at `MOST`."""

    signals: int
    mail: int
    deliveries: int
    bodies: int


def counts(session: Session) -> Counts:
    """All queues in one statement that reads no more than a page's worth of each."""
    row = session.execute(
        select(
            _count(_unmatched(select(literal(1)))),
            _count(_parked(select(literal(1)), QuarantineKind.MAIL)),
            _count(_given_up(select(literal(1)))),
            _count(_parked(select(literal(1)), *BODIES)),
        )
    ).one()
    return Counts(*row)


BODIES = (QuarantineKind.BODY, QuarantineKind.ITEM, QuarantineKind.UPDATE)


def _count(query: Any) -> Any:
    return select(func.count()).select_from(query.limit(MOST).subquery()).scalar_subquery()


def _unmatched(query: Any) -> Any:
    return query.select_from(Signal).where(~Signal.matched, Signal.handled_at.is_(None))


def _parked(query: Any, *kinds: str) -> Any:
    parked = query.select_from(Quarantined).where(Quarantined.handled_at.is_(None))
    return parked.where(Quarantined.kind.in_(kinds))


def _given_up(query: Any) -> Any:
    return query.select_from(Delivery).where(GIVEN_UP)


def unmatched(session: Session, older: uuid.UUID | None = None) -> list[Any]:
    """Signals that no service is known for, newest first."""
    columns = select(
        *(Signal.id, Signal.title, Signal.severity, Signal.state, Signal.identifiers, Signal.repeats),
        *(Signal.first_seen_at, Signal.last_seen_at, Connection.name.label("source")),
    )
    query = _unmatched(columns).join(Connection, Connection.id == Signal.connection_id)
    if older is not None:
        query = query.where(Signal.id < older)
    return list(session.execute(query.order_by(Signal.id.desc()).limit(PAGE + 1)))


def parked(session: Session, *kinds: str, older: uuid.UUID | None = None) -> list[Any]:
    """What was kept because it could not be used, newest first, without its bodies."""
    columns = select(
        Quarantined.id,
        Quarantined.kind,
        Quarantined.reason,
        Quarantined.received_at,
        Quarantined.subject,
        Quarantined.sender,
        Connection.name.label("source"),
    )
    query = _parked(columns, *kinds).join(Connection, Connection.id == Quarantined.connection_id)
    if older is not None:
        query = query.where(Quarantined.id < older)
    return list(session.execute(query.order_by(Quarantined.id.desc()).limit(PAGE + 1)))


def given_up(session: Session, viewer: Viewer, older: uuid.UUID | None) -> list[Any]:
    """Deliveries that were given up and that nobody has handled, newest first."""
    query = _given_up(
        select(
            *(Delivery.id, Delivery.kind, Delivery.attempts, Delivery.last_error, Delivery.created_at),
            *(Delivery.finished_at, Delivery.possible_repeat, Delivery.body, Account.slug),
            *(Account.name.label("account"), Connection.name.label("connection")),
        )
    )
    query = query.join(Account, Account.id == Delivery.account_id, isouter=True)
    query = query.join(Connection, Connection.id == Delivery.connection_id, isouter=True)
    if viewer.hidden:
        query = query.where(or_(Delivery.account_id.is_(None), Delivery.account_id.not_in(viewer.hidden)))
    if older is not None:
        query = query.where(Delivery.id < older)
    return list(session.execute(query.order_by(Delivery.id.desc()).limit(PAGE + 1)))
