"""A plugin that hangs, raises or answers rubbish hurts itself alone."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from hub.base import clock
from hub.plugin.contracts import (
    ConnectionQuarantined,
    ConnectorError,
    ExternalRef,
    OutcomeUnknown,
    PluginBroken,
    Rejected,
    RetryLater,
)
from hub.plugin.slots import SlotHealth, Slots

SOON = 0.05
LONG = 10.0
SECRET = "s3cr3t-sentinel-0451"


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """Whatever hangs in a test hangs on this, and is let go at its end."""
    event = threading.Event()
    yield event
    event.set()


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    """Callers that wait beside the test."""
    with ThreadPoolExecutor(20) as executor:
        yield executor


def health(slots: Slots, key: str) -> SlotHealth:
    return next(line for line in slots.health() if line.connection_key == key)


def hang(slots: Slots, key: str, gate: threading.Event, times: int = 1) -> None:
    for _ in range(times):
        with pytest.raises(OutcomeUnknown, match=r"No answer within 0\.05 seconds"):
            slots.call(key, gate.wait, SOON)


def wait_until_free(slots: Slots, key: str) -> None:
    """A call that waits for a slot returns as soon as one is free."""
    assert slots.call(key, lambda: "free", LONG, str) == "free"


def test_a_call_answers_in_the_callers_time() -> None:
    instant = datetime(2030, 1, 1, tzinfo=UTC)
    with clock.at(instant):
        assert Slots().call("rt", clock.now, LONG, datetime) == instant


def test_when_all_slots_hang_the_connection_is_quarantined_and_others_do_not_notice(
    gate: threading.Event,
) -> None:
    slots = Slots(per_connection=2)
    hang(slots, "rt", gate)
    assert slots.call("rt", lambda: 1, LONG, int) == 1
    hang(slots, "rt", gate)
    with pytest.raises(ConnectionQuarantined, match="All 2 calls of this connection hang"):
        slots.call("rt", lambda: 1, LONG)
    assert slots.call("mail", lambda: 2, LONG, int) == 2
    state = health(slots, "rt")
    assert (state.busy, state.hung, state.quarantined) == (2, 2, True)
    assert not health(slots, "mail").quarantined


def test_a_hung_call_that_ends_gives_its_slot_back(gate: threading.Event) -> None:
    slots = Slots(per_connection=1)
    with clock.at(datetime(2026, 11, 24, 10, tzinfo=UTC)):
        hang(slots, "rt", gate)
    assert health(slots, "rt").hung_since == datetime(2026, 11, 24, 10, tzinfo=UTC)
    ended = threading.Thread(target=gate.set)
    ended.start()
    ended.join()
    while health(slots, "rt").quarantined:
        threading.Event().wait(0.001)
    wait_until_free(slots, "rt")
    state = health(slots, "rt")
    assert (state.busy, state.hung, state.hung_since, state.calls, state.failures) == (0, 0, None, 2, 1)


def test_a_busy_connection_is_waited_for(gate: threading.Event, pool: ThreadPoolExecutor) -> None:
    slots = Slots(per_connection=2)
    first: list[Future[bool]] = [pool.submit(slots.call, "rt", gate.wait, LONG) for _ in range(2)]
    while health_or_none(slots) is None or health(slots, "rt").busy < 2:
        threading.Event().wait(0.001)
    with pytest.raises(RetryLater, match="slot of this connection is busy"):
        slots.call("rt", lambda: 1, SOON)
    third = pool.submit(slots.call, "rt", lambda: 3, LONG, int)
    gate.set()
    assert third.result(LONG) == 3
    assert [future.result(LONG) for future in first] == [True, True]


def health_or_none(slots: Slots) -> SlotHealth | None:
    return next(iter(slots.health()), None)


def test_who_waits_for_a_slot_is_told_when_the_last_one_begins_to_hang(
    gate: threading.Event, pool: ThreadPoolExecutor
) -> None:
    slots = Slots(per_connection=1)
    hanging = pool.submit(slots.call, "rt", gate.wait, 0.3)
    while health_or_none(slots) is None:
        threading.Event().wait(0.001)
    waiting = pool.submit(slots.call, "rt", lambda: 1, LONG)
    with pytest.raises(OutcomeUnknown):
        hanging.result(LONG)
    with pytest.raises(ConnectionQuarantined):
        waiting.result(LONG)


def test_no_more_calls_run_at_once_than_there_are_slots(pool: ThreadPoolExecutor) -> None:
    slots = Slots(per_connection=3)
    guard = threading.Lock()
    running: list[int] = [0]
    most: list[int] = [0]

    def work() -> None:
        with guard:
            running[0] += 1
            most[0] = max(most[0], running[0])
        threading.Event().wait(0.005)
        with guard:
            running[0] -= 1

    calls = [pool.submit(slots.call, "rt", work, LONG) for _ in range(40)]
    for call in calls:
        call.result(LONG)
    assert most[0] == 3
    assert health(slots, "rt").busy == 0


class Odd(ConnectorError):
    """A plugin's own error that forgot its parent."""

    def __init__(self) -> None:
        pass


def raising(error: BaseException) -> Callable[[], object]:
    def call() -> object:
        raise error

    return call


@pytest.mark.parametrize(
    ("raised", "kind", "text"),
    [
        (KeyError("id"), PluginBroken, "The connector raised KeyError: 'id'"),
        (SystemExit(3), PluginBroken, "SystemExit: 3"),
        (KeyboardInterrupt(), PluginBroken, "KeyboardInterrupt"),
        (RecursionError("deep"), PluginBroken, "deep"),
        (Odd(), PluginBroken, "Odd"),
        (Rejected("no such queue"), Rejected, "no such queue"),
        (RetryLater("busy", timedelta(seconds=3)), RetryLater, "busy"),
    ],
)
def test_whatever_is_raised_comes_out_as_one_of_ours(
    raised: BaseException, kind: type[ConnectorError], text: str
) -> None:
    with pytest.raises(ConnectorError) as caught:
        Slots().call("rt", raising(raised), LONG)
    assert type(caught.value) is kind
    assert text in caught.value.reason


def test_the_line_that_broke_is_named() -> None:
    with pytest.raises(PluginBroken, match=r"\(test_plugin_slots\.py, line \d+\)$"):
        Slots().call("rt", raising(ValueError("x")), LONG)


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        (timedelta(seconds=5), timedelta(seconds=5)),
        (timedelta(days=900), timedelta(days=1)),
        (timedelta(seconds=-5), None),
        ("soon", None),
    ],
)
def test_a_pause_must_make_sense(asked: object, given: timedelta | None) -> None:
    with pytest.raises(RetryLater) as caught:
        Slots().call("rt", raising(RetryLater("busy", asked)), LONG)  # type: ignore[arg-type]
    assert caught.value.after == given


RUBBISH = [
    None,
    "ticket 17",
    {"external_id": "17"},
    ExternalRef(17),  # type: ignore[arg-type]
    ExternalRef(""),
    ExternalRef("17", url=None),  # type: ignore[arg-type]
    ExternalRef("1\x007"),
    ExternalRef("\ud800"),
]


@pytest.mark.parametrize("answer", RUBBISH)
def test_a_wrong_answer_is_an_error(answer: object) -> None:
    with pytest.raises(PluginBroken, match="wrong answer"):
        Slots().call("rt", lambda: answer, LONG, ExternalRef)


def test_an_optional_answer_may_be_missing_but_not_wrong() -> None:
    slots = Slots()
    assert slots.call("rt", lambda: None, LONG, ExternalRef | None) is None
    assert slots.call("rt", lambda: ExternalRef("17"), LONG, ExternalRef | None) == ExternalRef("17")
    with pytest.raises(PluginBroken):
        slots.call("rt", lambda: "17", LONG, ExternalRef | None)


def test_secrets_stay_out_of_errors_and_health() -> None:
    slots = Slots()
    for error in (Rejected(f"token={SECRET}"), ValueError(f"https://u:{SECRET}@rt/"), RetryLater(SECRET)):
        with pytest.raises(ConnectorError) as caught:
            slots.call("rt", raising(error), LONG, secrets=[SECRET])
        assert SECRET not in repr(caught.value)
        assert caught.value.__cause__ is None
        assert caught.value.__context__ is None
    state = health(slots, "rt")
    assert SECRET not in state.last_failure
    assert (state.failures, state.last_failure) == (3, "[secret]")
