"""A plugin that hangs in the door's own threads gets two of them, and no one waits long for a third."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from hub.plugin import gate
from hub.plugin.gate import INSIDE, Full, Gate

LONG = 20.0


class Stuck:
    """A gate behind which calls hang until they are let go."""

    def __init__(self, pool: ThreadPoolExecutor) -> None:
        self.gate, self.go, self._pool = Gate(), threading.Event(), pool
        self._inside = threading.Semaphore(0)

    def _hang(self) -> str:
        self._inside.release()
        self.go.wait(LONG)
        return "out"

    def fill(self) -> list[Future[str]]:
        """As many calls as there are places, once all are inside."""
        calls = [self._pool.submit(self.gate.through, "bad", self._hang) for _ in range(INSIDE)]
        assert all(self._inside.acquire(timeout=LONG) for _ in calls)
        return calls


@pytest.fixture
def stuck() -> Iterator[Stuck]:
    with ThreadPoolExecutor(20) as pool:
        made = Stuck(pool)
        yield made
        made.go.set()


def test_who_comes_to_a_full_gate_is_sent_on_and_others_do_not_notice(
    stuck: Stuck, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate, "PATIENCE", 0.05)
    calls = stuck.fill()
    with pytest.raises(Full) as refusal:
        stuck.gate.through("bad", lambda: "in")
    assert refusal.value.seconds >= 0.05
    assert stuck.gate.through("good", lambda: "in") == "in"
    stuck.go.set()
    assert [call.result(LONG) for call in calls] == ["out", "out"]
    assert stuck.gate.through("bad", lambda: "in") == "in"


def test_nobody_waits_for_who_is_stuck(stuck: Stuck, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "PATIENCE", LONG)
    monkeypatch.setattr(gate, "STUCK", 0.0)
    stuck.fill()
    came = time.monotonic()
    with pytest.raises(Full):
        stuck.gate.through("bad", lambda: "in")
    assert time.monotonic() - came < LONG / 2


def test_who_waits_goes_in_when_another_comes_out(stuck: Stuck, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "PATIENCE", LONG)
    monkeypatch.setattr(gate, "STUCK", LONG)
    stuck.fill()
    with ThreadPoolExecutor(6) as pool:
        waiting = [pool.submit(stuck.gate.through, "bad", lambda: "in") for _ in range(6)]
        while stuck.gate._lanes["bad"].waiting < len(waiting):
            threading.Event().wait(0.001)
        stuck.go.set()
        assert [call.result(LONG) for call in waiting] == ["in"] * 6


def test_never_more_are_inside_than_there_are_places(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "PATIENCE", LONG)
    through, guard, inside, most = Gate().through, threading.Lock(), [0], [0]

    def work() -> None:
        with guard:
            inside[0] += 1
            most[0] = max(most[0], inside[0])
        threading.Event().wait(0.002)
        with guard:
            inside[0] -= 1

    with ThreadPoolExecutor(16) as pool:
        for call in [pool.submit(through, "bad", work) for _ in range(100)]:
            call.result(LONG)
    assert most[0] == INSIDE


def test_a_call_that_raises_leaves_its_place() -> None:
    through = Gate().through
    for _ in range(INSIDE + 1):
        with pytest.raises(ZeroDivisionError):
            through("bad", lambda: 1 / 0)
