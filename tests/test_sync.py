"""What goes to a team's tool and what comes back: once each, in their order, without our own echo."""

import random
import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from order_scene import TeamScene, team_scene

from hub.domain import connections, links, teams
from hub.domain.audit import HUB
from hub.domain.links import Link, LinkUpdate
from hub.domain.outbox import DeliveryState
from hub.flows import delivery, sync
from hub.flows.delivery import Done, Handler
from hub.flows.runtime import Hub
from hub.plugin.contracts import ExternalUpdate, PullHint, content_hash
from hub.testing.fixtures import MovingClock
from hub.testing.peers.recorder import Answer

AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


@pytest.fixture
def it(hub: Hub, moving_clock: MovingClock) -> Iterator[TeamScene]:
    with team_scene(hub, moving_clock) as scene:
        yield scene


def message(number: int, text: str, **more: object) -> ExternalUpdate:
    given: dict[str, object] = {"author": "anna", "audience": "customer", "origin_hash": content_hash(text)}
    return ExternalUpdate("1", str(number), AT, "message", text=text, **(given | more))  # type: ignore[arg-type]


def status(number: int, word: str, **more: object) -> ExternalUpdate:
    return ExternalUpdate("1", str(number), AT, "status", author="anna", status=word, **more)  # type: ignore[arg-type]


class TestOpening:
    def test_an_order_becomes_a_ticket_in_the_teams_queue(self, it: TeamScene) -> None:
        order_id = it.opened()
        order, ticket = it.order(order_id), it.rt.tickets[1]
        assert (ticket["Queue"], ticket["Subject"]) == ("NOC", f"[{order.number}] Splice")
        [link] = it.scene.all(Link)
        assert (link.external_id, link.object_kind, link.object_id) == ("1", "order", order_id)
        [entry] = it.entries("order.linked")
        assert "is 1 in the tool of NOC" in entry.sentence
        assert entry.audience == "staff"

    def test_an_answer_that_was_lost_after_the_save_doubles_nothing(self, it: TeamScene) -> None:
        order_id = it.place()
        it.peer.respond = lambda request: _then_fail(it, request)
        delivery.run_due(it.hub)
        assert it.deliveries("order.open")[0].state == DeliveryState.UNKNOWN
        it.peer.respond = it.rt
        it.clock.forward(timedelta(minutes=1))
        delivery.run_due(it.hub)
        [sent] = it.deliveries("order.open")
        assert (sent.state, sent.possible_repeat, len(it.rt.tickets)) == (DeliveryState.DONE, False, 1)
        assert [link.object_id for link in it.scene.all(Link)] == [order_id]

    def test_news_that_is_faster_than_the_answer_links_the_order(self, it: TeamScene) -> None:
        order_id = it.place()
        it.peer.respond = lambda request: _then_fail(it, request)
        delivery.run_due(it.hub)
        it.peer.respond = it.rt
        it.rt.say(1, "Got it.")
        it.pull()
        assert [link.object_id for link in it.scene.all(Link)] == [order_id]
        assert it.said() == [("anna", "Got it.")]
        delivery.run_due(it.hub)
        assert it.deliveries("order.open")[0].state == DeliveryState.DONE
        assert len(it.entries("order.linked")) == 1

    def test_a_tool_that_is_down_keeps_the_order_waiting(self, it: TeamScene) -> None:
        order_id = it.place()
        it.say(order_id, "Any news?")
        it.peer.respond = lambda request: Answer(503, headers={"Retry-After": "60"})
        delivery.run_due(it.hub)
        opened, pushed = it.deliveries("order.open")[0], it.deliveries("order.push")[0]
        assert (opened.state, opened.attempts) == (DeliveryState.DUE, 1)
        assert (pushed.state, pushed.attempts) == (DeliveryState.DUE, 0)
        assert it.configured().failures == 1
        it.peer.respond = it.rt
        it.clock.forward(timedelta(minutes=2))
        delivery.run_due(it.hub)
        kinds = [(t["Type"], t["by"]) for t in it.rt.transactions]
        assert kinds == [("Create", "hub"), ("Correspond", "hub")]
        assert it.configured().failures == 0

    def test_a_refusal_becomes_visible_work(self, it: TeamScene) -> None:
        order_id = it.place()
        it.say(order_id, "Any news?")
        it.peer.respond = lambda request: Answer(403, b'{"message": "No permission"}')
        delivery.run_due(it.hub)
        delivery.run_due(it.hub)
        assert [d.state for d in it.deliveries("order.open")] == [DeliveryState.FAILED]
        assert [d.state for d in it.deliveries("order.push")] == [DeliveryState.FAILED]
        assert "No permission" in it.entries("delivery.failed")[0].sentence
        assert "NOC" in it.entries("delivery.failed")[0].sentence

    def test_an_order_cancelled_before_the_team_heard_of_it_is_never_opened(self, it: TeamScene) -> None:
        order_id = it.place()
        it.cancel(order_id, "Found it ourselves.")
        delivery.run_due(it.hub)
        assert it.rt.tickets == {}
        assert {d.state for d in it.deliveries("order.open") + it.deliveries("order.close")} == {"done"}

    def test_a_connection_that_is_switched_off_keeps_its_orders(self, it: TeamScene) -> None:
        _switch(it, enabled=False)
        it.place()
        delivery.run_due(it.hub)
        [waiting] = it.deliveries("order.open")
        assert waiting.state == DeliveryState.DUE
        assert "switched off" in (waiting.last_error or "")
        _switch(it, enabled=True)
        it.clock.forward(timedelta(minutes=20))
        delivery.run_due(it.hub)
        assert len(it.rt.tickets) == 1


class TestWriting:
    def test_what_we_say_reaches_the_team_once_and_does_not_come_back(self, it: TeamScene) -> None:
        order_id = it.opened()
        it.say(order_id, "The customer   waits.\r\nAt km 5!")
        delivery.run_due(it.hub)
        it.pull()
        assert [t["Type"] for t in it.rt.transactions] == ["Create", "Correspond"]
        assert it.said() == []
        origins = {row.update_id: row.origin for row in it.scene.all(LinkUpdate) if row.delivery_id is None}
        assert set(origins.values()) == {"ours"}

    def test_a_human_who_types_with_our_login_is_heard(self, it: TeamScene) -> None:
        it.opened()
        it.rt.say(1, "I borrowed the hub's account.", by="hub")
        it.pull()
        assert it.said() == [("hub", "I borrowed the hub's account.")]

    def test_a_quote_of_ours_by_someone_else_is_heard(self, it: TeamScene) -> None:
        order_id = it.opened()
        it.say(order_id, "Any news?")
        delivery.run_due(it.hub)
        it.rt.say(1, "Any news?")
        it.pull()
        assert it.said() == [("anna", "Any news?")]

    def test_a_message_whose_answer_was_lost_is_not_sent_again(self, it: TeamScene) -> None:
        order_id = it.opened()
        it.say(order_id, "Any news?")
        it.peer.respond = lambda request: _then_fail(it, request)
        delivery.run_due(it.hub)
        it.peer.respond = it.rt
        it.clock.forward(timedelta(minutes=1))
        delivery.run_due(it.hub)
        it.pull()
        [sent] = it.deliveries("order.push")
        assert (sent.state, sent.possible_repeat) == (DeliveryState.DONE, False)
        assert [t["Type"] for t in it.rt.transactions] == ["Create", "Correspond"]
        assert it.said() == []

    def test_a_cancelled_order_is_closed_there_and_stays_cancelled_here(self, it: TeamScene) -> None:
        order_id = it.opened()
        it.cancel(order_id, "Not needed any more.")
        delivery.run_due(it.hub)
        it.pull()
        assert it.rt.tickets[1]["Status"] == "rejected"
        assert it.order(order_id).state == "cancelled"
        assert it.said() == []

    def test_a_team_by_mail_gets_the_order_its_messages_and_its_end(
        self, it: TeamScene, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(it.hub.handlers, "mail", Handler(send=lambda hub, claimed: Done()))  # type: ignore[arg-type]
        with it.hub.db.write() as session:
            teams.change_team(
                session, HUB, teams.find(session, "noc"), connection_id=None, email="noc@field.example"
            )
        order_id = it.place()
        delivery.run_due(it.hub)
        it.say(order_id, "Any news?")
        it.cancel(order_id, "Found it.")
        delivery.run_due(it.hub)
        mails = [mail.body["message"] for mail in it.deliveries("mail") if "message" in mail.body]
        number = it.order(order_id).number
        assert [mail["subject"] for mail in mails] == [
            f"[{number}] Splice",
            f"[{number}] Splice",
            f"[{number}] Cancelled: Splice",
        ]
        assert {tuple(mail["to"]) for mail in mails} == {("noc@field.example",)}
        assert [word in mail["text"] for mail, word in zip(mails, ("km 4", "news", "Found"), strict=True)]


class TestReading:
    def test_what_the_team_says_is_told_and_stays_with_staff(self, it: TeamScene) -> None:
        it.opened()
        shown = it.scene.entries(audience="customer")
        it.rt.say(1, "A digger cut it.")
        it.rt.say(1, "Who has the key?", kind="Comment")
        it.pull()
        assert it.said() == [("anna", "A digger cut it."), ("anna", "Who has the key?")]
        spoken = it.entries("order.message")
        assert {(each.channel, each.data["via"]) for each in spoken} == {("request_tracker", "NOC tickets")}
        assert [(entry.audience, entry.weight) for entry in spoken] == [
            ("staff", "headline"),
            ("staff", "detail"),
        ]
        assert it.scene.told("order-said") == [("responsible", "order-said")]
        assert len(it.scene.entries(audience="customer")) == len(shown)

    def test_statuses_are_translated_by_the_connections_map_over_the_connectors(self, it: TeamScene) -> None:
        order_id = it.opened()
        with it.hub.db.write() as session:
            connection = connections.find(session, "noc-tickets")
            connections.change_connection(
                session, HUB, it.hub.registry, it.hub.keyring, connection, status_map={"parked": "question"}
            )
        it.rt.set_status(1, "open")
        it.pull()
        assert it.order(order_id).state == "in_progress"
        it.rt.set_status(1, "Parked")
        it.pull()
        assert (it.order(order_id).state, it.order(order_id).foreign_status) == ("question", "Parked")
        it.rt.set_status(1, "waiting for parts")
        it.pull()
        order = it.order(order_id)
        assert (order.state, order.foreign_status, order.foreign_status_mapped) == (
            "question",
            "waiting for parts",
            False,
        )

    def test_an_older_status_that_comes_late_is_not_applied(self, it: TeamScene) -> None:
        order_id = it.opened()
        it.apply(status(120, "resolved"))
        assert it.apply(status(119, "open")) == 0
        assert it.order(order_id).state == "done"

    def test_updates_of_one_webhook_are_applied_in_the_order_of_their_numbers(self, it: TeamScene) -> None:
        order_id = it.opened()
        it.apply(status(1000, "resolved"), message(999, "second"), status(200, "open"), message(98, "first"))
        assert it.order(order_id).state == "done"
        assert [text for _, text in it.said()] == ["first", "second"]

    def test_what_belongs_to_nothing_of_ours_is_kept_once_and_shown(self, it: TeamScene) -> None:
        it.opened()
        foreign = replace(message(7, "Hello?"), external_id="99")
        for _ in range(3):
            assert it.apply(foreign, message(8, "Ours")) in (0, 1)
        [(kept, body)] = it.quarantined()
        assert (kept.kind, kept.subject, kept.sender) == ("update", "99: Hello?", "anna")
        assert b"Hello?" in body
        assert it.said() == [("anna", "Ours")]

    def test_a_ticket_that_vanished_is_told(self, it: TeamScene) -> None:
        it.opened()
        gone = ExternalUpdate("1", "300", AT, "link_broken", audience="customer")
        it.apply(gone)
        assert it.said() == [("NOC", "1 is gone from NOC tickets.")]

    def test_hints_about_our_tickets_make_one_pull_a_moment_later(self, it: TeamScene) -> None:
        it.opened()
        it.rt.say(1, "Look here.")
        for _ in range(5):
            with it.hub.db.write() as session:
                sync.take(session, it.hub, it.configured(), (), [PullHint("1"), PullHint("77")])
        delivery.run_due(it.hub)
        assert it.said() == []  # it waits for the far side's own transaction
        it.clock.forward(timedelta(seconds=10))
        delivery.run_due(it.hub)
        assert it.said() == [("anna", "Look here.")]
        assert [row.state for row in it.deliveries("pull")] == [DeliveryState.DONE]

    def test_hints_about_other_peoples_tickets_cost_nothing(self, it: TeamScene) -> None:
        it.opened()
        with it.hub.db.write() as session:
            sync.take(session, it.hub, it.configured(), (), [PullHint("77")])
        assert it.deliveries("pull") == []


class TestPolling:
    def test_a_poll_that_fails_is_seen_and_repeated(self, it: TeamScene) -> None:
        it.opened()
        it.rt.say(1, "Still there?")
        it.peer.respond = lambda request: Answer(500)
        sync.poll_due(it.hub)
        assert it.configured().failures == 1
        sync.poll_due(it.hub)
        assert it.configured().failures == 1  # not before its turn
        it.peer.respond = it.rt
        it.clock.forward(sync.EVERY)
        sync.poll_due(it.hub)
        assert it.said() == [("anna", "Still there?")]
        with it.hub.db.read() as session:
            kinds = [event.kind for event in connections.events(session, it.connection_id)]
        assert kinds == ["recovered", "failing"]

    def test_two_workers_read_once(self, it: TeamScene) -> None:
        it.opened()
        it.rt.say(1, "Once.")
        with it.hub.db.write() as session:
            assert connections.claim_poll(session, it.connection_id, timedelta(minutes=2))
        assert not sync.pull_connection(it.hub, it.connection_id)
        assert it.said() == []
        it.pull()
        assert it.said() == [("anna", "Once.")]

    def test_a_poll_that_was_overtaken_applies_nothing(self, it: TeamScene) -> None:
        it.opened()
        it.rt.say(1, "Once.")
        asked = it.hub.outward.pull

        def slow(target: object, cursor: str) -> object:
            found = asked(target, cursor)  # type: ignore[arg-type]
            with it.hub.db.write() as session:
                connections.settle_poll(session, it.connection_id, None, cursor="elsewhere")
            return found

        it.hub.outward.pull = slow  # type: ignore[method-assign, assignment]
        try:
            assert not sync.pull_connection(it.hub, it.connection_id)
        finally:
            del it.hub.outward.pull  # type: ignore[attr-defined]
        assert it.said() == []
        assert it.configured().cursor == "elsewhere"

    def test_a_connection_that_is_switched_off_is_not_asked(self, it: TeamScene) -> None:
        _switch(it, enabled=False)
        sync.poll_due(it.hub)
        assert it.peer.requests == []


@hypothesis_settings(
    max_examples=25, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, database=None
)
@given(seed=st.integers(0, 10_000), data=st.data())
def test_whatever_the_order_and_however_often_the_end_is_the_same(
    it: TeamScene, seed: int, data: st.DataObject
) -> None:
    """The law of sync: deliver any updates in any order, in any batches, with repeats."""
    number = 1_000 * (1 + len(it.scene.all(Link)))
    ticket = str(number)
    order_id = _linked(it, ticket)
    words = data.draw(
        st.lists(st.sampled_from(["open", "stalled", "resolved", "odd"]), min_size=1, max_size=5)
    )
    said: list[ExternalUpdate] = []
    for place, word in enumerate(words):
        said.append(replace(status(number + 2 * place, word), external_id=ticket))
        said.append(replace(message(number + 2 * place + 1, f"{number} {place}"), external_id=ticket))
    before = len(it.said())
    deck = said * 2
    random.Random(seed).shuffle(deck)
    while deck:
        size = data.draw(st.integers(1, 4))
        it.apply(*deck[:size])
        deck = deck[size:]
    order = it.order(order_id)
    assert order.foreign_status == words[-1]
    assert len(it.said()) - before == len(words)


def _linked(it: TeamScene, ticket: str) -> uuid.UUID:
    order_id = it.place()
    with it.hub.db.write() as session:
        ref = links.ExternalRef(ticket)
        links.link(session, it.connection_id, ref, "order", order_id, account_id=it.scene.ids["nordwind"])
    return order_id


def _then_fail(it: TeamScene, request: object) -> Answer:
    """Save, then answer 500; reading goes on working."""
    answer = it.rt(request)  # type: ignore[arg-type]
    return answer if request.method == "GET" else Answer(500)  # type: ignore[attr-defined]


def _switch(it: TeamScene, *, enabled: bool) -> None:
    with it.hub.db.write() as session:
        connection = connections.find(session, "noc-tickets")
        connections.change_connection(
            session, HUB, it.hub.registry, it.hub.keyring, connection, enabled=enabled
        )
