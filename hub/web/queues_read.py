"""What the queues hold: signals that match no service, parked mail, deliveries that were given up."""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import exists, func, literal, or_, select
from sqlalchemy.orm import Session

from hub.base import clock
from hub.domain.access import Viewer
from hub.domain.accounts import Account
from hub.domain.cases import Case
from hub.domain.connections import Connection
from hub.domain.outbox import GIVEN_UP, Delivery
from hub.domain.people import Person
from hub.domain.quarantine import Quarantined, QuarantineKind
from hub.domain.signals import SIGNALS, Signal
from hub.flows.queues import WAITING

MOST = 100
PAGE = 50


@dataclass(frozen=True, slots=True)
class Counts:
    """How much waits in each queue, as it is shown: "" for nothing, "100+" for more than is counted."""

    signals: str
    mail: str
    deliveries: str
    bodies: str


def counts(session: Session, viewer: Viewer) -> Counts:
    """All queues in one statement that reads no more than a page's worth of each; what is hidden from the
    viewer does not count."""
    row = session.execute(
        select(
            _count(_unmatched(select(literal(1)))),
            _count(_parked(select(literal(1)), QuarantineKind.MAIL)),
            _count(_given_up(select(literal(1)), viewer)),
            _count(_parked(select(literal(1)), *BODIES)),
        )
    ).one()
    return Counts(*map(_shown, row))


def _shown(count: int) -> str:
    return f"{MOST}+" if count > MOST else str(count or "")


_PUT_ASIDE = (QuarantineKind.WAITING, QuarantineKind.AGAIN)
BODIES = (QuarantineKind.BODY, QuarantineKind.ITEM, QuarantineKind.UPDATE, *_PUT_ASIDE)
LATE = timedelta(minutes=5)
"""After so long, what waits for the worker waits for a person: a plugin is gone, or settings do not open."""


def _count(query: Any) -> Any:
    return select(func.count()).select_from(query.limit(MOST + 1).subquery()).scalar_subquery()


def _unmatched(query: Any, state: str = "firing") -> Any:
    return query.select_from(Signal).where(Signal.state == state, *WAITING)


def _parked(query: Any, *kinds: str) -> Any:
    parked = query.select_from(Quarantined).where(Quarantined.handled_at.is_(None))
    shown = or_(Quarantined.kind.not_in(_PUT_ASIDE), Quarantined.received_at <= clock.now() - LATE)
    return parked.where(Quarantined.kind.in_(kinds), shown)


def _given_up(query: Any, viewer: Viewer) -> Any:
    given_up = query.select_from(Delivery).where(GIVEN_UP)
    if not viewer.hidden:
        return given_up
    return given_up.where(or_(Delivery.account_id.is_(None), Delivery.account_id.not_in(viewer.hidden)))


def over(session: Session) -> str:
    """How many signals that nobody knows a service for are over, as it is shown."""
    return _shown(session.scalar(select(_count(_unmatched(select(literal(1)), "clear")))) or 0)


def sources(session: Session) -> list[tuple[str, str]]:
    """(slug, name) of the connections whose signals wait."""
    query = select(Connection.slug, Connection.name).order_by(Connection.name)
    waits = exists().where(SIGNALS.c.connection_id == Connection.id, *WAITING)
    return [(row.slug, row.name) for row in session.execute(query.where(waits))]


def unmatched(session: Session, older: uuid.UUID | None = None, *, over: bool = False) -> list[Any]:
    """Signals that no service is known for, newest first: those that fire, or those that are `over`."""
    columns = select(
        *(Signal.id, Signal.title, Signal.severity, Signal.state, Signal.identifiers, Signal.repeats),
        *(Signal.first_seen_at, Signal.last_seen_at, Connection.name.label("source")),
    )
    query = _unmatched(columns, "clear" if over else "firing").join(
        Connection, Connection.id == Signal.connection_id
    )
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
        ),
        viewer,
    )
    query = query.join(Account, Account.id == Delivery.account_id, isouter=True)
    query = query.join(Connection, Connection.id == Delivery.connection_id, isouter=True)
    if older is not None:
        query = query.where(Delivery.id < older)
    return list(session.execute(query.order_by(Delivery.id.desc()).limit(PAGE + 1)))


@dataclass(frozen=True, slots=True)
class About:
    """What a delivery is about, as far as it says so: a case, and a person who was to be told."""

    case: str = ""
    person: str = ""


def about(session: Session, deliveries: Sequence[Any]) -> dict[uuid.UUID, About]:
    """What each delivery of a page is about, in two statements."""
    cases = _named(session, Case.id, Case.number, (row.body.get("case_id") for row in deliveries))
    people = _named(session, Person.id, Person.name, (row.body.get("person_id") for row in deliveries))
    return {
        row.id: About(cases.get(row.body.get("case_id"), ""), people.get(row.body.get("person_id"), ""))
        for row in deliveries
    }


def _named(session: Session, key: Any, name: Any, wanted: Iterable[str | None]) -> dict[str | None, str]:
    """Names by ids as the body of a delivery has them."""
    ids = {uuid.UUID(each) for each in wanted if each}
    if not ids:
        return {}
    return {str(found): word for found, word in session.execute(select(key, name).where(key.in_(ids)))}
