"""No team goes on working for a case that has ended without anybody having said so."""

import pytest
from sqlalchemy import select

from hub.domain import access, teams
from hub.domain.accounts import Account
from hub.domain.audit import HUB
from hub.domain.cases import Case, NewCase
from hub.domain.workorders import WorkOrder
from hub.flows import desk
from hub.flows.runtime import Hub
from hub.testing.pages import Browser
from hub.testing.world import World

ENDS = {"resolve": {"solution": "Spliced."}, "cancel": {"reason": "Opened twice."}}


@pytest.fixture
def number(hub: Hub, world: World) -> str:
    with hub.db.write() as session:
        kim = access.viewer_of(session, world.kim)
        fibre = teams.add_team(session, HUB, "Fibre", email="fibre@team.example")
        new = NewCase(title="Line down", case_type="incident", customer_title="Line down")
        case = desk.open_case(session, kim, session.get_one(Account, world.nordwind.account), new, share=True)
        desk.place_order(session, kim, case, fibre, "Splice", "km 14.2")
        return case.number


def states(hub: Hub) -> tuple[str, str]:
    with hub.db.read() as session:
        return session.scalars(select(Case.state)).one(), session.scalars(select(WorkOrder.state)).one()


@pytest.mark.parametrize("verb", ENDS)
def test_the_desk_asks_before_a_case_ends_that_teams_work_on(
    hub: Hub, kim: Browser, number: str, verb: str
) -> None:
    address = f"/desk/nordwind/case/{number}"
    assert 'name="cancel_orders"' in kim.get(address).text
    answer = kim.post(f"{address}/{verb}", ENDS[verb])
    assert answer.status_code == 422
    assert "Teams still work on this case." in answer.text
    assert states(hub) == ("in_progress", "placed")
    assert kim.post(f"{address}/{verb}", {**ENDS[verb], "cancel_orders": "1"}).status_code == 303
    assert states(hub) == ({"resolve": "resolved", "cancel": "cancelled"}[verb], "cancelled")
