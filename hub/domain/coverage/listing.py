"""Lists of planning for pages and checks."""

import uuid
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Select, not_, or_, select
from sqlalchemy.orm import Session

from hub.base import clock
from hub.base.db import as_system
from hub.domain.accounts import Account
from hub.domain.coverage.last_resort import known_fallback
from hub.domain.coverage.tables import Assignment
from hub.domain.people import Absence, Person, PersonKind, working


@dataclass(frozen=True, slots=True)
class Assigned:
    """One assignment with the name behind it."""

    assignment: Assignment
    person: Person


def assignments_of(session: Session, account_id: uuid.UUID) -> list[Assigned]:
    """The account's own assignments that hold now or later, in the order in which they are asked."""
    query = (
        select(Assignment, Person)
        .join(Person, Person.id == Assignment.person_id)
        .where(Assignment.account_id == account_id)
        .where(or_(Assignment.valid_until.is_(None), Assignment.valid_until > clock.now()))
        .order_by(Assignment.level, Assignment.role.desc(), Assignment.position, Assignment.valid_from)
    )
    return [Assigned(assignment, person) for assignment, person in session.execute(query)]


def assigned_to(account_id: uuid.UUID) -> Select[uuid.UUID]:
    """Who is assigned to an account or to one above it at this moment; read it `as_system`."""
    now = clock.now()
    line = select(Account.id, Account.parent_id).where(Account.id == account_id).cte("line", recursive=True)
    line = line.union(select(Account.id, Account.parent_id).join(line, Account.id == line.c.parent_id))
    return (
        select(Assignment.person_id)
        .join(line, line.c.id == Assignment.account_id)
        .where(Assignment.valid_from <= now)
        .where(or_(Assignment.valid_until.is_(None), Assignment.valid_until > now))
    )


def has_contact(session: Session, account_id: uuid.UUID) -> bool:
    """Whether one of us, a human who works, is assigned to the account or to one above it, and so sees it."""
    theirs = Person.id.in_(assigned_to(account_id)), Person.kind == PersonKind.HUMAN
    query = select(Person.id).where(*theirs, not_(_idle()))
    with as_system(session):
        return session.scalars(query.limit(1)).first() is not None


def assigned_idle(session: Session) -> list[tuple[Person, list[str]]]:
    """Who is assigned to open accounts, now or later, and does not work here any more: with their names."""
    query = (
        select(Person, Account.name)
        .join(Assignment, Assignment.person_id == Person.id)
        .join(Account, Account.id == Assignment.account_id)
        .where(or_(Assignment.valid_until.is_(None), Assignment.valid_until > clock.now()))
        .where(_idle(), Account.closed_at.is_(None))
        .distinct()
        .order_by(Person.name, Person.id, Account.name)
    )
    found: dict[Person, list[str]] = {}
    for person, account in session.execute(query):
        found.setdefault(person, []).append(account)
    return list(found.items())


def idle_last_resort(session: Session) -> Person | None:
    """Who answers in the end although they do not work here any more, if it has come to that."""
    end = known_fallback(session)
    query = select(Person).where(Person.id == (end.person_id if end else None), _idle())
    return session.scalars(query).first()


def _idle() -> ColumnElement[bool]:
    return or_(Person.disabled_at.is_not(None), not_(working()))


def absences_of(session: Session, person_id: uuid.UUID) -> list[Absence]:
    """When somebody is away, now and later, the nearest first."""
    query = select(Absence).where(
        Absence.person_id == person_id, Absence.cancelled_at.is_(None), Absence.ends_at > clock.now()
    )
    return list(session.scalars(query.order_by(Absence.starts_at)))


def uncovered(session: Session, limit: int = 100) -> list[Account]:
    """Open accounts without any assignment of their own or of a parent, now or later, by name."""
    assigned = select(Assignment.account_id).where(
        or_(Assignment.valid_until.is_(None), Assignment.valid_until > clock.now())
    )
    reached = select(Account.id).where(Account.id.in_(assigned)).cte("reached", recursive=True)
    reached = reached.union(select(Account.id).join(reached, Account.parent_id == reached.c.id))
    query = select(Account).where(Account.id.not_in(select(reached.c.id)), Account.closed_at.is_(None))
    return list(session.scalars(query.order_by(Account.name).limit(limit)))
