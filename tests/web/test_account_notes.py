"""What is noted about an account without any case, and the point that staff vouch for."""

import re

from sqlalchemy import select

from hub.domain import people
from hub.domain.audit import HUB, AuditLine
from hub.flows.audience import verified_addresses
from hub.flows.runtime import Hub
from hub.testing.pages import Browser, Shown
from hub.testing.world import World


def test_a_note_needs_no_case_and_stays_with_us(kim: Browser, petra: Browser) -> None:
    page = "/desk/nordwind?compose=note"
    shown = Shown(kim.get(page).text)
    form = next(form for form in shown.forms if form["action"].endswith("/write/note"))
    case = next(field for field in form["fields"] if field["name"] == "case")
    assert case["options"][0] == ""
    note = {"body": "They move to Bremen in May.", "case": ""}
    assert kim.post("/desk/nordwind/write/note", note, page=page).status_code == 303
    assert "move to Bremen" in kim.get("/desk/nordwind").text
    assert "move to Bremen" not in petra.get("/portal/nordwind").text
    empty = kim.post("/desk/nordwind/write/note", {"body": " ", "case": ""}, page=page)
    assert empty.status_code == 422


def test_what_reaches_the_customer_still_needs_a_case(kim: Browser) -> None:
    told = {"body": "Hello.", "next_step": "x", "next_update_by": "2030-01-01T10:00", "case": ""}
    assert kim.post("/desk/nordwind/write/answer", told).status_code == 422
    call = {"other": "Petra", "body": "x", "direction": "in", "case": ""}
    assert kim.post("/desk/nordwind/write/call", call).status_code == 422


def test_a_point_added_later_is_vouched_for_and_then_told(rita: Browser, hub: Hub, world: World) -> None:
    with hub.db.write() as session:
        person = people.add_person(session, HUB, "Nils Voss")
        point = people.add_point(session, HUB, person.id, "email", "nils@nordwind.example")
        nils, there = person.id, point.id
    page = f"/admin/people/{nils}"
    assert "Not yet: vouch for it" in rita.get(page).text
    with hub.db.read() as session:
        assert verified_addresses(session, [nils]) == {}
    assert rita.post(f"{page}/verify_point", {"id": str(there)}, page=page).status_code == 303
    assert "vouch for it" not in rita.get(page).text
    with hub.db.read() as session:
        assert verified_addresses(session, [nils]) == {nils: "nils@nordwind.example"}
        line = session.scalars(select(AuditLine).where(AuditLine.action == "point.verified")).all()[-1]
        assert (line.actor_name, line.object_id) == ("Rita Okafor", nils)
        assert re.search("nils@nordwind.example was verified", line.sentence)


def test_nobody_elses_point_is_vouched_for(rita: Browser, hub: Hub, world: World) -> None:
    with hub.db.write() as session:
        person = people.add_person(session, HUB, "Nils Voss")
        there = people.add_point(session, HUB, person.id, "email", "nils@nordwind.example").id
    page = f"/admin/people/{world.kim}"
    assert rita.post(f"{page}/verify_point", {"id": str(there)}, page=page).status_code == 404
