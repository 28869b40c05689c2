"""What the pages of the desk show, each read in a fixed number of statements."""

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import case, func, or_, select
from sqlalchemy.orm import Session, aliased

from hub.domain import access, coverage
from hub.domain.access import Viewer
from hub.domain.accounts import Account, Service, Site
from hub.domain.alerts import Alert
from hub.domain.cases import Case, CaseState
from hub.domain.coverage import Responsible
from hub.domain.people import Person
from hub.domain.signals import Signal
from hub.domain.teams import Team
from hub.domain.workorders import OPEN_STATES, WorkOrder
from hub.flows import audience
from hub.web.queues_read import MOST

PAGE = 50
_NOTHING_OWED = or_(Case.state == CaseState.RESOLVED, Case.wait_reason == "customer")
_PROMISE = case((Case.next_update_by.is_not(None), 1), (_NOTHING_OWED, 2), else_=0)
"""First what still needs a promise, the worst on top; then what is promised; then what waits for them."""
_WORST = case({"critical": 0, "high": 1, "medium": 2}, value=Case.priority, else_=3)
_MOST_PRESSING = (_PROMISE, Case.next_update_by, _WORST, Case.opened_at)
_OPEN = Case.closed_at.is_(None)


@dataclass(frozen=True, slots=True)
class Home:
    """What is mine now: the accounts that I answer for, and the cases that wait for me."""

    held: list[tuple[Any, Responsible]]
    cases: list[Any]
    orders: list[Any]


def home(session: Session, viewer: Viewer) -> Home:
    """The desk's first page."""
    accounts = list(
        session.execute(
            select(Account.id, Account.slug, Account.name)
            .where(access.visible(viewer, "staff"), Account.closed_at.is_(None))
            .order_by(Account.name)
        )
    )
    duties = coverage.responsible_for(session, [row.id for row in accounts])
    held = [(row, duties[row.id]) for row in accounts if duties[row.id].person_id == viewer.person_id]
    mine = [row.id for row, _duty in held]
    return Home(held, _my_cases(session, viewer, mine), _my_orders(session, viewer, mine))


def _my_cases(session: Session, viewer: Viewer, accounts: Collection[uuid.UUID]) -> list[Any]:
    """Open cases that I handle, or that nobody handles on an account of mine; the most pressing first."""
    unhandled = Case.handler_id.is_(None) & Case.account_id.in_(accounts)
    query = _cases().where(
        _OPEN, access.visible(viewer, "staff"), or_(Case.handler_id == viewer.person_id, unhandled)
    )
    return list(session.execute(query.where(Case.state != CaseState.RESOLVED).limit(MOST)))


def _cases() -> Any:
    handler = aliased(Person)
    return (
        select(
            *(Case.id, Case.number, Case.title, Case.customer_title, Case.case_type, Case.state),
            *(Case.wait_reason, Case.priority, Case.next_step, Case.next_update_by, Case.target_at),
            *(Case.shared_at, Case.opened_at, Case.handler_id, handler.name.label("handler")),
            *(Account.slug, Account.name.label("account"), Account.id.label("account_id")),
        )
        .join(Account, Account.id == Case.account_id)
        .join(handler, handler.id == Case.handler_id, isouter=True)
        .order_by(*_MOST_PRESSING)
    )


def _my_orders(session: Session, viewer: Viewer, accounts: Collection[uuid.UUID]) -> list[Any]:
    """Work orders whose team asks back or refused, on accounts of mine or cases that I handle."""
    query = _orders().where(
        access.visible(viewer, "staff"),
        WorkOrder.state.in_(("question", "refused")),
        _OPEN,
        or_(Case.handler_id == viewer.person_id, Case.account_id.in_(accounts)),
    )
    return list(session.execute(query.limit(MOST)))


def _orders() -> Any:
    return (
        select(
            *(WorkOrder.id, WorkOrder.number, WorkOrder.title, WorkOrder.text, WorkOrder.state),
            *(WorkOrder.due_at, WorkOrder.placed_at, WorkOrder.foreign_status, WorkOrder.last_word),
            *(WorkOrder.foreign_status_mapped, WorkOrder.last_word_at, WorkOrder.refused_reason),
            *(WorkOrder.case_id, Team.name.label("team"), Case.number.label("case"), Account.slug),
        )
        .join(Team, Team.id == WorkOrder.team_id)
        .join(Case, (Case.account_id == WorkOrder.account_id) & (Case.id == WorkOrder.case_id))
        .join(Account, Account.id == WorkOrder.account_id)
        .order_by(WorkOrder.number.desc())
    )


@dataclass(frozen=True, slots=True)
class AccountRow:
    """One line of the list of accounts."""

    slug: str
    name: str
    zone: str
    open_cases: int
    critical: int
    duty: Responsible


def accounts(
    session: Session, viewer: Viewer, words: str, after: str | None
) -> tuple[list[AccountRow], str | None]:
    """A page of accounts by name, and the slug to go on after, if there are more."""
    query = select(Account).where(access.visible(viewer, "staff"), Account.closed_at.is_(None))
    if words:
        pattern = "%" + words.replace("\\", "\\\\").replace("%", r"\%").replace("_", r"\_") + "%"
        query = query.where(or_(Account.name.ilike(pattern, escape="\\"), Account.slug.ilike(pattern, "\\")))
    if after:
        last = select(Account.name).where(Account.slug == after).scalar_subquery()
        query = query.where(or_(Account.name > last, (Account.name == last) & (Account.slug > after)))
    found = list(session.scalars(query.order_by(Account.name, Account.slug).limit(PAGE + 1)))
    shown = found[:PAGE]
    counted = _open_counts(session, [account.id for account in shown])
    duties = coverage.responsible_for(session, [account.id for account in shown])
    rows = [AccountRow(a.slug, a.name, a.zone, *counted.get(a.id, (0, 0)), duties[a.id]) for a in shown]
    return rows, shown[-1].slug if len(found) > PAGE else None


def _open_counts(session: Session, account_ids: list[uuid.UUID]) -> dict[uuid.UUID, tuple[int, int]]:
    critical = func.sum((Case.priority == "critical").cast(Case.reopened.type))
    query = (
        select(Case.account_id, func.count(), critical)
        .where(Case.account_id.in_(account_ids), _OPEN)
        .group_by(Case.account_id)
    )
    return {account: (count, worst or 0) for account, count, worst in session.execute(query)}


@dataclass(frozen=True, slots=True)
class Side:
    """What stands beside an account's timeline."""

    duty: Responsible
    ladder: list[Any]
    cases: list[Any]
    services: list[Any]
    orders: list[Any]


def side(session: Session, account: Account, at: datetime) -> Side:
    """The panel of an account: who is responsible and who follows, open cases, services, open orders."""
    duty = coverage.responsible(session, account.id, at)
    return Side(
        duty=duty,
        ladder=[
            rung for rung in coverage.ladder(session, account.id, at) if rung.person_id != duty.person_id
        ],
        cases=list(session.execute(_cases().where(Case.account_id == account.id, _OPEN).limit(MOST))),
        services=services(session, account.id),
        orders=list(
            session.execute(
                _orders()
                .where(WorkOrder.account_id == account.id, WorkOrder.state.in_(OPEN_STATES))
                .limit(MOST)
            )
        ),
    )


def duty(session: Session, account: Account) -> Responsible:
    """Who is responsible now."""
    return coverage.responsible(session, account.id)


def who_is_told(session: Session, account_id: uuid.UUID, some: Collection[Case]) -> list[list[str]]:
    """For each case the people who get an answer on it by mail, by name: the rule of the mails itself."""
    told = audience.told_of(session, account_id, list(some))
    everyone = {person_id for people in told.values() for person_id in people}
    reached = audience.verified_addresses(session, list(everyone))
    query = select(Person.id, Person.name).where(Person.id.in_(reached))
    names = {row.id: row.name for row in session.execute(query)}
    return [sorted(names[each] for each in told[case.id] if each in names) for case in some]


def services(session: Session, account_id: uuid.UUID) -> list[Any]:
    """The services of an account with their site and how many alerts they have now."""
    alarms = (
        select(func.count())
        .where(Alert.account_id == account_id, Alert.service_id == Service.id, Alert.cleared_at.is_(None))
        .scalar_subquery()
    )
    query = (
        select(Service.id, Service.name, Service.kind, Site.name.label("site"), alarms.label("alarms"))
        .join(Site, (Site.account_id == Service.account_id) & (Site.id == Service.site_id), isouter=True)
        .where(Service.account_id == account_id, Service.closed_at.is_(None))
        .order_by(Site.name, Service.name)
    )
    return list(session.execute(query))


def orders_of_case(session: Session, case: Case) -> list[Any]:
    """The work orders of a case, newest first."""
    query = _orders().where(WorkOrder.account_id == case.account_id, WorkOrder.case_id == case.id)
    return list(session.execute(query))


def alerts_of_case(session: Session, case: Case) -> list[Any]:
    """The alerts that a case gathered, those still active first."""
    query = (
        select(
            *(Alert.severity, Alert.raised_at, Alert.cleared_at, Signal.title, Signal.repeats),
            Service.name.label("service"),
        )
        .join(Service, (Service.account_id == Alert.account_id) & (Service.id == Alert.service_id))
        .join(Signal, (Signal.connection_id == Alert.connection_id) & (Signal.id == Alert.signal_id))
        .where(Alert.account_id == case.account_id, Alert.case_id == case.id)
        .order_by(Alert.cleared_at.is_not(None), Alert.raised_at.desc())
    )
    return list(session.execute(query.limit(MOST)))


def open_teams(session: Session) -> list[tuple[str, str]]:
    """Teams that orders can be placed with, as choices."""
    query = select(Team.slug, Team.name).where(Team.closed_at.is_(None)).order_by(Team.name)
    return [(row.slug, row.name) for row in session.execute(query)]
