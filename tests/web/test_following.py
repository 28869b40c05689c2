"""Small doors of a case: a customer follows it or no longer, and we close one that nobody confirms."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.domain import access, accounts, cases, coverage, people
from hub.domain.accounts import Account, Limits
from hub.domain.audit import HUB
from hub.domain.cases import Case, NewCase
from hub.domain.people import Person
from hub.flows import desk
from hub.flows.runtime import Hub
from hub.testing.pages import Browser, Shown
from hub.testing.world import PASSWORD, World


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


@pytest.fixture
def dirk(hub: Hub, world: World) -> Person:
    """A colleague of Petra's who sees only what they reported or follow."""
    with hub.db.write() as session:
        person = people.add_person(session, HUB, "Dirk Voss", emails=["dirk@nordwind.example"])
        people.set_password(session, HUB, person, "dirk@nordwind.example", PASSWORD)
        nordwind = session.get_one(Account, world.nordwind.account)
        accounts.add_member(session, HUB, nordwind, person, ["requester"])
        return person


def test_a_portal_administrator_lets_a_colleague_follow_a_case(
    hub: Hub, petra: Browser, browse: Callable[[str], Browser], dirk: Person, case: Case
) -> None:
    address = f"/portal/nordwind/case/{case.number}"
    colleague = browse("dirk@nordwind.example")
    assert colleague.get(address).status_code == 404
    form = _form(petra, address, "let_follow")
    assert [field["options"] for field in form["fields"] if field["name"] == "person"] == [["", str(dirk.id)]]
    assert petra.post(f"{address}/let_follow", {"person": ""}).status_code == 422
    assert petra.post(f"{address}/let_follow", {"person": str(dirk.id)}).status_code == 303
    assert _watchers(hub, case) == [dirk.id]
    assert "Line down" in colleague.get(address).text
    assert "Colleagues who follow it" not in colleague.get(address).text
    assert _form(petra, address, "end_follow")["fields"][-1]["value"] == str(dirk.id)
    assert petra.post(f"{address}/end_follow", {"person": str(dirk.id)}).status_code == 303
    assert colleague.get(address).status_code == 404


def test_only_colleagues_are_let_in_and_only_by_a_portal_administrator(
    hub: Hub, world: World, petra: Browser, browse: Callable[[str], Browser], dirk: Person, case: Case
) -> None:
    address = f"/portal/nordwind/case/{case.number}"
    for stranger in (world.bolt.person, world.kim, case.id):
        assert petra.post(f"{address}/let_follow", {"person": str(stranger)}).status_code == 422
    assert _watchers(hub, case) == []
    assert petra.post(f"{address}/let_follow", {"person": str(dirk.id)}).status_code == 303
    colleague = browse("dirk@nordwind.example")
    for verb in ("let_follow", "end_follow"):
        assert colleague.post(f"{address}/{verb}", {"person": str(world.nordwind.person)}).status_code == 403
    assert _watchers(hub, case) == [dirk.id]


def test_who_belongs_by_the_parent_is_offered_and_ended_like_any_colleague(
    hub: Hub, world: World, petra: Browser, dirk: Person, case: Case
) -> None:
    with hub.db.write() as session:
        holding = accounts.add_account(session, HUB, "Holding", prefix="HOLD")
        session.get_one(Account, world.nordwind.account).parent_id = holding.id
        for name, limits in (("Paul Parent", None), ("Lim Parent", Limits(sites=_site(session, holding)))):
            person = people.add_person(session, HUB, name)
            accounts.add_member(session, HUB, holding, person, ["viewer"], limits=limits)
    address = f"/portal/nordwind/case/{case.number}"
    with hub.db.read() as session:
        named = {row.name: str(row.id) for row in session.scalars(select(Person))}
    paul, limited = named["Paul Parent"], named["Lim Parent"]
    assert _offered(petra, address) == ["", str(dirk.id), paul]
    assert petra.post(f"{address}/let_follow", {"person": limited}).status_code == 422
    assert petra.post(f"{address}/let_follow", {"person": paul}).status_code == 303
    assert _form(petra, address, "end_follow")["fields"][-1]["value"] == paul
    assert petra.post(f"{address}/end_follow", {"person": paul}).status_code == 303
    assert _watchers(hub, case) == []


def test_who_may_not_come_in_any_more_is_not_offered_but_can_be_ended(
    hub: Hub, world: World, petra: Browser, dirk: Person, case: Case
) -> None:
    address = f"/portal/nordwind/case/{case.number}"
    assert petra.post(f"{address}/let_follow", {"person": str(dirk.id)}).status_code == 303
    with hub.db.write() as session:
        coverage.disable(session, HUB, session.get_one(Person, dirk.id))
    assert petra.post(f"{address}/end_follow", {"person": str(dirk.id)}).status_code == 303
    assert petra.post(f"{address}/let_follow", {"person": str(dirk.id)}).status_code == 422
    assert "Dirk Voss" not in petra.get(address).text.split('id="colleagues"', 1)[-1]
    assert _watchers(hub, case) == []


def _site(session: Session, account: Account) -> frozenset[uuid.UUID]:
    return frozenset({accounts.add_site(session, HUB, account, "Yard", zone="UTC").id})


def _offered(browser: Browser, address: str) -> list[str]:
    fields = _form(browser, address, "let_follow")["fields"]
    [options] = [field["options"] for field in fields if field["name"] == "person"]
    return list(options)


def _form(browser: Browser, address: str, verb: str) -> dict[str, Any]:
    [form] = [each for each in Shown(browser.get(address).text).forms if each["action"].endswith(f"/{verb}")]
    return form


def test_the_details_of_a_case_are_one_link_away(petra: Browser, case: Case, dirk: Person) -> None:
    address, change = f"/portal/nordwind/case/{case.number}", "Changed: who follows it."
    assert petra.post(f"{address}/let_follow", {"person": str(dirk.id)}).status_code == 303
    page = petra.get(address).text
    assert change not in _said(page)
    (detailed,) = [link for link in Shown(page).links if link.startswith(address) and "details=1" in link]
    page = petra.get(detailed.split("#")[0]).text
    assert change in _said(page)
    assert not [link for link in Shown(page).links if "details=1" in link]


def _said(page: str) -> str:
    return " ".join(Shown(page).text.split())


def test_we_close_a_solved_case_that_nobody_confirms(
    hub: Hub, kim: Browser, petra: Browser, case: Case
) -> None:
    address = f"/desk/nordwind/case/{case.number}"
    early = kim.post(f"{address}/close")
    assert early.status_code == 422
    assert "This was not done" in early.text
    assert "Close it without their word" not in kim.get(address).text
    assert kim.post(f"{address}/resolve", {"solution": "Spliced."}).status_code == 303
    assert "Close it without their word" in kim.get(address).text
    assert kim.post(f"{address}/close").status_code == 303
    with hub.db.read() as session:
        assert session.get_one(Case, (case.account_id, case.id)).state == "closed"
    assert case.number in petra.get("/portal/nordwind?details=1").text
