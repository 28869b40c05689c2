"""Provider team: I get a clear work order in my own tool and answer there; the customer never mails me."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from imitated_rt import ImitatedRt

from hub.app import create_app
from hub.domain import connections, teams
from hub.domain.audit import HUB
from hub.flows import delivery
from hub.flows.runtime import Hub
from hub.testing.fixtures import MovingClock
from hub.testing.pages import Browser, Shown
from hub.testing.peers.recorder import recorder
from hub.testing.world import PASSWORD, World

INTERNAL = "The customer broke it themselves."


@dataclass
class Story:
    """The team's tool, the people at their browsers, and the door for the tool's webhooks."""

    hub: Hub
    clock: MovingClock
    rt: ImitatedRt
    team: str
    token: str
    kim: Browser
    petra: Browser
    machine: FlaskClient

    def works(self) -> None:
        """A little time passes, and the worker does what is due."""
        self.clock.forward(timedelta(seconds=20))
        delivery.run_due(self.hub)

    def pushes(self, kind: str) -> int:
        """The tool's webhook: a hint about ticket 1."""
        answer = self.machine.post(
            "/in/noc-tickets",
            json={"ticket": 1, "type": kind},
            headers={"Authorization": f"Bearer {self.token}"},
        )
        return answer.status_code


def visible(browser: Browser, address: str) -> str:
    return " ".join(Shown(browser.get(address).text).text.split())


def signed_in(app: Flask, login: str) -> Browser:
    browser = Browser(app)
    assert browser.sign_in(login, PASSWORD).status_code == 303
    return browser


@pytest.fixture
def story(moving_clock: MovingClock, hub: Hub, world: World) -> Iterator[Story]:
    rt = ImitatedRt()
    app = create_app(hub)
    with recorder(rt) as peer:
        form = {"url": peer.url("").rstrip("/"), "login": "hub", "token": "1-14-secret"}
        with hub.db.write() as session:
            connection = connections.add_connection(
                session,
                HUB,
                hub.registry,
                hub.keyring,
                "request_tracker",
                "NOC tickets",
                "team",
                form,
                allowed_networks=["127.0.0.1"],
            )
            token = connections.new_token(session, HUB, connection)
            team = teams.add_team(
                session, HUB, "NOC", connection_id=connection.id, options={"queue": "NOC"}
            ).slug
        kim, petra = signed_in(app, "kim@elbe.example"), signed_in(app, world.nordwind.login)
        yield Story(hub, moving_clock, rt, team, token, kim, petra, app.test_client())


def test_an_order_goes_to_the_teams_tool_and_the_answer_comes_back_from_there(story: Story) -> None:
    report = "/portal/nordwind/report/problem"
    told = {"title": "The line is slow", "text": "Since this morning.", "effect": "degraded"}
    answer = story.petra.post(report, told, page=report)
    number = answer.headers["Location"].rsplit("/", 1)[1]
    desk, mine = f"/desk/nordwind/case/{number}", f"/portal/nordwind/case/{number}"

    order = {"team": story.team, "title": "Clean the connector", "body": "Rack 7, port 3."}
    assert story.kim.post(f"{desk}/write/order", order, page=f"{desk}?compose=order").status_code == 303
    story.works()
    ticket = story.rt.tickets[1]
    assert ticket["Queue"] == "NOC"
    assert "Clean the connector" in ticket["Subject"]
    assert "Rack 7, port 3." in ticket["Content"]
    # The team learns what to do, and no way around the contact.
    assert "petra" not in str(ticket).lower()

    story.rt.say(1, "Cleaned, the loss is gone.")
    story.rt.say(1, INTERNAL, kind="Comment")
    story.rt.set_status(1, "resolved")
    for kind in ("Status", "Comment", "Correspond", "Correspond"):
        assert story.pushes(kind) == 202
    story.works()

    ours = visible(story.kim, desk)
    assert ours.count("Cleaned, the loss is gone.") >= 1
    theirs = visible(story.petra, mine) + visible(story.petra, "/portal/nordwind")
    for secret in ("Cleaned, the loss is gone.", INTERNAL, "NOC", "WO-", "Rack 7", "anna"):
        assert secret not in theirs


def test_a_webhook_with_a_wrong_token_is_not_let_in(story: Story) -> None:
    story.token = "in_wrong"
    assert story.pushes("Status") == 401
