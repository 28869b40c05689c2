"""Work orders in a real Request Tracker, also through a proxy that fails in the ways that real ones do."""

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial

import pytest
import requests
import structlog
from order_scene import TeamScene, team_scene

from hub.app import create_app
from hub.domain import connections
from hub.domain.audit import HUB
from hub.domain.outbox import DeliveryState
from hub.flows import delivery, sync
from hub.flows.runtime import Hub
from hub.plugin.outward import Outward
from hub.testing.fixtures import MovingClock
from hub.testing.peers.recorder import Answer, Request, recorder
from hub.testing.peers.request_tracker import RequestTracker, request_tracker
from plugins.itsm.request_tracker import reading

pytestmark = pytest.mark.real
PASSED_ON = ("authorization", "content-type", "if-match", "accept")
PASSED_BACK = ("etag", "location", "content-type")


@dataclass
class Proxy:
    """Passes everything on to the real one, and fails as it is told after that."""

    rt: RequestTracker
    fails_after_saving: bool = False
    pause: float = 0.0
    before_put: list[Callable[[], None]] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def __call__(self, request: Request) -> Answer:
        if request.method == "PUT" and self.before_put:
            self.before_put.pop(0)()
        headers = {name: request.headers[name] for name in PASSED_ON if name in request.headers}
        answer = requests.request(
            request.method, self.rt.url + request.target, headers=headers, data=request.body, timeout=30
        )
        if request.method != "GET":
            self.over.wait(self.pause)
            if self.fails_after_saving:
                return Answer(500, b"oops")
        back = {name.title(): answer.headers[name] for name in PASSED_BACK if name in answer.headers}
        return Answer(answer.status_code, answer.content, back)


@pytest.fixture(scope="module")
def rt() -> Iterator[RequestTracker]:
    with request_tracker() as peer:
        peer.create_queue("NOC")
        peer.create_user("anna")
        yield peer


@dataclass
class Real:
    """The scene with the real tool behind its proxy, and the ticket of the order under test."""

    it: TeamScene
    rt: RequestTracker
    proxy: Proxy
    ticket: int = 0

    def opened(self) -> "Real":
        self.it.opened()
        self.ticket = int(self.it.deliveries("order.open")[0].result["external"])  # type: ignore[index]
        return self

    def types(self) -> list[tuple[str, str]]:
        """What the ticket's history holds that somebody did: (type, by whom)."""
        kinds = ("Create", "Correspond", "Comment", "Status")
        history = self.rt.history(self.ticket)
        return [(t["Type"], t["Creator"]["id"]) for t in history if t["Type"] in kinds]


@pytest.fixture
def real(hub: Hub, moving_clock: MovingClock, rt: RequestTracker) -> Iterator[Real]:
    proxy = Proxy(rt)
    with team_scene(hub, moving_clock, token=rt.token) as it:
        it.peer.respond = proxy
        with hub.db.write() as session:
            # What older tests did there is nobody's any more, and reading all of it takes its time.
            connections.settle_poll(session, it.connection_id, None, cursor=reading.Cursor(_last(rt)).text())
        yield Real(it, rt, proxy)
        proxy.over.set()


def test_an_order_from_placing_to_its_end(real: Real) -> None:
    it = real.opened().it
    order = it.order(it.deliveries("order.open")[0].body["order_id"])
    ticket = real.rt.ticket(real.ticket)
    assert ticket["Subject"] == f"[{order.number}] Splice"
    assert "At km 4" in real.rt.history(real.ticket)[0]["Content"]
    shown = len(it.scene.entries(audience="customer"))

    real.rt.correspond(real.ticket, "We are on it, ETA 10:00. Grüße Ж", by="anna")
    real.rt.comment(real.ticket, "The customer is wrong, do not tell.", by="anna")
    real.rt.set_status(real.ticket, "stalled", by="anna")
    it.pull()
    assert it.said() == [
        ("anna", "We are on it, ETA 10:00. Grüße Ж"),
        ("anna", "The customer is wrong, do not tell."),
    ]
    assert [entry.weight for entry in it.entries("order.message")] == ["headline", "detail"]
    assert it.order(order.id).state == "question"

    it.say(order.id, "The customer agrees.")
    delivery.run_due(it.hub)
    real.rt.set_status(real.ticket, "resolved", by="anna")
    it.pull()
    assert it.order(order.id).state == "done"
    assert len(it.said()) == 2  # our own words did not come back
    # A comment stays internal, and so does everything else of the team.
    assert len(it.scene.entries(audience="customer")) == shown
    assert {entry.audience for entry in it.entries("order.message")} == {"staff"}


def test_a_cancelled_order_ends_there_and_stays_cancelled_here(real: Real) -> None:
    it = real.opened().it
    [opened] = it.deliveries("order.open")
    it.cancel(opened.body["order_id"], "We found it ourselves.")
    delivery.run_due(it.hub)
    assert real.rt.ticket(real.ticket)["Status"] == "rejected"
    assert real.types() == [("Create", "hub"), ("Comment", "hub"), ("Status", "hub")]
    it.pull()
    assert it.order(opened.body["order_id"]).state == "cancelled"
    assert it.said() == []


def test_a_500_after_the_save_doubles_nothing(real: Real) -> None:
    it = real.it
    real.proxy.fails_after_saving = True
    order_id = it.place()
    delivery.run_due(it.hub)
    assert it.deliveries("order.open")[0].state == DeliveryState.UNKNOWN
    real.proxy.fails_after_saving = False
    it.clock.forward(timedelta(minutes=1))
    delivery.run_due(it.hub)
    [sent] = it.deliveries("order.open")
    assert (sent.state, sent.possible_repeat) == (DeliveryState.DONE, False)
    real.ticket = int(sent.result["external"])  # type: ignore[index]

    it.say(order_id, "Any news?")
    real.proxy.fails_after_saving = True
    delivery.run_due(it.hub)
    real.proxy.fails_after_saving = False
    it.clock.forward(timedelta(minutes=1))
    delivery.run_due(it.hub)
    assert it.deliveries("order.push")[0].state == DeliveryState.DONE
    it.pull()
    assert [kind for kind, by in real.types() if by == "hub"] == ["Create", "Correspond"]
    assert it.said() == []


def test_a_slow_answer_is_found_and_not_sent_again(real: Real) -> None:
    quick = Outward(structlog.get_logger(), seconds=6)
    it = real.it
    it.hub = replace(it.hub, outward=quick)
    real.proxy.pause = 10
    order_id = it.place()
    delivery.run_due(it.hub)
    assert it.deliveries("order.open")[0].state == DeliveryState.UNKNOWN
    real.proxy.pause = 0
    it.clock.forward(timedelta(minutes=1))
    delivery.run_due(it.hub)
    quick.close()
    [sent] = it.deliveries("order.open")
    assert (sent.state, sent.possible_repeat) == (DeliveryState.DONE, False)
    number = it.order(order_id).number
    found = real.rt.call("GET", f"/tickets?query=Subject LIKE '{number}'&fields=Subject")["items"]
    assert len([t for t in found if t["id"] == sent.result["external"]]) == 1  # type: ignore[index]


def test_a_word_in_between_is_a_conflict_that_is_solved(real: Real) -> None:
    it = real.opened().it
    [opened] = it.deliveries("order.open")
    real.proxy.before_put.append(partial(real.rt.comment, real.ticket, "One more thing", "anna"))
    it.cancel(opened.body["order_id"], "Not needed.")
    delivery.run_due(it.hub)
    assert real.rt.ticket(real.ticket)["Status"] == "rejected"
    answers = [request for request in it.peer.requests if request.method == "PUT"]
    assert len(answers) == 2  # the first was answered 412


def test_a_team_that_resolved_meanwhile_is_not_overruled(real: Real) -> None:
    it = real.opened().it
    [opened] = it.deliveries("order.open")
    real.proxy.before_put.append(partial(real.rt.set_status, real.ticket, "resolved", "anna"))
    it.cancel(opened.body["order_id"], "Not needed.")
    delivery.run_due(it.hub)
    assert it.deliveries("order.close")[0].state == DeliveryState.DONE
    assert real.rt.ticket(real.ticket)["Status"] == "resolved"


def test_html_and_files_come_as_words(real: Real) -> None:
    it = real.opened().it
    file = {"FileName": "trace.txt", "FileType": "text/plain", "FileContent": "aG9wcw=="}
    body = {
        "Content": "<p>Left <b>port</b></p><p>a &amp; b</p>",
        "ContentType": "text/html",
        "Attachments": [file],
    }
    real.rt.call("POST", f"/ticket/{real.ticket}/correspond", "anna", json=body)
    it.pull()
    assert it.said() == [("anna", "Left port\na & b\n\n[trace.txt]")]


def test_tickets_of_others_are_not_looked_at(real: Real) -> None:
    it = real.opened().it
    before = len(it.quarantined())
    foreign = real.rt.create_ticket("NOC", "Printer", "It is jammed", by="anna")
    real.rt.correspond(foreign, "Still jammed", by="anna")
    it.pull()
    assert len(it.quarantined()) == before
    assert it.said() == []


def test_a_revoked_token_waits_for_an_admin_and_loses_nothing(real: Real) -> None:
    it = real.it
    _change_token(it, "1-14-" + "0" * 32)
    it.place()
    delivery.run_due(it.hub)
    [waiting] = it.deliveries("order.open")
    assert waiting.state == DeliveryState.DUE
    with it.hub.db.read() as session:
        assert connections.events(session, it.connection_id)[0].kind == "failing"
    _change_token(it, real.rt.token)
    it.clock.forward(timedelta(minutes=20))
    delivery.run_due(it.hub)
    assert it.deliveries("order.open")[0].state == DeliveryState.DONE


def test_webhooks_in_the_wrong_order_end_in_the_right_one(real: Real) -> None:
    """Last, because Request Tracker goes on pushing for the rest of its life."""
    it = real.opened().it
    [opened] = it.deliveries("order.open")
    client = create_app(it.hub).test_client()
    with recorder() as box:
        real.rt.push_to(box.url("/push"), {"Authorization": f"Bearer {it.token}"})
        real.rt.correspond(real.ticket, "First.", by="anna")
        real.rt.correspond(real.ticket, "Second.", by="anna")
        real.rt.set_status(real.ticket, "resolved", by="anna")
        box.wait_for(
            1, timeout=20, matching=lambda r: r.json()["type"] == "Status" and r.json()["new"] == "resolved"
        )
        bodies = [request for request in box.requests if request.json()["type"] != "EmailRecord"]
    assert len(bodies) >= 3
    for request in reversed(bodies):
        answer = client.post(
            "/in/noc-tickets",
            data=request.body,
            headers={"Authorization": request.headers["authorization"]},
            content_type="application/json",
        )
        assert answer.status_code == 202, (answer.text, json.loads(request.body))
    it.clock.forward(sync.WINDOW * 3)
    delivery.run_due(it.hub)
    assert [text for _, text in it.said()] == ["First.", "Second."]
    assert it.order(opened.body["order_id"]).state == "done"
    assert len(it.deliveries("pull")) == 1


def _last(rt: RequestTracker) -> int:
    query = "/transactions?query=id > 0&orderby=id&order=DESC&per_page=1"
    return int(rt.call("GET", query)["items"][0]["id"])


def _change_token(it: TeamScene, token: str) -> None:
    with it.hub.db.write() as session:
        connection = connections.find(session, "noc-tickets")
        connections.change_connection(
            session, HUB, it.hub.registry, it.hub.keyring, connection, values={"token": token}
        )
