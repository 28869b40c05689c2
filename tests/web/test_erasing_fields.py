"""What an erased entry brought to its case or its work order is taken from there too."""

from collections.abc import Callable
from datetime import timedelta

import pytest
import scene
from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.base import clock
from hub.domain import cases, erasing, teams, workorders
from hub.domain.accounts import Account
from hub.domain.audit import HUB, Actor
from hub.domain.cases import Case, NewCase
from hub.domain.kinds import Kind
from hub.domain.timeline import Entry
from hub.domain.workorders import WorkOrder
from hub.flows.runtime import Hub
from hub.testing.pages import Browser
from hub.testing.world import World

SECRET = "Ms Petersen is ill"
TEAM = Actor("team", "Anna")


@pytest.fixture
def order(hub: Hub) -> WorkOrder:
    """A work order of a case that the customer knows of; both are called by what must not be said."""
    (place,) = scene.accounts(hub.db, "Acme")
    with hub.db.write() as session:
        new = NewCase(title=SECRET, customer_title=SECRET)
        case = cases.open_case(session, HUB, session.get_one(Account, place.account), new).case
        cases.share(session, HUB, case)
        team = teams.add_team(session, HUB, "Fibre", email="fibre@elbe.example")
        return workorders.place(session, HUB, case, team, SECRET, SECRET)


def _case(session: Session, order: WorkOrder) -> Case:
    return session.get_one(Case, (order.account_id, order.case_id), populate_existing=True)


def _erase(hub: Hub, order: WorkOrder, kind: Kind) -> None:
    with hub.db.write() as session:
        query = select(Entry.seq).where(Entry.account_id == order.account_id, Entry.kind == kind)
        erasing.erase(
            session, HUB, order.account_id, session.scalars(query.order_by(Entry.seq)).one(), "asked"
        )


def _next(session: Session, case: Case) -> None:
    cases.set_next(session, HUB, case, SECRET, clock.now() + timedelta(hours=1))


def _publish(session: Session, case: Case) -> None:
    cases.publish(session, HUB, case, "We look.", SECRET, clock.now() + timedelta(hours=1))


OnCase = Callable[[Session, Case], object]


@pytest.mark.parametrize(
    ("act", "kind", "field"),
    [
        (lambda session, case: cases.resolve(session, HUB, case, SECRET), Kind.CASE_RESOLVED, "solution"),
        (
            lambda session, case: cases.set_reference(session, HUB, case, SECRET),
            Kind.CASE_REFERENCE,
            "customer_reference",
        ),
        (_next, Kind.CASE_NEXT, "next_step"),
        (_publish, Kind.PUBLISHED, "next_step"),
        (
            lambda session, case: cases.prioritise(
                session, HUB, case, "low", "low", priority="high", reason=SECRET
            ),
            Kind.CASE_PRIORITY,
            "priority_reason",
        ),
        (lambda session, case: None, Kind.CASE_OPENED, "title"),
        (lambda session, case: None, Kind.CASE_OPENED, "customer_title"),
        (lambda session, case: None, Kind.CASE_SHARED, "customer_title"),
    ],
)
def test_the_case_says_it_no_more(hub: Hub, order: WorkOrder, act: OnCase, kind: Kind, field: str) -> None:
    with hub.db.write() as session:
        act(session, _case(session, order))
    with hub.db.read() as session:
        assert getattr(_case(session, order), field) == SECRET
    _erase(hub, order, kind)
    with hub.db.read() as session:
        left = _case(session, order)
        assert getattr(left, field) == (
            left.number if "title" in field else "" if field == "solution" else None
        )


OnOrder = Callable[[Session, WorkOrder], object]


@pytest.mark.parametrize(
    ("act", "kind", "field"),
    [
        (lambda session, order: None, Kind.ORDER_PLACED, "title"),
        (lambda session, order: None, Kind.ORDER_PLACED, "text"),
        (
            lambda session, order: workorders.apply_message(session, TEAM, order, "Anna", f"{SECRET}\n!"),
            Kind.ORDER_MESSAGE,
            "last_word",
        ),
        (
            lambda session, order: workorders.apply_state(
                session, TEAM, order, "refused", "rejected", True, reason=SECRET
            ),
            Kind.ORDER_STATE,
            "refused_reason",
        ),
    ],
)
def test_the_work_order_says_it_no_more(
    hub: Hub, order: WorkOrder, act: OnOrder, kind: Kind, field: str
) -> None:
    with hub.db.write() as session:
        act(session, session.get_one(WorkOrder, (order.account_id, order.id)))
    with hub.db.read() as session:
        assert SECRET in getattr(session.get_one(WorkOrder, (order.account_id, order.id)), field)
    _erase(hub, order, kind)
    with hub.db.read() as session:
        left = session.get_one(WorkOrder, (order.account_id, order.id))
        assert SECRET not in (getattr(left, field) or "")
        assert left.title  # a work order is always called something


def test_what_was_said_anew_since_then_stays(hub: Hub, order: WorkOrder) -> None:
    with hub.db.write() as session:
        case = _case(session, order)
        _next(session, case)
        _publish(session, case)
        cases.publish(session, HUB, case, "More.", "Splicing", clock.now() + timedelta(hours=1))
    _erase(hub, order, Kind.CASE_NEXT)
    with hub.db.read() as session:
        assert _case(session, order).next_step == "Splicing"
        assert _case(session, order).title == SECRET


def test_a_solution_that_was_erased_is_not_taken_for_none(
    hub: Hub, world: World, rita: Browser, petra: Browser
) -> None:
    with hub.db.write() as session:
        account = session.get_one(Account, world.nordwind.account)
        new = NewCase(title="Line down", customer_title="Line down", requester_id=world.nordwind.person)
        case = cases.open_case(session, HUB, account, new).case
        cases.share(session, HUB, case)
        seq = cases.resolve(session, HUB, case, SECRET)
    pages = ((rita, f"/desk/nordwind/case/{case.number}"), (petra, f"/portal/nordwind/case/{case.number}"))
    for browser, page in pages:
        assert SECRET in browser.get(page).text
    assert rita.post(f"/desk/nordwind/entry/{seq}/erase", {"why": "asked"}).status_code == 303
    for browser, page in pages:
        shown = browser.get(page).text
        assert SECRET not in shown
        assert "Monitoring reports" not in shown
        assert "What it said was erased." in shown
