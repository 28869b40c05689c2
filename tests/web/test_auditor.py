"""An auditor reads every account and case at the desk, and the audit log; every verb is forbidden to them."""

from collections.abc import Callable

import pytest
from flask import Flask
from test_isolation import GET, STAFF, VERB, Stage

from hub.domain import people, teams
from hub.domain.audit import HUB
from hub.flows.runtime import Hub
from hub.testing.pages import Browser, Shown
from hub.testing.world import PASSWORD, World

SOME_ID = "01a20bae-52a5-7110-847d-917c6311fc51"


@pytest.fixture
def otto(hub: Hub, world: World, browse: Callable[[str], Browser]) -> Browser:
    with hub.db.write() as session:
        person = people.add_person(session, HUB, "Otto Lang")
        people.set_password(session, HUB, person, "otto@elbe.example", PASSWORD)
        people.grant_role(session, HUB, person, "auditor")
        teams.add_team(session, HUB, "Fibre", email="fibre@team.example")
    return browse("otto@elbe.example")


def test_every_page_of_an_account_is_read_and_every_verb_refused(
    hub: Hub, app: Flask, world: World, otto: Browser
) -> None:
    stage = Stage(hub, app, world.nordwind, world.kim)
    for (endpoint, method, verb), example in STAFF.items():
        address, data = stage.address(endpoint, verb, example)
        if method == GET and endpoint != "desk_case.new":
            page = otto.get(address)
            assert page.status_code == 200, address
            forms = [form["action"] for form in Shown(page.text).forms if form["method"] == "post"]
            assert [action for action in forms if action.startswith("/desk")] == [], address
        else:
            for given in (data, {}):  # whatever the form holds, and however badly
                status = otto.get(address) if method == GET else otto.post(address, given)
                assert status.status_code == 403, (address, verb)


def test_no_rule_of_the_desk_lets_an_auditor_act(app: Flask, otto: Browser) -> None:
    refused = 0
    for rule in app.url_map.iter_rules():
        if not rule.rule.startswith("/desk") or "POST" not in (rule.methods or set()):
            continue
        known = {"slug": "nordwind", "number": "NORD-1", "seq": 1}
        if found := VERB.search(rule.rule):
            known[found.group(2)] = found.group(1).split(", ")[0]
        with app.test_request_context():
            values = {name: known.get(name, SOME_ID) for name in rule.arguments}
            address = app.url_for(rule.endpoint, _external=False, **values)
        assert otto.post(address, {}).status_code == 403, address
        refused += 1
    assert refused > 10


def test_queues_and_the_audit_log_are_read(hub: Hub, otto: Browser) -> None:
    for address in ("/desk", "/desk/accounts", "/admin/audit"):
        assert otto.get(address).status_code == 200, address
    assert "/admin/audit" in Shown(otto.get("/desk").text).links
    for queue in ("signals", "mail", "bodies", "deliveries"):
        assert otto.get(f"/desk/queues/{queue}").status_code == 200, queue
    assert otto.get("/admin").status_code == 403
