"""The composer says who is told, by the rule of the mails, and is offered where an answer can be given."""

import pytest
from sqlalchemy.orm import Session

from hub.domain import access, accounts, people
from hub.domain.accounts import Account, Limits
from hub.domain.audit import HUB
from hub.domain.cases import Case, NewCase
from hub.flows import desk
from hub.flows.runtime import Hub
from hub.testing.pages import Browser
from hub.testing.world import World


def join(session: Session, account: Account, name: str, role: str, limits: Limits | None = None) -> None:
    person = people.add_person(session, HUB, name)
    accounts.add_member(session, HUB, account, person, [role], limits=limits)


@pytest.fixture
def number(hub: Hub, world: World) -> str:
    with hub.db.write() as session:
        account = session.get_one(Account, world.nordwind.account)
        site = accounts.add_site(session, HUB, account, "Yard", zone="Europe/Berlin")
        join(session, account, "Lim Limited", "technical", Limits(sites=frozenset({site.id})))
        join(session, account, "Bill Billing", "billing")
        return _open(session, world).number


def _open(session: Session, world: World) -> Case:
    account = session.get_one(Account, world.nordwind.account)
    new = NewCase(
        title="Line down", case_type="incident", customer_title="Line down", impact="high", urgency="high"
    )
    return desk.open_case(session, access.viewer_of(session, world.kim), account, new, share=True)


@pytest.mark.parametrize("place", ["/desk/nordwind", "/desk/nordwind/case/{}"])
def test_the_composer_names_those_who_are_told_and_no_others(kim: Browser, number: str, place: str) -> None:
    shown = kim.get(place.format(number)).text.split("composer-to", 1)[1].split("<textarea", 1)[0]
    assert "Petra Petersen" in shown
    assert "Lim Limited" not in shown
    assert "Bill Billing" not in shown


def test_a_solved_case_offers_to_take_it_up_and_an_ended_one_no_answer(
    hub: Hub, world: World, kim: Browser, number: str
) -> None:
    case = f"/desk/nordwind/case/{number}"
    told = {"body": "More.", "next_step": "Wait", "next_update_by": "2030-01-01T10:00"}
    kim.post(f"{case}/resolve", {"solution": "Spliced."})
    assert 'href="#move-reopen"' in kim.get(f"{case}?compose=answer").text
    assert kim.post(f"{case}/write/answer", told).status_code == 422
    kim.post(f"{case}/confirm", {})
    ended = kim.get(f"{case}?compose=answer").text
    assert "/write/answer" not in ended
    assert "/write/note" in kim.get(case).text


def test_a_critical_case_shows_its_state_beside_its_priority(kim: Browser, number: str) -> None:
    kim.post(f"/desk/nordwind/case/{number}/wait", {"reason": "customer"})
    side = kim.get("/desk/nordwind").text.split("<aside", 1)[1]
    assert "critical" in side
    assert "waiting for the customer" in side
