"""What breaks around a delivery, the hub's own part included, never makes it silently double or go round."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import scene
from delivery_scene import Far, kinds, put, row, with_far
from sqlalchemy import event
from sqlalchemy.exc import OperationalError
from structlog.testing import capture_logs

from hub.base.errors import Conflict, Misconfigured
from hub.domain import outbox
from hub.domain.outbox import Claimed, DeliveryState
from hub.flows import delivery
from hub.flows.delivery import Dispatcher, Done, Handler, Outcome, Retry, settling
from hub.flows.runtime import Hub
from hub.plugin.contracts import (
    AuthFailed,
    ConnectionQuarantined,
    OutcomeUnknown,
    Rejected,
    RetryLater,
)
from hub.testing.fixtures import MovingClock

UNANSWERED = [
    RetryLater("it is down", timedelta(minutes=7)),
    AuthFailed("the token was refused"),
    ConnectionQuarantined("all calls hang"),
    Misconfigured("it is switched off"),
    Retry("it is switched off", timedelta(minutes=15)),
    KeyError("a bug of ours"),
]


@pytest.mark.parametrize("trouble", UNANSWERED, ids=lambda each: type(each).__name__)
def test_while_it_cannot_be_asked_nothing_is_sent_again(
    hub: Hub, moving_clock: MovingClock, trouble: Any
) -> None:
    far = Far(OutcomeUnknown("500 after saving"), found=trouble)
    running = with_far(hub, far)
    put(running)
    for _ in range(4):
        delivery.run_due(running)
        assert row(hub).state == DeliveryState.UNKNOWN
        moving_clock.forward(timedelta(minutes=20))
    far.found = Done({"ticket": "1"})
    delivery.run_due(running)
    assert (len(far.sent), len(far.asked)) == (1, 4)
    assert (row(hub).state, row(hub).possible_repeat) == (DeliveryState.DONE, False)


def test_how_long_to_wait_before_asking_again_is_obeyed(hub: Hub, moving_clock: MovingClock) -> None:
    running = with_far(hub, Far(OutcomeUnknown("?"), found=RetryLater("busy", timedelta(minutes=7))))
    put(running)
    delivery.run_due(running)
    moving_clock.forward(timedelta(minutes=1))
    delivery.run_due(running)
    assert row(hub).due_at == moving_clock.now + timedelta(minutes=7)
    assert row(hub).last_error == "busy"


def test_asking_in_vain_ends_as_visible_work(hub: Hub, moving_clock: MovingClock) -> None:
    (acme,) = scene.accounts(hub.db, "Acme")
    far = Far(OutcomeUnknown("?"), found=RetryLater("down"))
    running = with_far(hub, far)
    put(running, account_id=acme.account)
    _let_pass(running, moving_clock, hours=30)
    assert (row(hub).state, len(far.sent)) == (DeliveryState.FAILED, 1)
    assert kinds(hub) == ["delivery.failed"]


def test_a_far_side_that_never_answers_properly_ends_as_visible_work(
    hub: Hub, moving_clock: MovingClock
) -> None:
    running = with_far(hub, Far(*[OutcomeUnknown("timed out")] * 500, found=None))
    put(running)
    _let_pass(running, moving_clock, hours=30)
    assert row(hub).state == DeliveryState.FAILED


class TestSettling:
    @pytest.mark.parametrize("findable", [True, False])
    def test_a_database_that_is_busy_after_the_call_is_waited_for(
        self, hub: Hub, monkeypatch: pytest.MonkeyPatch, moving_clock: MovingClock, findable: bool
    ) -> None:
        monkeypatch.setattr(settling, "SETTLE_PAUSES", (0.0, 0.0))
        far = Far(lambda claimed: _breaking(hub, 2) or Done({"ticket": "1"}))
        running = with_far(hub, far, findable=findable)
        put(running)
        delivery.run_due(running)
        moving_clock.forward(timedelta(hours=1))
        delivery.run_due(running)
        assert (len(far.sent), len(far.asked)) == (1, 0)
        assert (row(hub).state, row(hub).result) == (DeliveryState.DONE, {"ticket": "1"})

    def test_a_database_that_stays_away_leaves_a_question(
        self, hub: Hub, monkeypatch: pytest.MonkeyPatch, moving_clock: MovingClock
    ) -> None:
        monkeypatch.setattr(settling, "SETTLE_PAUSES", (0.0, 0.0))
        far = Far(lambda claimed: _breaking(hub, 3) or Done(), found=Done({"ticket": "1"}))
        running = with_far(hub, far)
        put(running)
        delivery.run_due(running)
        assert row(hub).state == DeliveryState.SENDING
        moving_clock.forward(delivery.LEASE + timedelta(seconds=1))
        delivery.run_due(running)
        assert (len(far.sent), len(far.asked)) == (1, 1)
        assert (row(hub).state, row(hub).possible_repeat) == (DeliveryState.DONE, False)

    def test_one_that_cannot_be_asked_is_repeated_only_with_the_mark(
        self, hub: Hub, monkeypatch: pytest.MonkeyPatch, moving_clock: MovingClock
    ) -> None:
        monkeypatch.setattr(settling, "SETTLE_PAUSES", ())
        far = Far(lambda claimed: _breaking(hub, 1) or Done())
        running = with_far(hub, far, findable=False)
        put(running)
        for _ in range(3):
            delivery.run_due(running)
            moving_clock.forward(timedelta(hours=1))
        assert len(far.sent) == 2
        assert (row(hub).state, row(hub).possible_repeat) == (DeliveryState.DONE, True)

    def test_another_process_that_holds_the_database_doubles_no_mail(
        self, hub: Hub, monkeypatch: pytest.MonkeyPatch, moving_clock: MovingClock
    ) -> None:
        if hub.db.dialect != "sqlite":
            pytest.skip("PostgreSQL has no lock that every writer needs")
        monkeypatch.setattr(settling, "SETTLE_PAUSES", (0.0, 0.0))
        holder = sqlite3.connect(str(hub.db.url.database), isolation_level=None)

        def send(claimed: Claimed) -> Outcome:
            holder.execute("BEGIN IMMEDIATE")
            return Done()

        running = with_far(hub, Far(send), findable=False)
        put(running)
        with _impatient(hub):
            (claimed,) = delivery.claim(running, 1)
            delivery.attempt(running, claimed)
        holder.execute("ROLLBACK")
        holder.close()
        assert row(hub).state == DeliveryState.SENDING

    def test_what_follows_and_never_can_be_written_ends_as_visible_work(
        self, hub: Hub, moving_clock: MovingClock
    ) -> None:
        (acme,) = scene.accounts(hub.db, "Acme")

        def follow(session: Any) -> None:
            raise KeyError("gone")

        far = Far(*[Done({}, follow)] * 500, found=Done({}, follow))
        running = with_far(hub, far)
        put(running, account_id=acme.account)
        _let_pass(running, moving_clock, hours=30)
        assert (row(hub).state, len(far.sent)) == (DeliveryState.FAILED, 1)
        assert "KeyError" in (row(hub).last_error or "")
        assert kinds(hub) == ["delivery.failed"]

    def test_what_was_sent_and_cannot_be_written_is_not_sent_again(
        self, hub: Hub, moving_clock: MovingClock
    ) -> None:
        def follow(session: Any) -> None:
            raise Conflict("It is linked to something else.")

        far = Far(Done({}, follow), found=Done())
        running = with_far(hub, far)
        put(running)
        delivery.run_due(running)
        assert (row(hub).state, row(hub).last_error) == ("unknown", "It is linked to something else.")
        moving_clock.forward(timedelta(minutes=1))
        delivery.run_due(running)
        assert (row(hub).state, len(far.sent)) == (DeliveryState.DONE, 1)


class TestBrokenHandlers:
    def test_a_handler_that_breaks_gives_up_and_says_where(self, hub: Hub, moving_clock: MovingClock) -> None:
        (acme,) = scene.accounts(hub.db, "Acme")
        far = Far(*[KeyError("hidden words")] * 500, found=None)
        running = with_far(hub, far)
        put(running, account_id=acme.account)
        with capture_logs() as logs:
            _let_pass(running, moving_clock, hours=30)
        assert row(hub).state == DeliveryState.FAILED
        assert kinds(hub) == ["delivery.failed"]
        broke = [each for each in logs if each["event"] == "delivery.broke"]
        assert "delivery_scene.py" in broke[0]["frames"][-1]
        assert "hidden words" not in str(broke)

    def test_without_a_way_to_ask_it_is_tried_twice_and_no_more(
        self, hub: Hub, moving_clock: MovingClock
    ) -> None:
        far = Far(*[KeyError("x")] * 500)
        running = with_far(hub, far, findable=False)
        put(running)
        _let_pass(running, moving_clock, hours=2)
        assert (row(hub).state, len(far.sent)) == (DeliveryState.FAILED, 2)

    def test_words_that_cannot_be_found_hide_no_failure(self, hub: Hub, moving_clock: MovingClock) -> None:
        (acme,) = scene.accounts(hub.db, "Acme")

        def describe(*given: Any) -> tuple[str, str]:
            raise LookupError("the order is gone")

        running = replace(
            hub, handlers={"order": Handler(Far(Rejected("no such queue")).send, None, describe)}
        )
        put(running, account_id=acme.account)
        delivery.run_due(running)
        assert (row(hub).state, row(hub).last_error) == (DeliveryState.FAILED, "no such queue")
        assert kinds(hub) == ["delivery.failed"]

    def test_the_dispatcher_goes_on(self, hub: Hub) -> None:
        running = with_far(hub, Far(KeyError("x")))
        put(running)
        dispatcher = Dispatcher(running)
        assert dispatcher.tick() == 1
        dispatcher.close()
        assert row(hub).state == DeliveryState.UNKNOWN


class TestTryingAgain:
    def test_a_retry_has_a_patience_of_its_own(self, hub: Hub, moving_clock: MovingClock) -> None:
        running = with_far(hub, Far(*[RetryLater("down")] * 500))
        put(running)
        _let_pass(running, moving_clock, hours=30)
        assert row(hub).state == DeliveryState.FAILED
        _retry(hub)
        delivery.run_due(running)
        assert row(hub).state == DeliveryState.DUE
        _let_pass(running, moving_clock, hours=20)
        assert row(hub).state == DeliveryState.DUE
        _let_pass(running, moving_clock, hours=10)
        assert row(hub).state == DeliveryState.FAILED

    def test_patience_begins_when_it_is_due(self, hub: Hub, moving_clock: MovingClock) -> None:
        running = with_far(hub, Far(RetryLater("down")))
        put(running, due_at=moving_clock.now + timedelta(days=3))
        moving_clock.forward(timedelta(days=3))
        delivery.run_due(running)
        assert row(hub).state == DeliveryState.DUE

    def test_what_may_have_arrived_is_asked_for_first(self, hub: Hub, moving_clock: MovingClock) -> None:
        far = Far(*[OutcomeUnknown("?")] * 2, found=OutcomeUnknown("cannot tell"))
        running = with_far(hub, far)
        put(running)
        _let_pass(running, moving_clock, hours=2)
        assert (row(hub).state, len(far.sent)) == (DeliveryState.FAILED, 2)
        far.found = Done({"ticket": "1"})
        _retry(hub)
        delivery.run_due(running)
        assert (row(hub).state, len(far.sent)) == (DeliveryState.DONE, 2)
        assert row(hub).possible_repeat

    def test_somebody_may_have_it_repeated_although_nobody_can_tell(
        self, hub: Hub, moving_clock: MovingClock
    ) -> None:
        far = Far(*[OutcomeUnknown("?")] * 2)
        running = with_far(hub, far, findable=False)
        put(running)
        _let_pass(running, moving_clock, hours=2)
        _retry(hub)
        _let_pass(running, moving_clock, hours=2)
        assert (row(hub).state, row(hub).possible_repeat) == (DeliveryState.DONE, True)
        assert len(far.sent) == 3

    def test_what_was_refused_while_asking_may_have_arrived(
        self, hub: Hub, moving_clock: MovingClock
    ) -> None:
        far = Far(OutcomeUnknown("?"), found=Rejected("not found there"))
        running = with_far(hub, far)
        put(running)
        _let_pass(running, moving_clock, hours=1)
        assert row(hub).state == DeliveryState.FAILED
        _retry(hub)
        assert row(hub).state == DeliveryState.UNKNOWN

    def test_what_was_refused_is_sent_again_unmarked(self, hub: Hub, moving_clock: MovingClock) -> None:
        far = Far(Rejected("no such queue"))
        running = with_far(hub, far, findable=False)
        put(running)
        delivery.run_due(running)
        _retry(hub)
        delivery.run_due(running)
        assert (row(hub).state, row(hub).possible_repeat) == (DeliveryState.DONE, False)


class TestLeases:
    def test_asking_for_long_leaves_time_to_send(self, hub: Hub, moving_clock: MovingClock) -> None:
        def slow(claimed: Claimed) -> None:
            moving_clock.forward(timedelta(seconds=64))

        def send(claimed: Claimed) -> Outcome:
            moving_clock.forward(timedelta(seconds=64))
            assert delivery.claim(running, 1) == []
            return Done()

        far = Far(OutcomeUnknown("?"), send, found=slow)
        running = with_far(hub, far)
        put(running)
        delivery.run_due(running)
        moving_clock.forward(timedelta(minutes=1))
        delivery.run_due(running)
        assert (row(hub).state, len(far.sent), len(far.asked)) == (DeliveryState.DONE, 2, 1)

    def test_whoever_lost_the_lease_while_asking_sends_nothing(
        self, hub: Hub, moving_clock: MovingClock
    ) -> None:
        taken: list[Claimed] = []

        def too_slow(claimed: Claimed) -> None:
            moving_clock.forward(delivery.LEASE + timedelta(seconds=1))
            taken.extend(delivery.claim(running, 1))

        far = Far(OutcomeUnknown("?"), found=too_slow)
        running = with_far(hub, far)
        put(running)
        delivery.run_due(running)
        moving_clock.forward(timedelta(minutes=1))
        delivery.run_due(running)
        assert (len(taken), len(far.sent)) == (1, 1)
        assert row(hub).lease_owner == taken[0].lease_owner

    def test_those_that_wait_behind_a_slow_one_are_not_held_meanwhile(
        self, hub: Hub, moving_clock: MovingClock
    ) -> None:
        def slow(claimed: Claimed) -> Outcome:
            moving_clock.forward(timedelta(seconds=64))
            with hub.db.write() as session:
                assert outbox.expire_leases(session) == 0
            return Done()

        far = Far(*[slow] * 5)
        running = with_far(hub, far)
        for _ in range(5):
            put(running)
        delivery.run_due(running)
        assert (len(far.sent), len(far.asked)) == (5, 0)


def _let_pass(hub: Hub, moving_clock: MovingClock, hours: int) -> None:
    for _ in range(hours * 2):
        delivery.run_due(hub)
        moving_clock.forward(timedelta(minutes=30))
    delivery.run_due(hub)


def _retry(hub: Hub) -> None:
    with hub.db.write() as session:
        (given_up,) = outbox.attention(session)
        outbox.retry(session, given_up.id)


def _breaking(hub: Hub, times: int) -> None:
    """Let the next transactions that settle fail as on a database that another process holds."""
    left = [times]

    def refuse(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        if statement.startswith("UPDATE deliveries") and "finished_at" in statement and left[0]:
            left[0] -= 1
            raise OperationalError(statement, {}, scene.Locked())

    event.listen(hub.db.engine, "before_cursor_execute", refuse)


@contextmanager
def _impatient(hub: Hub) -> Iterator[None]:
    """Connections of the hub wait for a lock for a moment only, instead of five seconds."""

    def hurry(driver: Any, *rest: Any) -> None:
        driver.execute("PRAGMA busy_timeout=20")

    hub.db.dispose()
    event.listen(hub.db.engine, "connect", hurry)
    yield
    event.remove(hub.db.engine, "connect", hurry)
    hub.db.dispose()
