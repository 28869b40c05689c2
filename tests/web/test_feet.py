"""What stands under an entry: who, and by which way, in words that a contact would use."""

import uuid

from hub.domain import cases, teams
from hub.domain.accounts import Account
from hub.domain.audit import HUB, Actor
from hub.domain.cases import NewCase
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
