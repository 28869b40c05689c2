"""Forms of tools offer only what the tool honours."""

import re
import uuid
from typing import Any

import pytest
from sqlalchemy import select

from hub.domain import connections
from hub.domain.audit import HUB
from hub.domain.connections import Connection
from hub.domain.teams import Team
from hub.flows.runtime import Hub
from hub.testing.pages import Browser, Shown

RT = {"url": "https://rt.example.net/", "login": "hub", "token": "1-14-secret", "queue": "NOC"}


def _added(hub: Hub, connector: str, name: str, values: dict[str, str]) -> uuid.UUID:
    with hub.db.write() as session:
        return connections.add_connection(
            session, HUB, hub.registry, hub.keyring, connector, name, "team", values
        ).id


def _fields(browser: Browser, address: str) -> dict[str, Any]:
    forms = Shown(browser.get(address).text).forms
    return {field["name"]: field for form in forms for field in form["fields"]}


def test_a_team_is_offered_only_tools_that_take_orders(rita: Browser, hub: Hub) -> None:
    alerts = _added(hub, "alertmanager", "Alerts", {"severity_label": "severity"})
    tickets = _added(hub, "request_tracker", "Tickets", RT)
    assert _fields(rita, "/admin/teams/new")["connection"]["options"] == ["", str(tickets)]
    team = {"name": "Fibre", "kind": "internal", "language": "en", "zone": "UTC"}
    refused = rita.post("/admin/teams/new", {**team, "connection": str(alerts)})
    assert refused.status_code == 422
    assert "Please choose a tool that takes work orders." in refused.text
    assert rita.post("/admin/teams/new", {**team, "connection": str(tickets)}).status_code == 303
    with hub.db.read() as session:
        assert session.scalars(select(Team.connection_id)).one() == tickets


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ("queu = Fibre", "Tickets has no setting queu. It has: url, login, queue"),
        ("token = mine", "Tickets has no setting token."),
        ("url = https://evil.example", "Tickets is asked at one address, for all teams."),
        ("final = closed", "This does not fit the setting: final."),
        ("queue", "Each line needs a name, = and a value."),
        ("queue = Fibre", ""),
    ],
)
def test_a_teams_options_are_settings_of_its_tool(rita: Browser, hub: Hub, options: str, told: str) -> None:
    tickets = _added(hub, "request_tracker", "Tickets", RT)
    team = {"name": "Fibre", "kind": "internal", "language": "en", "zone": "UTC"}
    answer = rita.post("/admin/teams/new", {**team, "connection": str(tickets), "options": options})
    assert (answer.status_code, told in answer.text) == (422 if told else 303, True)
    with hub.db.read() as session:
        assert session.scalars(select(Team.options)).all() == ([] if told else [{"queue": "Fibre"}])


def test_who_gets_orders_by_mail_has_no_options(rita: Browser) -> None:
    team = {"name": "Fibre", "kind": "internal", "language": "en", "zone": "UTC", "email": "f@elbe.example"}
    refused = rita.post("/admin/teams/new", {**team, "options": "queue = Fibre"})
    assert refused.status_code == 422
    assert "Only a tool of the team&#39;s own has options." in refused.text


@pytest.mark.parametrize(
    ("connector", "networks", "limit"),
    [
        ("alertmanager", True, True),
        ("request_tracker", True, True),
        ("mail", True, False),
        ("csv_directory", False, False),
    ],
)
def test_a_connection_is_asked_only_what_its_connector_honours(
    rita: Browser, connector: str, networks: bool, limit: bool
) -> None:
    fields = _fields(rita, f"/admin/connections/new/{connector}")
    assert ("allowed_networks" in fields, "body_limit" in fields) == (networks, limit)


def test_only_who_takes_bodies_has_an_address_and_a_token(rita: Browser, hub: Hub) -> None:
    _added(hub, "alertmanager", "Alerts", {"severity_label": "severity"})
    _added(hub, "csv_directory", "Files", {"folder": "/srv/files"})
    alerts = rita.get("/admin/connections/alerts").text
    assert "/in/alerts" in alerts
    assert "Make a token? It is shown once." in alerts
    assert "/in/files" not in rita.get("/admin/connections/files").text


def test_a_moved_address_asks_for_the_secret_at_its_field(rita: Browser, hub: Hub) -> None:
    _added(hub, "request_tracker", "Tickets", RT)
    moved = {**RT, "name": "Tickets", "side": "team", "token": "", "url": "https://evil.example/"}
    refused = rita.post("/admin/connections/tickets", moved)
    assert refused.status_code == 422
    assert "API token: " in refused.text
    assert re.search(r'href="#settings-token">API token: [^<]*enter it again', refused.text)
    with hub.db.read() as session:
        assert session.scalars(select(Connection.settings)).one()["url"] == "https://rt.example.net"
    assert rita.post("/admin/connections/tickets", {**moved, "token": "theirs"}).status_code == 303


def test_what_is_missing_is_said_once_at_its_field_with_its_name(rita: Browser) -> None:
    refused = rita.post(
        "/admin/connections/new/request_tracker", {"name": "Tickets", "side": "team", "url": ""}
    )
    assert refused.status_code == 422
    assert 'href="#connection-url">Address: Please fill this in.' in refused.text
    site = rita.post("/admin/accounts/nordwind/site", {"name": "", "zone": "UTC"})
    assert 'href="#site-name">Name: Please fill this in.' in site.text
    assert site.text.count("Please fill this in.") == 2


def test_what_is_wrong_with_a_button_is_told_on_top(rita: Browser) -> None:
    refused = rita.post("/admin/accounts/nordwind/close_site", {"id": ""})
    assert refused.status_code == 422
    assert refused.text.count("Please fill this in.") == 1
