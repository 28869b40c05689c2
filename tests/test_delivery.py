"""Deliveries: nothing lost, nothing doubled but what is marked, and no far side holds up another."""

import threading
import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import scene
from delivery_scene import Far, kinds, put, row, with_far
from sqlalchemy import func, select

from hub.base.errors import Misconfigured
from hub.domain import outbox
from hub.domain.outbox import Claimed, Delivery
from hub.flows import delivery
from hub.flows.delivery import Dispatcher, Done, Failed, Handler, Outcome, Retry, Unknown
from hub.flows.delivery.dispatch import PER_CONNECTION
from hub.flows.runtime import Hub
from hub.plugin.contracts import AuthFailed, OutcomeUnknown, PluginBroken, Rejected, RetryLater
from hub.testing.fixtures import MovingClock


def test_what_follows_is_written_with_the_settled_row(hub: Hub) -> None:
    def follow(session: Any) -> None:
        outbox.put(session, "later", {"after": "order"})

    running = with_far(hub, Far(Done({"ticket": "8812"}, follow)))
    put(running)
    delivery.run_due(running)
    with hub.db.read() as session:
        assert [(d.kind, d.state) for d in session.scalars(select(Delivery).order_by(Delivery.id))] == [
            ("order", "done"),
            ("later", "failed"),
        ]


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (RetryLater("refused"), "due"),
        (AuthFailed("bad token"), "due"),
        (OutcomeUnknown("timed out"), "unknown"),
        (PluginBroken("raised KeyError"), "unknown"),
        (Rejected("no such queue"), "failed"),
        (Misconfigured("no last resort"), "due"),
    ],
)
def test_what_an_error_makes_of_a_delivery(hub: Hub, error: Exception, state: str) -> None:
    running = with_far(hub, Far(error))
    put(running)
    delivery.run_due(running)
    assert (row(hub).state, row(hub).last_error) == (state, error.args[0])


def test_what_cannot_be_written_down_yet_is_tried_again_and_stops_nobody(hub: Hub) -> None:
    def follow(session: Any) -> None:
        raise Misconfigured("There is no last resort.")

    running = with_far(hub, Far(Done({}, follow)))
    put(running)
    put(running)
    assert delivery.run_due(running) == 2
    with hub.db.read() as session:
        rows = list(session.scalars(select(Delivery).order_by(Delivery.id)))
    assert [(d.state, d.last_error) for d in rows] == [
        ("unknown", "There is no last resort."),
        ("done", None),
    ]


def test_an_unknown_one_is_asked_for_before_it_is_sent_again(hub: Hub, moving_clock: MovingClock) -> None:
    far = Far(OutcomeUnknown("timed out"), found=Done({"ticket": "1"}))
    running = with_far(hub, far)
    put(running)
    delivery.run_due(running)
    moving_clock.forward(timedelta(minutes=1))
    delivery.run_due(running)
    assert (len(far.sent), len(far.asked)) == (1, 1)
    assert (row(hub).state, row(hub).possible_repeat) == ("done", False)


def test_one_that_surely_never_arrived_is_sent_again_unmarked(hub: Hub, moving_clock: MovingClock) -> None:
    far = Far(OutcomeUnknown("timed out"), Done(), found=None)
    running = with_far(hub, far)
    put(running)
    delivery.run_due(running)
    moving_clock.forward(timedelta(minutes=1))
    delivery.run_due(running)
    assert len(far.sent) == 2
    assert (row(hub).state, row(hub).possible_repeat) == ("done", False)


@pytest.mark.parametrize("findable", [True, False])
def test_where_nobody_can_tell_it_is_repeated_once_and_marked(
    hub: Hub, moving_clock: MovingClock, findable: bool
) -> None:
    (acme,) = scene.accounts(hub.db, "Acme")
    far = Far(OutcomeUnknown("1"), OutcomeUnknown("2"), found=OutcomeUnknown("cannot tell"))
    running = with_far(hub, far, findable=findable)
    put(running, account_id=acme.account)
    for _ in range(6):
        delivery.run_due(running)
        moving_clock.forward(timedelta(minutes=20))
    assert len(far.sent) == 2
    assert (row(hub).state, row(hub).possible_repeat) == ("failed", True)
    assert kinds(hub) == ["delivery.unknown", "delivery.failed"]


def test_a_worker_that_dies_in_mid_call_leaves_a_question_not_a_repeat(
    hub: Hub, moving_clock: MovingClock
) -> None:
    far = Far(found=Done())
    running = with_far(hub, far)
    put(running)
    delivery.claim(running, 1)
    moving_clock.forward(delivery.LEASE + timedelta(seconds=1))
    delivery.run_due(running)
    assert (far.sent, len(far.asked), row(hub).state) == ([], 1, "done")


def test_what_follows_is_written_only_by_whoever_still_holds_the_delivery(
    hub: Hub, moving_clock: MovingClock
) -> None:
    taken: list[Claimed] = []
    followed: list[str] = []

    def too_slow(claimed: Claimed) -> Outcome:
        moving_clock.forward(delivery.LEASE + timedelta(seconds=1))
        taken.extend(delivery.claim(running, 1))
        return Done({"ticket": "1"}, lambda session: followed.append("the slow one"))

    running = with_far(hub, Far(too_slow))
    put(running)
    delivery.run_due(running)
    assert (len(taken), followed) == (1, [])
    assert (row(hub).state, row(hub).lease_owner) == ("sending", taken[0].lease_owner)


def test_a_repeat_that_is_refused_may_have_arrived_the_first_time(
    hub: Hub, moving_clock: MovingClock
) -> None:
    far = Far(OutcomeUnknown("timed out"), RetryLater("busy"), Rejected("no such queue"))
    running = with_far(hub, far, findable=False)
    put(running)
    for _ in range(3):
        delivery.run_due(running)
        moving_clock.forward(timedelta(minutes=20))
    assert (row(hub).state, row(hub).possible_repeat, row(hub).uncertain) == ("failed", True, True)
    with hub.db.write() as session:
        outbox.retry(session, row(hub).id)
    assert row(hub).state == "unknown"


def test_patience_ends_as_visible_work(hub: Hub, moving_clock: MovingClock) -> None:
    (acme,) = scene.accounts(hub.db, "Acme")
    running = with_far(hub, Far(*[RetryLater("down")] * 500))
    put(running, account_id=acme.account)
    for _ in range(60):
        delivery.run_due(running)
        moving_clock.forward(timedelta(minutes=30))
    assert row(hub).state == "failed"
    assert kinds(hub) == ["delivery.failed"]
    with hub.db.read() as session:
        assert [d.last_error for d in outbox.attention(session)] == ["down"]


def test_a_far_side_that_says_when_is_obeyed(hub: Hub, moving_clock: MovingClock) -> None:
    running = with_far(hub, Far(RetryLater("busy", timedelta(minutes=7))))
    put(running)
    delivery.run_due(running)
    assert row(hub).due_at == moving_clock.now + timedelta(minutes=7)


def test_a_kind_that_nobody_carries_out_is_visible_work(hub: Hub) -> None:
    put(hub, kind="telegram")
    delivery.run_due(hub)
    assert row(hub).state == "failed"


def test_backoff_grows_and_is_bounded() -> None:
    for attempts in range(1, 40):
        pause = delivery.backoff(attempts)
        whole = min(delivery.FIRST_PAUSE * 2 ** min(attempts - 1, 20), delivery.LONGEST_PAUSE)
        assert whole / 2 <= pause <= whole


@pytest.fixture
def stuck(hub: Hub) -> Iterator[tuple[Hub, threading.Event, threading.Semaphore]]:
    """A hub where everything for connections hangs until the event is set; pages are counted."""
    release, pages = threading.Event(), threading.Semaphore(0)

    def hang(hub: Hub, claimed: Claimed) -> Outcome:
        release.wait(20)
        return Done()

    def page(hub: Hub, claimed: Claimed) -> Outcome:
        pages.release()
        return Done()

    yield replace(hub, handlers={"order": Handler(hang), "page": Handler(page)}), release, pages
    release.set()


@pytest.mark.parametrize("tool", [uuid.uuid4(), None])
def test_what_hangs_takes_its_own_places_only_and_never_holds_up_a_page(
    stuck: tuple[Hub, threading.Event, threading.Semaphore], tool: uuid.UUID | None
) -> None:
    running, release, pages = stuck
    dispatcher = Dispatcher(running)
    put(running, kind="page")  # so that the first batch does not fill the places of what hangs
    for _ in range(20):
        put(running, connection_id=tool)
    while dispatcher.tick():
        pass
    assert _sending(running, "order") == PER_CONNECTION
    for _ in range(3):
        put(running, kind="page")
    while dispatcher.tick():
        pass
    assert all(pages.acquire(timeout=10) for _ in range(4))
    assert _sending(running, "order") == PER_CONNECTION
    release.set()
    dispatcher.close()


def _sending(hub: Hub, kind: str) -> int:
    with hub.db.read() as session:
        query = select(func.count()).select_from(Delivery).where(Delivery.kind == kind)
        return session.scalar(query.where(Delivery.state == "sending")) or 0


def test_outcomes_are_plain_values() -> None:
    assert Retry("x") == Retry("x")
    assert Unknown("x") != Failed("x")
