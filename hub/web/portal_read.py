"""What the pages of the portal show, through the customer's lens only, in a fixed number of statements."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.domain import access, cases, coverage
from hub.domain.access import Viewer
from hub.domain.accounts import Account, MemberRole, Service, Site
from hub.domain.cases import Case, CaseState
from hub.domain.coverage import Responsible
from hub.domain.people import Person
from hub.flows.portal import SPEAKERS
from hub.web.queues_read import MOST

PAGE = 50


@dataclass(frozen=True, slots=True)
class AccountCard:
    """One of my accounts on the portal's first page."""

    slug: str
    name: str
    duty: Responsible
    open_cases: int
    needs_me: int


def accounts(session: Session, viewer: Viewer) -> list[AccountCard]:
    """All my accounts, by name."""
    found = access.accounts(session, viewer, "customer")
    duties = coverage.responsible_for(session, [account.id for account in found])
    query = select(Case.account_id, Case.state, Case.wait_reason).where(
        Case.closed_at.is_(None), cases.visible(viewer, "customer")
    )
    states: dict[uuid.UUID, list[Any]] = {}
    for row in session.execute(query):
        states.setdefault(row.account_id, []).append(row)
    return [
        AccountCard(
            account.slug,
            account.name,
            duties[account.id],
            len(states.get(account.id, ())),
            sum(needs_customer(row) for row in states.get(account.id, ())),
        )
        for account in found
    ]


def needs_customer(case: Any) -> bool:
    """Whether the customer has the next move: to answer, or to confirm a solution."""
    return bool(case.state == CaseState.RESOLVED or case.wait_reason == "customer")


def open_cases(session: Session, viewer: Viewer, account: Account) -> list[Case]:
    """My open cases of an account: those that wait for me first, then by the next update promised."""
    found = cases.open_cases(session, viewer, "customer", account.id)
    far = max((case.next_update_by for case in found if case.next_update_by), default=None)
    return sorted(
        found, key=lambda case: (not needs_customer(case), case.next_update_by or far or case.opened_at)
    )


def seen_cases(
    session: Session, viewer: Viewer, account: Account, found: Case | None = None
) -> tuple[uuid.UUID, ...] | None:
    """The cases whose entries this member may read; None for the whole timeline of the account.

    On the page of a case that was `found` for them it is this one, however many are younger.
    """
    if cases.sees_all(access.require_member(viewer, account.id)):
        return None
    if found is not None:
        return (found.id,)
    query = select(Case.id).where(Case.account_id == account.id, cases.visible(viewer, "customer"))
    return tuple(session.scalars(query.order_by(Case.opened_at.desc()).limit(10 * MOST)))


def services(session: Session, viewer: Viewer, account: Account) -> list[Any]:
    """The services that this member may see, by site."""
    member = access.require_member(viewer, account.id)
    query = (
        select(Service.id, Service.name, Service.kind, Service.site_id, Site.name.label("site"))
        .join(Site, (Site.account_id == Service.account_id) & (Site.id == Service.site_id), isouter=True)
        .where(Service.account_id == account.id, Service.closed_at.is_(None))
        .order_by(Site.name, Service.name)
    )
    return [row for row in session.execute(query) if member.covers(row.site_id, row.id)]


def may_speak(viewer: Viewer, account: Account) -> bool:
    """Whether this member may report and answer; others only read."""
    return bool(viewer.members[account.id].roles & set(SPEAKERS))


def with_fault(open_now: Sequence[Case]) -> set[uuid.UUID]:
    """Services that one of these cases says are disturbed; nothing that was not shared shows here."""
    disturbed = (CaseState.REGISTERED, CaseState.IN_PROGRESS, CaseState.WAITING)
    return {
        case.service_id
        for case in open_now
        if case.service_id and case.case_type == "incident" and case.state in disturbed
    }


@dataclass(frozen=True, slots=True)
class Colleagues:
    """Colleagues of a portal administrator, as (id, name): who follows a case already, and who may yet."""

    following: list[tuple[str, str]]
    others: list[tuple[str, str]]


def colleagues(session: Session, viewer: Viewer, case: Case) -> Colleagues | None:
    """Whom the reader may let follow a case; None for who is no portal administrator of its account.

    Who reported it follows it in any case and is not named, nor is the reader, who has a button of their own.
    """
    if MemberRole.PORTAL_ADMIN not in viewer.members[case.account_id].roles:
        return None
    unnamed = (viewer.person_id, case.requester_id)
    watching = set(cases.watchers_of(session, case))
    query = select(Person.id, Person.name).where(Person.id.in_(watching)).order_by(Person.name, Person.id)
    following = [(str(row.id), row.name) for row in session.execute(query) if row.id not in unnamed]
    known = watching.union(unnamed)
    others = cases.may_follow(session, case.account_id).items()
    return Colleagues(following, [(str(person), name) for person, name in others if person not in known])
