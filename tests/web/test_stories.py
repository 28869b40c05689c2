"""The main job by its pages: what one side does, the other one sees."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from hub.base import clock
from hub.domain import accounts, connections, outbox, people, quarantine, teams
from hub.domain.accounts import Limits
from hub.domain.audit import HUB
from hub.domain.cases import Case
from hub.domain.outbox import DELIVERIES, Delivery, DeliveryState
from hub.domain.quarantine import QuarantineKind
from hub.flows import alarm
from hub.flows.runtime import Hub
from hub.plugin.contracts import SignalEvent
from hub.testing.fixtures import counting
from hub.testing.pages import Browser, Shown
from hub.testing.world import PASSWORD, World

Browse = Callable[..., Browser]


def soon() -> str:
    return f"{clock.now() + timedelta(hours=2):%Y-%m-%dT%H:%M}"


def report(petra: Browser, title: str = "The line is slow") -> str:
    data = {"title": title, "text": "Since this morning.", "effect": "degraded", "reference": "T-77"}
    answer = petra.post("/portal/nordwind/report/problem", data, page="/portal/nordwind/report/problem")
    assert answer.status_code == 303
    return answer.headers["Location"].rsplit("/", 1)[1]


def visible(browser: Browser, address: str) -> str:
    return " ".join(Shown(browser.get(address).text).text.split())


def test_a_report_is_answered_solved_and_confirmed(kim: Browser, petra: Browser):
    number = report(petra)
    desk, mine = f"/desk/nordwind/case/{number}", f"/portal/nordwind/case/{number}"
    assert "The line is slow" in visible(kim, "/desk")
    told = {"body": "We measure it.", "next_step": "The team looks at the port", "next_update_by": soon()}
    assert kim.post(f"{desk}/write/answer", told, page=desk).status_code == 303
    assert "We measure it." in visible(petra, mine)
    assert "The team looks at the port" in visible(petra, "/portal/nordwind")
    assert petra.post(f"{mine}/answer", {"text": "Thank you!"}, page=mine).status_code == 303
    assert "Thank you!" in visible(kim, "/desk/nordwind")
    assert kim.post(f"{desk}/resolve", {"solution": "A new optic."}, page=desk).status_code == 303
    assert "Your answer, please" in visible(petra, "/portal/nordwind")
    assert petra.post(f"{mine}/reopen", {"reason": "Still slow."}, page=mine).status_code == 303
    assert "Still slow." in visible(kim, desk)
    assert kim.post(f"{desk}/resolve", {"solution": "Another optic."}, page=desk).status_code == 303
    assert petra.post(f"{mine}/confirm", page=mine).status_code == 303
    assert "Nothing is open" in visible(petra, "/portal/nordwind")


def test_publishing_asks_for_the_next_step_and_the_next_update(kim: Browser, petra: Browser):
    number = report(petra)
    page = f"/desk/nordwind/case/{number}"
    for missing in ("next_step", "next_update_by"):
        told = {"body": "Half a promise.", "next_step": "We look", "next_update_by": soon(), missing: ""}
        answer = kim.post(f"{page}/write/answer", told, page=page)
        assert answer.status_code == 422
        assert "Half a promise." in answer.text  # what was typed is kept
        assert f'id="{missing}-error"' in answer.text  # and the field is named
    assert "Half a promise." not in petra.get(f"/portal/nordwind/case/{number}").text


def test_a_staff_note_and_a_work_order_stay_with_us(kim: Browser, petra: Browser, hub: Hub):
    with hub.db.write() as session:
        team = teams.add_team(session, HUB, "Fibre team", email="fibre@elbe.example").slug
    number = report(petra)
    page = f"/desk/nordwind/case/{number}"
    note = {"body": "He is a difficult one."}
    assert kim.post(f"{page}/write/note", note, page=f"{page}?compose=note").status_code == 303
    order = {"team": team, "title": "Clean the connector", "body": "Rack 7."}
    assert kim.post(f"{page}/write/order", order, page=f"{page}?compose=order").status_code == 303
    ours = visible(kim, page)
    assert "difficult one" in ours
    assert "Fibre team" in ours
    for address in ("/portal/nordwind", f"/portal/nordwind/case/{number}"):
        for word in ("difficult", "Fibre", "WO-", "Rack 7"):
            assert word not in petra.get(address).text


def test_the_composer_never_leaves_its_audience_in_doubt(kim: Browser, petra: Browser):
    page = f"/desk/nordwind/case/{report(petra)}"
    answer, note = kim.get(page).text, kim.get(f"{page}?compose=note").text
    assert "composer--customer" in answer
    assert "The customer sees this" in answer
    assert "Send to customer" in answer
    assert "composer--staff" in note
    assert "the customer never sees this" in note
    assert "Save for staff only" in note


def test_the_same_form_sent_twice_acts_once(petra: Browser, hub: Hub):
    page = "/portal/nordwind/report/question"
    data = {"title": "Twice?", "text": "Yes.", "effect": "none", "form_key": "k1"}
    first, second = (petra.post(page, data, page=page).headers["Location"] for _ in range(2))
    assert first == second
    with hub.db.read() as session:
        assert len(list(session.scalars(select(Case)))) == 1


def test_who_sees_one_service_only_learns_nothing_of_the_others(
    browse: Browse, petra: Browser, hub: Hub, world: World
):
    number = report(petra, "Something else is broken")
    with hub.db.write() as session:
        nordwind = accounts.get_account(session, world.nordwind.account)
        rack = accounts.add_service(session, HUB, nordwind, "rack", "Rack 9")
        ben = people.get_person(session, world.bolt.person)
        limits = Limits(services=frozenset({rack.id}))
        accounts.add_member(session, HUB, nordwind, ben, ["technical"], limits=limits)
    ben_at_home = browse(world.bolt.login)
    page = visible(ben_at_home, "/portal/nordwind")
    assert "Rack 9" in page
    assert "Something else is broken" not in page
    assert "Nordwind line" not in page
    assert ben_at_home.get(f"/portal/nordwind/case/{number}").status_code == 404


def test_a_case_is_only_found_under_its_own_account(kim: Browser, petra: Browser):
    number = report(petra)
    assert kim.get(f"/desk/nordwind/case/{number}").status_code == 200
    assert kim.get(f"/desk/bolt/case/{number}").status_code == 404


def strange_signal(hub: Hub) -> None:
    now = clock.now()
    with hub.db.write() as session:
        monitor = connections.add_connection(
            session, HUB, hub.registry, hub.keyring, "alertmanager", "Alerts", "own", {}
        )
        names = (("host", "web17"),)
        event = SignalEvent("k", now, "firing", now, "critical", "critical", "Disk full", identifiers=names)
        alarm.sound(session, alarm.Source(monitor.id, monitor.name), [event])


def test_a_signal_that_nobody_knows_is_mapped_once_and_becomes_a_case(kim: Browser, hub: Hub, world: World):
    strange_signal(hub)
    page = re.search(r"/desk/queues/signals/[0-9a-f-]{36}", kim.get("/desk/queues/signals").text)
    assert page is not None
    assert "Nordwind" in visible(kim, f"{page[0]}?q=nord")
    chosen = f"{page[0]}?account=nordwind"
    data = {"account": "nordwind", "identifier": "host:web17", "service": str(world.nordwind.service)}
    assert kim.post(page[0], data, page=chosen).status_code == 303
    assert "Disk full" in visible(kim, "/desk/nordwind")
    assert "Every signal found its service" in visible(kim, "/desk/queues/signals")
    late = kim.get(page[0])
    assert late.status_code == 409
    assert "This signal waits no longer" in late.text


def test_a_name_that_the_signal_does_not_carry_is_refused(kim: Browser, hub: Hub, world: World):
    strange_signal(hub)
    page = re.search(r"/desk/queues/signals/[0-9a-f-]{36}", kim.get("/desk/queues/signals").text)
    assert page is not None
    data = {"account": "nordwind", "identifier": "host:other", "service": str(world.nordwind.service)}
    assert kim.post(page[0], data).status_code == 422


def test_a_parked_mail_is_put_onto_its_case(kim: Browser, petra: Browser, hub: Hub):
    number = report(petra)
    strange_signal(hub)
    mail = b"From: Who <who@else.example>\nSubject: About it\n\nI know what it is."
    with hub.db.write() as session:
        source = connections.find(session, "alerts")
        quarantine.keep(
            session, source.id, QuarantineKind.MAIL, "Nobody knows the sender.", mail, subject="About it"
        )
    page = re.search(r"/desk/queues/mail/[0-9a-f-]{36}", kim.get("/desk/queues/mail").text)
    assert page is not None
    assert "I know what it is." in visible(kim, page[0])
    assert kim.post(f"{page[0]}/put", {"number": "NORD-1"}, page=page[0]).status_code == 422
    assert kim.post(f"{page[0]}/put", {"number": number.lower()}, page=page[0]).status_code == 303
    assert "I know what it is." in visible(kim, f"/desk/nordwind/case/{number}")
    assert "I know what it is." not in petra.get(f"/portal/nordwind/case/{number}").text
    assert "No parked mail" in visible(kim, "/desk/queues/mail")


@pytest.mark.parametrize(("verb", "data"), [("retry", {}), ("drop", {"outcome": "I called them."})])
def test_a_lost_delivery_is_tried_again_or_given_up(
    kim: Browser, hub: Hub, world: World, verb: str, data: dict[str, str]
):
    with hub.db.write() as session:
        lost = outbox.put(session, "mail", {}, account_id=world.nordwind.account)
        gone: dict[str, Any] = {"state": DeliveryState.FAILED, "last_error": "550 nobody"}
        session.execute(update(DELIVERIES).where(DELIVERIES.c.id == lost).values(**gone))
    page = "/desk/queues/deliveries"
    assert "550 nobody" in visible(kim, page)
    if verb == "drop":
        assert kim.post(f"{page}/{lost}/drop", {"outcome": ""}, page=page).status_code == 422
    assert kim.post(f"{page}/{lost}/{verb}", data, page=page).status_code == 303
    assert "Everything was delivered" in visible(kim, page)
    with hub.db.read() as session:
        found = session.get_one(Delivery, lost)
        assert (found.state == DeliveryState.DUE) == (verb == "retry")
        assert (found.handled_by == world.kim) == (verb == "drop")


def test_an_account_is_set_up_without_touching_the_database(rita: Browser, browse: Browse, world: World):
    new = {
        "name": "Südstern GmbH",
        "prefix": "sued",
        "language": "de",
        "zone": "Europe/Berlin",
        "password_login": "1",
    }
    made = rita.post("/admin/accounts/new", new, page="/admin/accounts/new")
    assert made.headers["Location"] == "/admin/accounts/sudstern-gmbh"
    page = "/admin/accounts/sudstern-gmbh"
    named = {"role": "named", "person": str(world.kim), "reach_name": "Kim for you", "zone": "Europe/Berlin"}
    hours = {"days": ["0", "1", "2", "3", "4"], "begins": "09:00", "ends": "17:30"}
    assert rita.post(f"{page}/assign", {**named, **hours}, page=page).status_code == 303
    assert "Mo, Tu, We, Th, Fr 09:00–17:30" in visible(rita, page)
    assert rita.post(f"{page}/service", {"name": "Line 1", "kind": "circuit"}, page=page).status_code == 303
    service = re.search(r'<option value="([0-9a-f-]{36})">Line 1', rita.get(page).text)
    assert service is not None
    name = {"service": service[1], "kind": "circuit", "value": "CIR-1", "audience": "staff"}
    assert rita.post(f"{page}/identifier", name, page=page).status_code == 303
    add = {
        "name": "Jo Weber",
        "kind": "human",
        "email": "jo@sued.example",
        "language": "de",
        "zone": "Europe/Berlin",
    }
    person = rita.post("/admin/people/new", add, page="/admin/people/new").headers["Location"]
    login = {"login": "jo@sued.example", "password": PASSWORD}
    assert rita.post(f"{person}/password", login, page=person).status_code == 303
    member = {"person": person.rsplit("/", 1)[1], "roles": ["portal_admin"], "sees": "everything"}
    assert rita.post(f"{page}/member", member, page=page).status_code == 303
    jo = browse("jo@sued.example")
    assert "Line 1" in visible(jo, "/portal/sudstern-gmbh")


def test_a_form_keeps_what_was_typed_and_says_what_to_do(rita: Browser):
    wrong = {"name": "Keep me", "prefix": "1", "language": "de", "zone": "Nowhere/Else"}
    answer = rita.post("/admin/accounts/new", wrong, page="/admin/accounts/new")
    assert answer.status_code == 422
    assert 'value="Keep me"' in answer.text
    assert "Not a known time zone" in answer.text


def test_a_secret_of_a_connection_never_comes_back_and_a_token_is_shown_once(rita: Browser):
    page = "/admin/connections/new/alertmanager"
    data = {
        "name": "Alerts",
        "side": "own",
        "enabled": "1",
        "severity_label": "severity",
        "api_token": "s3cr3t-word",
    }
    added, made = rita.post(page, data, page=page), "/admin/connections/alerts"
    first = re.search(r"in_[A-Za-z0-9_-]{43}", added.text)
    assert first is not None
    assert "s3cr3t-word" not in rita.get(made).text
    shown = rita.post(f"{made}/token", page=made)
    token = re.search(r"in_[A-Za-z0-9_-]{43}", shown.text)
    assert token is not None
    assert token[0] != first[0]
    for secret in (token[0], first[0]):
        assert secret not in rita.get(made).text
    kept = rita.post(made, {**data, "api_token": "", "name": "Alerts 2"}, page=made)
    assert kept.status_code == 303


def test_the_page_of_an_account_costs_the_same_for_any_length_of_its_timeline(
    kim: Browser, petra: Browser, hub: Hub
):
    report(petra)
    with counting(hub.db) as few:
        kim.get("/desk/nordwind")
    for number in range(8):
        report(petra, f"Case {number}")
    with counting(hub.db) as many:
        kim.get("/desk/nordwind")
    assert len(many) == len(few)
