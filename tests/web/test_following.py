"""Small doors of a case: a customer follows it or no longer, and we close one that nobody confirms."""

import uuid

import pytest

from hub.domain import access, cases
from hub.domain.accounts import Account
from hub.domain.cases import Case, NewCase
from hub.flows import desk
from hub.flows.runtime import Hub
from hub.testing.pages import Browser
from hub.testing.world import World


@pytest.fixture
def case(hub: Hub, world: World) -> Case:
    """A shared case that Kim opened."""
    with hub.db.write() as session:
        account = session.get_one(Account, world.nordwind.account)
        new = NewCase(title="Line down", case_type="incident", customer_title="Line down")
        return desk.open_case(session, access.viewer_of(session, world.kim), account, new, share=True)


def _watchers(hub: Hub, case: Case) -> list[uuid.UUID]:
    with hub.db.read() as session:
        return cases.watchers_of(session, case)


def test_a_customer_follows_a_case_and_no_longer(hub: Hub, world: World, petra: Browser, case: Case) -> None:
    address = f"/portal/nordwind/case/{case.number}"
    assert "Follow this case" in petra.get(address).text
    assert petra.post(f"{address}/watch").status_code == 303
    assert _watchers(hub, case) == [world.nordwind.person]
    page = petra.get(address).text
    assert "You follow this case." in page
    assert "Follow this case" not in page
    assert petra.post(f"{address}/unwatch").status_code == 303
    assert _watchers(hub, case) == []


def test_ones_own_case_is_followed_in_any_case(petra: Browser) -> None:
    told = {"title": "No signal", "text": "Since noon.", "effect": "down", "service": ""}
    address = petra.post("/portal/nordwind/report/problem", told).headers["Location"]
    page = petra.get(address).text
    assert "No signal" in page
    assert "Follow" not in page


def test_we_close_a_solved_case_that_nobody_confirms(
    hub: Hub, kim: Browser, petra: Browser, case: Case
) -> None:
    address = f"/desk/nordwind/case/{case.number}"
    early = kim.post(f"{address}/close")
    assert early.status_code == 422
    assert "Close it without their word" not in kim.get(address).text
    assert kim.post(f"{address}/resolve", {"solution": "Spliced."}).status_code == 303
    assert "Close it without their word" in kim.get(address).text
    assert kim.post(f"{address}/close").status_code == 303
    with hub.db.read() as session:
        assert session.get_one(Case, (case.account_id, case.id)).state == "closed"
    assert case.number in petra.get("/portal/nordwind?details=1").text
