"""Which people of a customer are told of a case: those who may see it and want such news."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from hub.base import clock
from hub.domain import cases
from hub.domain.access import Member
from hub.domain.accounts import CASE_NEWS, NEWS_BY_ROLE, Account, Limits, MemberRole, Membership
from hub.domain.cases import Case
from hub.domain.people import ContactPoint, Person, PointKind

_DEEPEST = 16  # ends a walk to parents even if they were ever made a circle


@dataclass(frozen=True, slots=True)
class Belonging:
    """What a person is in an account, and which news they want there."""

    member: Member
    subscriptions: Mapping[str, Any]

    @property
    def wants_news(self) -> bool:
        """Whether they are told of cases by mail."""
        chosen = self.subscriptions.get(CASE_NEWS)
        return bool(NEWS_BY_ROLE[CASE_NEWS] & self.member.roles) if chosen is None else "email" in chosen

    @property
    def wants_own(self) -> bool:
        """Whether they are told of what they reported or follow: yes, unless they said no."""
        return "email" in self.subscriptions.get(CASE_NEWS, ("email",))


def belongings(
    session: Session, account_id: uuid.UUID, person_ids: Sequence[uuid.UUID] | None = None
) -> dict[uuid.UUID, Belonging]:
    """The people of an account (or some of them), by the membership that counts.

    An own membership goes before one of a parent; a limited one of a parent does not reach down. Unlike
    `access.viewer_of` this asks for no sign-in: a mail needs no password.
    """
    chain, now = _with_parents(session, account_id), clock.now()
    query = (
        select(Membership)
        .join(Person, Person.id == Membership.person_id)
        .where(Membership.account_id.in_(chain), Membership.valid_from <= now, Person.disabled_at.is_(None))
        .where(or_(Membership.valid_until.is_(None), Membership.valid_until > now))
    )
    if person_ids is not None:
        query = query.where(Membership.person_id.in_(person_ids))
    found: dict[uuid.UUID, Belonging] = {}
    for row in sorted(session.scalars(query), key=lambda row: chain.index(row.account_id)):
        belonging = _belonging(row)
        if row.account_id == account_id or not belonging.member.is_limited:
            found.setdefault(row.person_id, belonging)
    return found


def _with_parents(session: Session, account_id: uuid.UUID) -> list[uuid.UUID]:
    chain, above = [account_id], session.get_one(Account, account_id).parent_id
    while above is not None and above not in chain and len(chain) < _DEEPEST:
        chain.append(above)
        above = session.get_one(Account, above).parent_id
    return chain


def _belonging(row: Membership) -> Belonging:
    limits = Limits.read(row.limits)
    roles = frozenset(MemberRole(role) for role in row.roles)
    return Belonging(Member(roles, limits.sites, limits.services), row.subscriptions)


def may_see(session: Session, case: Case, person_id: uuid.UUID, member: Member) -> bool:
    """Whether a member sees a case on the portal: the rule of `cases.visible` for one person."""
    if not case.is_shared:
        return False
    if _is_own(case, person_id, cases.watchers_of(session, case)):
        return True
    return bool(cases.SEES_ALL & member.roles) and member.covers(case.site_id, case.service_id)


def _is_own(case: Case, person_id: uuid.UUID, watchers: Sequence[uuid.UUID]) -> bool:
    return person_id == case.requester_id or person_id in watchers


def customers_of(session: Session, case: Case) -> list[uuid.UUID]:
    """Those who are told of a case by mail; nobody of one that is not shared."""
    return told_of(session, case.account_id, [case])[case.id]


def told_of(
    session: Session, account_id: uuid.UUID, some: Sequence[Case]
) -> dict[uuid.UUID, list[uuid.UUID]]:
    """`customers_of` for some cases of one account, in as many statements as for one."""
    if not any(case.is_shared for case in some):
        return {case.id: [] for case in some}
    people = belongings(session, account_id)
    watchers: dict[uuid.UUID, list[uuid.UUID]] = {case.id: [] for case in some}
    query = select(cases.Watcher.case_id, cases.Watcher.person_id).where(
        cases.Watcher.account_id == account_id, cases.Watcher.case_id.in_(watchers)
    )
    for row in session.execute(query):
        watchers[row.case_id].append(row.person_id)
    return {case.id: _told(case, people, watchers[case.id]) for case in some}


def _told(
    case: Case, people: Mapping[uuid.UUID, Belonging], watchers: Sequence[uuid.UUID]
) -> list[uuid.UUID]:
    told = []
    for person_id, belonging in people.items() if case.is_shared else ():
        member = belonging.member
        sees = bool(cases.SEES_ALL & member.roles) and member.covers(case.site_id, case.service_id)
        own = _is_own(case, person_id, watchers) and belonging.wants_own
        if own or (sees and belonging.wants_news):
            told.append(person_id)
    return told


def verified_addresses(session: Session, person_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, str]:
    """The first e-mail address of each person that was shown to be theirs; customers get mail at no other."""
    now: datetime = clock.now()
    point = ContactPoint
    query = (
        select(point.person_id, point.normalised)
        .join(Person, Person.id == point.person_id)
        .where(point.person_id.in_(person_ids), point.kind == PointKind.EMAIL)
        .where(point.verified_at.is_not(None), Person.disabled_at.is_(None))
        .where(point.valid_from <= now, or_(point.valid_until.is_(None), point.valid_until > now))
        .order_by(point.person_id, point.position.desc())
    )
    # The last one kept for a person is the first that is tried.
    return {row.person_id: row.normalised for row in session.execute(query)}
