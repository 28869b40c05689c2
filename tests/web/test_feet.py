"""What stands under an entry: who, and by which way, in words that a contact would use."""

import uuid

import pytest

from hub.domain import cases, people, teams, timeline
from hub.domain.accounts import Account
from hub.domain.audit import HUB, Actor
from hub.domain.cases import NewCase
from hub.domain.kinds import Kind
from hub.domain.timeline import NewEntry
from hub.flows import desk
from hub.flows.runtime import Hub
from hub.testing.pages import Browser, Shown
from hub.testing.world import World


def feet(browser: Browser, address: str) -> list[str]:
    """The small line under each entry that has one, newest first."""
    found, inside = [], browser.get(address).text.split('<div class="e-foot">')
    for part in inside[1:]:
        found.append(" ".join(Shown(part.split("</div>")[0]).text.split()))
    return found


def beside(browser: Browser, address: str) -> list[str]:
    """What stands beside the sentence of each entry that has no text of its own, newest first."""
    found = browser.get(address).text.split('<span class="e-by">· ')[1:]
    return [Shown(part.split("</span>")[0]).text.strip() for part in found]


def case_of(hub: Hub, world: World) -> tuple[uuid.UUID, str]:
    with hub.db.write() as session:
        account = session.get_one(Account, world.nordwind.account)
        new = NewCase(title="Line down", customer_title="Line down")
        case = cases.open_case(session, HUB, account, new).case
        cases.share(session, HUB, case)
        return case.id, case.number


def test_a_teams_message_names_the_connection_as_people_do(kim: Browser, hub: Hub, world: World) -> None:
    case_id, number = case_of(hub, world)
    with hub.db.write() as session:
        team = teams.add_team(session, HUB, "Fibre", email="fibre@elbe.example")
        case = session.get_one(cases.Case, (world.nordwind.account, case_id))
        order = desk.workorders.place(session, HUB, case, team, "Splice", "km 4")
        said = Actor("team", "Anna", team.id)
        desk.order_said(
            session, said, order, "Anna", "Three hours.", channel="request_tracker", via="Network tickets"
        )
    page = f"/desk/nordwind/case/{number}"
    assert "by Network tickets" in feet(kim, page)[0]
    assert "request_tracker" not in kim.get(page).text


def test_a_channel_that_only_its_connector_knows_by_name_is_not_named(
    kim: Browser, hub: Hub, world: World
) -> None:
    case_id, number = case_of(hub, world)
    with hub.db.write() as session:
        case = session.get_one(cases.Case, (world.nordwind.account, case_id))
        cases.customer_wrote(session, Actor("customer", "Petra"), case, "Hello.", channel="freight_desk")
    page = f"/desk/nordwind/case/{number}"
    assert feet(kim, page)[0] == "through a connected tool"
    assert "freight_desk" not in kim.get(page).text


@pytest.mark.parametrize("title", ["Annual maintenance", "Maintenance in Ann Arbor"])
def test_who_did_it_stands_there_though_the_title_has_the_same_letters(
    kim: Browser, hub: Hub, world: World, title: str
) -> None:
    with hub.db.write() as session:
        ann = people.add_person(session, HUB, "Ann")
        account = session.get_one(Account, world.nordwind.account)
        staff = Actor("staff", "Ann", ann.id)
        case = cases.open_case(session, staff, account, NewCase(title=title)).case
    page = f"/desk/nordwind/case/{case.number}"
    assert beside(kim, page) == ["Ann"]
    with hub.db.write() as session:
        cases.note(session, staff, session.get_one(cases.Case, (account.id, case.id)), "Soon.")
    assert beside(kim, page) == ["Ann"]
    assert not any("Ann" in foot for foot in feet(kim, page))  # "Ann noted." says it already


def test_the_number_of_a_case_stands_there_though_a_longer_one_is_named(
    kim: Browser, hub: Hub, world: World
) -> None:
    case_id, number = case_of(hub, world)
    with hub.db.write() as session:
        facts = {"person": f"Bot {number}5"}
        timeline.append(session, NewEntry(world.nordwind.account, Kind.NOTE, HUB, facts, case_id=case_id))
    assert beside(kim, "/desk/nordwind")[0] == number


def test_under_what_was_published_stands_no_way_that_it_did_not_go_alone(
    kim: Browser, petra: Browser, hub: Hub, world: World
) -> None:
    _, number = case_of(hub, world)
    page = f"/desk/nordwind/case/{number}"
    told = {"body": "We splice.", "next_step": "Splicing", "next_update_by": "2030-01-01T10:00"}
    assert kim.post(f"{page}/write/answer", told, page=page).status_code == 303
    assert feet(kim, page)[0] == "published"
    mine = f"/portal/nordwind/case/{number}"
    assert petra.post(f"{mine}/answer", {"text": "Thanks."}, page=mine).status_code == 303
    assert feet(kim, page)[0] == "on the portal"
