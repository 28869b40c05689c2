"""Edits of planning. Each one first writes what was due before it, so that it never changes the past."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session, aliased

from hub.base import clock, ids
from hub.base.db import as_system
from hub.base.errors import Invalid
from hub.base.text import N_, one_line
from hub.base.zones import zone as known_zone
from hub.domain import audit, timeline
from hub.domain.accounts import Account, get_account
from hub.domain.audit import Actor
from hub.domain.coverage import hours as weekly
from hub.domain.coverage.checks import check_reach, refuse_twice
from hub.domain.coverage.last_resort import keep
from hub.domain.coverage.ledger import record_due, replanned
from hub.domain.coverage.plan import LAST_RESORT, Fallback, Reach
from hub.domain.coverage.tables import Assignment, AssignmentRole, Duty
from hub.domain.kinds import Kind
from hub.domain.people import WORKERS, Absence, Person, PersonKind, get_person, roles_of
from hub.domain.timeline import NewEntry

_OFFERED = (AssignmentRole.NAMED, AssignmentRole.DEPUTY, AssignmentRole.ESCALATION)


def assign(
    session: Session,
    actor: Actor,
    account_id: uuid.UUID,
    role: str,
    person_id: uuid.UUID,
    *,
    level: int = 0,
    position: int = 0,
    hours: Sequence[Mapping[str, Any]] = (),
    zone: str | None = None,
    reach_name: str = "",
    reach_phone: str = "",
    reach_email: str = "",
    valid_from: datetime | None = None,
    valid_until: datetime | None = None,
) -> Assignment:
    """Make one of us named contact, deputy or escalation of an account and of those below it.

    `hours` as in `Assignment`, in `zone` (the account's, if none is given); none mean always. Customers
    see the `reach`, by default the person's name. It counts from now on at the earliest. `Invalid` for
    one that holds already, or where customers would reach nobody.
    """
    person = _assignable(session, person_id)
    reach = check_reach(reach_name or person.name, reach_phone, reach_email)
    row = Assignment(
        account_id=account_id,
        id=ids.new_id(),
        role=_offered(role),
        person_id=person_id,
        level=max(level, 1) if role == AssignmentRole.ESCALATION else 0,
        position=position,
        hours=weekly.check(hours),
        zone=known_zone(zone or get_account(session, account_id).zone).key,
        **{f"reach_{part}": value for part, value in asdict(reach).items()},
        valid_from=clock.utc(valid_from or clock.now()),
        valid_until=None if valid_until is None else clock.utc(valid_until),
        created_at=clock.now(),
    )
    return _start(session, actor, row, person)


def _start(session: Session, actor: Actor, row: Assignment, person: Person) -> Assignment:
    if row.valid_until is not None and row.valid_until <= row.valid_from:
        raise Invalid.field("valid_until", N_("The end must lie after the start."))
    with replanned(session, actor, _with_children(session, Account.id == row.account_id)):
        timeline.lock(session, [row.account_id])  # the same one may be on its way from a second click
        refuse_twice(session, row, person)
        session.add(row)
        _tell(session, actor, Kind.ASSIGNED, row, person)
    return row


def end_assignment(
    session: Session, actor: Actor, assignment: Assignment, at: datetime | None = None
) -> None:
    """End an assignment, now or at a later instant; the past stays what it was."""
    end = max(clock.now(), clock.utc(at) if at else clock.now())
    if assignment.valid_until is not None and assignment.valid_until <= end:
        return
    person = get_person(session, assignment.person_id)
    with replanned(session, actor, _with_children(session, Account.id == assignment.account_id)):
        assignment.valid_until = end
        _tell(session, actor, Kind.ASSIGNMENT_ENDED, assignment, person)


def _tell(session: Session, actor: Actor, kind: Kind, row: Assignment, person: Person) -> None:
    facts: dict[str, Any] = {
        "person": person.name,
        "person_id": str(person.id),
        "role": row.role,
        "level": row.level,
        "position": row.position,
        "hours": row.hours,
        "zone": row.zone,
        "reach": asdict(Reach(row.reach_name, row.reach_phone, row.reach_email)),
        "from": row.valid_from.isoformat(),
        "until": row.valid_until.isoformat() if row.valid_until else None,
    }
    session.flush()  # the entry is written by a Core statement, which does not flush the row it speaks of
    timeline.append(session, NewEntry(row.account_id, kind, actor, facts))


def _offered(role: str) -> str:
    if role not in _OFFERED:
        raise Invalid.field("role", N_("Please choose one of %(choices)s."), choices=", ".join(_OFFERED))
    return str(role)


def _assignable(session: Session, person_id: uuid.UUID) -> Person:
    """One of us, or a function, who is not disabled."""
    person = get_person(session, person_id)
    if person.disabled_at is not None:
        raise Invalid.field("person", N_("%(person)s no longer works here."), person=person.name)
    if person.kind == PersonKind.HUMAN and not roles_of(session, person_id) & set(WORKERS):
        message = N_("%(person)s has no role that works on accounts. Give them one first.")
        raise Invalid.field("person", message, person=person.name)
    return person


def add_absence(
    session: Session,
    actor: Actor,
    person_id: uuid.UUID,
    starts_at: datetime,
    ends_at: datetime,
    reason: str = "",
) -> Absence:
    """Somebody is away in `[starts_at, ends_at)`; who comes next holds their duties meanwhile.

    A start in the past is kept as it is, but counts from now on.
    """
    person = get_person(session, person_id)
    row = Absence(
        id=ids.new_id(),
        person_id=person_id,
        starts_at=clock.utc(starts_at),
        ends_at=clock.utc(ends_at),
        reason=one_line(reason),
        cancelled_at=None,
    )
    if row.ends_at <= row.starts_at:
        raise Invalid.field("ends_at", N_("The end must lie after the start."))
    with replanned(session, actor, accounts_of(session, person_id)):
        session.add(row)
        _note_absence(session, actor, "absence.added", row, f"{person.name} will be away.")
    return row


def cancel_absence(session: Session, actor: Actor, absence: Absence) -> None:
    """Somebody is not away after all, or is back early."""
    if absence.cancelled_at is not None:
        return
    person = get_person(session, absence.person_id)
    with replanned(session, actor, accounts_of(session, absence.person_id)):
        absence.cancelled_at = clock.now()
        _note_absence(session, actor, "absence.cancelled", absence, f"{person.name} is not away after all.")


def _note_absence(session: Session, actor: Actor, action: str, row: Absence, sentence: str) -> None:
    span = {"from": row.starts_at.isoformat(), "until": row.ends_at.isoformat()}
    audit.write(session, actor, action, "person", row.person_id, sentence, **span)


def set_last_resort(
    session: Session,
    actor: Actor,
    person_id: uuid.UUID,
    *,
    reach_name: str = "",
    reach_phone: str = "",
    reach_email: str = "",
) -> None:
    """Choose who answers for every account when nobody else does, and what customers see of them."""
    person = _assignable(session, person_id)
    reach = check_reach(reach_name or person.name, reach_phone, reach_email)
    with as_system(session):
        while record_due(session):
            pass
        held = _held_by_last_resort(session)
    with replanned(session, actor, held):
        keep(session, actor, Fallback(person_id, person.name, reach))


def _held_by_last_resort(session: Session) -> list[uuid.UUID]:
    """Whose present duty names the last resort: nobody else's changes when another one is chosen."""
    other = aliased(Duty)
    latest = select(func.max(other.effective_at)).where(other.account_id == Account.id).scalar_subquery()
    query = (
        select(Duty.account_id)
        .join(Account, Account.id == Duty.account_id)
        .where(Duty.effective_at == latest)
        .where(Duty.role == LAST_RESORT, Account.closed_at.is_(None))
    )
    return list(session.scalars(query))


def move_account(session: Session, actor: Actor, account: Account, parent: Account | None) -> None:
    """Give an account another parent, or none: whose assignments and memberships it takes over changes."""
    below = _with_children(session, Account.id == account.id)
    if parent is not None and parent.id in below:
        raise Invalid.field("parent", N_("An account cannot lie below itself."))
    before = account.parent_id
    after = None if parent is None else parent.id
    if before == after:
        return
    with replanned(session, actor, below):
        account.parent_id = after
        change = {"from": str(before) if before else None, "to": str(after) if after else None}
        facts = {"what": ["parent"], "changed": {"parent_id": change}}
        session.flush()  # as in `_tell`
        timeline.append(session, NewEntry(account.id, Kind.ACCOUNT_CHANGED, actor, facts))


def accounts_of(session: Session, person_id: uuid.UUID) -> list[uuid.UUID]:
    """The accounts whose duty may depend on a person."""
    now = clock.now()
    mine = select(Assignment.account_id).where(
        Assignment.person_id == person_id,
        or_(Assignment.valid_until.is_(None), Assignment.valid_until > now),
    )
    return _with_children(session, Account.id.in_(mine))


def _with_children(session: Session, start: ColumnElement[bool]) -> list[uuid.UUID]:
    """Some accounts and all below them, whoever may see them."""
    reached = select(Account.id).where(start).cte("reached", recursive=True)
    reached = reached.union(select(Account.id).join(reached, Account.parent_id == reached.c.id))
    with as_system(session):
        return list(session.scalars(select(reached.c.id)))
