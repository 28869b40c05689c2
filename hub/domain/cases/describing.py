"""What is known of a case and who works on it; none of it changes who is responsible."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from hub.base import clock, text
from hub.base.db import as_system
from hub.base.errors import Conflict, Invalid
from hub.base.text import N_
from hub.domain import people
from hub.domain.accounts import Account, Membership, Service, Site
from hub.domain.audit import Actor
from hub.domain.cases.changing import (
    REFUSALS,
    Taken,
    entry,
    one_line,
    require_shared,
    say,
    take,
    take_unended,
)
from hub.domain.cases.priority import chosen, level
from hub.domain.cases.tables import OPEN_STATES, Case, Watcher
from hub.domain.kinds import Kind
from hub.domain.people import Person

_DEEPEST = 16  # ends a walk through accounts even if their parents were ever made a circle


def prioritise(
    session: Session,
    actor: Actor,
    case: Case,
    impact: str,
    urgency: str,
    *,
    priority: str | None = None,
    reason: str | None = None,
) -> int:
    """Set impact and urgency; the matrix gives the priority unless another one is given with a reason."""
    reason = text.clean(reason or "") or None
    wanted = chosen(impact, urgency, priority, reason)
    taken = take_unended(session, case)
    case.impact, case.urgency = level("impact", impact), level("urgency", urgency)
    case.priority, case.priority_reason = wanted, reason
    facts = {"priority": wanted, "impact": case.impact, "urgency": case.urgency}
    line = entry(case, Kind.CASE_PRIORITY, actor, facts, audience="staff", body=reason)
    return say(session, taken, line)


def check_next(next_step: str | None, next_update_by: datetime | None) -> tuple[str, datetime]:
    """A next step and the time of the next update, both there and the time still to come."""
    fields: dict[str, str] = {}
    step = text.one_line(next_step or "", 500)
    if not step:
        fields["next_step"] = N_("Please say what comes next.")
    if next_update_by is None:
        fields["next_update_by"] = N_("Please say by when they will hear from us again.")
    elif clock.utc(next_update_by) <= clock.now():
        fields["next_update_by"] = N_("Please choose a time that is still to come.")
    if fields or next_update_by is None:
        raise Invalid(N_("The customer needs to know what comes next, and when."), fields)
    return step, clock.utc(next_update_by)


def set_next(session: Session, actor: Actor, case: Case, next_step: str, next_update_by: datetime) -> int:
    """What comes next and by when the customer hears of it; on a shared case they read it."""
    step, by = check_next(next_step, next_update_by)
    taken = take(session, case)
    if case.state not in OPEN_STATES:
        raise Conflict(REFUSALS[case.state])
    case.next_step, case.next_update_by = step, by
    facts = {"next_step": step, "next_update_by": by.isoformat()}
    return say(session, taken, entry(case, Kind.CASE_NEXT, actor, facts))


def set_reference(session: Session, actor: Actor, case: Case, reference: str) -> int:
    """The customer's own number for the matter."""
    line = one_line("customer_reference", reference, N_("Please enter the customer's reference."))
    taken = take(session, case)
    case.customer_reference = line
    return say(session, taken, entry(case, Kind.CASE_REFERENCE, actor, {"reference": line}))


def set_target(session: Session, actor: Actor, case: Case, target_at: datetime | None) -> int:
    """By when the matter is to be solved; on a shared case the customer sees it."""
    taken = take_unended(session, case)
    case.target_at = clock.utc(target_at) if target_at else None
    facts = {"what": "target", "target_at": case.target_at.isoformat() if case.target_at else None}
    return say(session, taken, entry(case, Kind.CASE_CHANGED, actor, facts))


def change(
    session: Session,
    actor: Actor,
    case: Case,
    *,
    title: str | None = None,
    customer_title: str | None = None,
    category: str | None = None,
) -> int | None:
    """Change what is given; None, and no entry, where nothing changes. The customer sees their own title."""
    wanted: dict[str, Any] = {}
    if title is not None:
        wanted["title"] = one_line("title", title, N_("Please enter a title."))
    if customer_title is not None:
        message = N_("Please enter a title for the customer.")
        wanted["customer_title"] = one_line("customer_title", customer_title, message)
    if category is not None:
        wanted["category"] = text.one_line(category, 40)
    taken = take_unended(session, case)
    return _apply(session, taken, actor, wanted)


def set_place(
    session: Session,
    actor: Actor,
    case: Case,
    service_id: uuid.UUID | None,
    site_id: uuid.UUID | None,
) -> int | None:
    """Which service and site it is about. Members who are limited to others lose sight of it."""
    service = session.get(Service, (case.account_id, service_id)) if service_id else None
    if service_id and service is None:
        raise Invalid.field("service_id", N_("Please choose a service of this account."))
    site_id = site_id or (service.site_id if service else None)
    if site_id and session.get(Site, (case.account_id, site_id)) is None:
        raise Invalid.field("site_id", N_("Please choose a site of this account."))
    taken = take_unended(session, case)
    return _apply(session, taken, actor, {"service_id": service_id, "site_id": site_id})


def _apply(session: Session, taken: Taken, actor: Actor, wanted: dict[str, Any]) -> int | None:
    changed = [name for name, value in wanted.items() if getattr(taken.case, name) != value]
    if not changed:
        return None
    for name in changed:
        setattr(taken.case, name, wanted[name])
    # Which words were changed is for staff; what customers see of it, they see on the case.
    facts = {"what": [name.removesuffix("_id") for name in changed]}
    line = entry(taken.case, Kind.CASE_CHANGED, actor, facts, audience="staff", weight="detail")
    return say(session, taken, line)


def watch(session: Session, actor: Actor, case: Case, person_id: uuid.UUID) -> int | None:
    """Let someone of `may_follow` follow a shared case that is not their own; None if they already do."""
    taken = take(session, case)
    require_shared(case)
    if person_id not in may_follow(session, case.account_id):
        raise Invalid.field("person_id", N_("Please choose someone of this account."))
    if session.get(Watcher, (case.account_id, case.id, person_id)) is not None:
        return None
    person = people.get_person(session, person_id)
    session.add(Watcher(account_id=case.account_id, case_id=case.id, person_id=person_id, since=clock.now()))
    facts = {"what": "watchers", "person": person.name, "watches": True}
    return say(session, taken, entry(case, Kind.CASE_CHANGED, actor, facts, weight="detail"))


def may_follow(session: Session, account_id: uuid.UUID) -> dict[uuid.UUID, str]:
    """Who belongs to an account and may come in, by name: as its member, or of a parent as a whole."""
    now = clock.now()
    query = (
        select(Person.id, Person.name, Membership.account_id, Membership.limits)
        .join(Person, Person.id == Membership.person_id)
        .where(Membership.valid_from <= now, Person.disabled_at.is_(None))
        .where(or_(Membership.valid_until.is_(None), Membership.valid_until > now))
        .order_by(Person.name, Person.id)
    )
    # A membership may be of a parent, which a member of the child alone cannot read.
    with as_system(session):
        chain = [account_id, *_parents(session, account_id)]
        rows = session.execute(query.where(Membership.account_id.in_(chain))).all()
    return {row.id: row.name for row in rows if row.account_id == account_id or not row.limits}


def _parents(session: Session, account_id: uuid.UUID) -> list[uuid.UUID]:
    found: list[uuid.UUID] = []
    step: uuid.UUID | None = account_id
    while len(found) < _DEEPEST:
        step = session.scalar(select(Account.parent_id).where(Account.id == step))
        if step is None:
            break
        found.append(step)
    return found


def unwatch(session: Session, actor: Actor, case: Case, person_id: uuid.UUID) -> int | None:
    """They follow it no longer; None if they did not."""
    taken = take(session, case)
    watcher = session.get(Watcher, (case.account_id, case.id, person_id))
    if watcher is None:
        return None
    session.delete(watcher)
    facts = {"what": "watchers", "person": people.get_person(session, person_id).name, "watches": False}
    return say(session, taken, entry(case, Kind.CASE_CHANGED, actor, facts, weight="detail"))
