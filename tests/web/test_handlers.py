"""Work is offered to those who may do it, and comes back from those who leave, whoever sends them away."""

import re
from collections.abc import Callable

import pytest
from sqlalchemy import select

from hub.domain import access, accounts, cases, coverage, people
from hub.domain.accounts import Account
from hub.domain.audit import HUB
from hub.domain.cases import Case, NewCase
from hub.flows import desk
from hub.flows.runtime import Hub
from hub.testing.pages import Browser
from hub.testing.world import PASSWORD, World

Browse = Callable[[str], Browser]
CASE = "/desk/nordwind/case"


@pytest.fixture
def ada(hub: Hub, world: World, browse: Browse) -> Browser:
    """An administrator from whom restricted accounts are hidden."""
    with hub.db.write() as session:
        person = people.add_person(session, HUB, "Ada Admin")
        people.set_password(session, HUB, person, "ada@elbe.example", PASSWORD)
        people.grant_role(session, HUB, person, "admin")
    return browse("ada@elbe.example")


@pytest.fixture
def number(hub: Hub, world: World) -> str:
    """A case of Nordwind, which is restricted."""
    with hub.db.write() as session:
        account = session.get_one(Account, world.nordwind.account)
        accounts.change_account(session, HUB, account, restricted=True)
        otto = people.add_person(session, HUB, "Otto Lang")
        people.grant_role(session, HUB, otto, "auditor")
        coverage.set_last_resort(session, HUB, world.rita)
        kim = access.viewer_of(session, world.kim)
        return desk.open_case(session, kim, account, NewCase(title="Line down", case_type="incident")).number


def handler_of(hub: Hub, number: str) -> object:
    with hub.db.read() as session:
        return session.scalars(select(Case.handler_id).where(Case.number == number)).one()


def test_a_restricted_accounts_case_is_offered_to_those_who_may_open_it(
    kim: Browser, hub: Hub, world: World, number: str, ada: Browser
) -> None:
    page = kim.get(f"{CASE}/{number}").text
    [offered] = re.findall(r'<select[^>]*name="person".*?</select>', page, re.DOTALL)
    names = re.findall(r">([^<>]+)</option>", offered)
    assert names == ["The responsible contact", "Dana Krause", "Kim Brandt", "Rita Okafor"]
    refused = kim.post(f"{CASE}/{number}/handler", {"person": str(world.maya)}, page=f"{CASE}/{number}")
    assert refused.status_code == 422
    assert "Please choose one of us who works on this account." in refused.text
    assert handler_of(hub, number) is None
    given = kim.post(f"{CASE}/{number}/handler", {"person": str(world.dana)}, page=f"{CASE}/{number}")
    assert (given.status_code, handler_of(hub, number)) == (303, world.dana)


@pytest.mark.parametrize("verb", ["disable", "roles"])
def test_who_leaves_gives_back_cases_of_accounts_that_the_administrator_may_not_see(
    ada: Browser, kim: Browser, hub: Hub, world: World, number: str, verb: str
) -> None:
    with hub.db.write() as session:
        case = session.scalars(select(Case).where(Case.number == number)).one()
        cases.set_handler(session, HUB, case, world.kim)
    where = f"/admin/people/{world.kim}"
    done = ada.post(f"{where}/{verb}", {"roles": ["auditor"]} if verb == "roles" else {}, page=where)
    assert done.status_code == 303
    assert handler_of(hub, number) is None
    with hub.db.read() as session:
        assert coverage.responsible(session, world.nordwind.account).person_id == world.dana
    if verb == "roles":
        assert kim.get("/desk").status_code == 200, "auditors read"
    else:
        ada.post(f"{where}/enable", {}, page=where)
        assert kim.get("/desk").status_code == 302, "the session from before stays over"
