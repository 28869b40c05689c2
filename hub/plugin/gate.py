"""The door's side of a connector: few threads at once are inside its `verify` and `parse`.

These two run in the thread of their request, because handing a webhook to another thread costs more than the
webhook. A thread cannot be called back, so one that hangs is lost to its web process. The gate lets each
connection lose two of them and no more; whoever comes after is sent on within half a second.

What remains: several connections that hang at the same time lose two threads each, four of them all eight of
a web process. Which of their bodies would hang cannot be known before it is tried.
"""

import time
from collections.abc import Callable, Hashable
from threading import Condition, Lock
from typing import TypeVar

Result = TypeVar("Result")

INSIDE = 2
"""Threads of a process that may be inside a connection's plugin at once."""
PATIENCE = 0.5
"""Seconds that one waits for a place."""
STUCK = 1.0
"""Seconds after which whoever is inside counts as stuck. When all are, nobody waits for a place."""


class Full(Exception):
    """No place came free. `seconds`: how long the one who is inside longest has been there."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"The oldest call is inside for {seconds:.1f} s.")
        self.seconds = seconds


class _Lane:
    """The places of one connection. `since` holds when each who is inside came, in seconds of `monotonic`."""

    __slots__ = ("free", "lock", "since", "waiting")

    def __init__(self) -> None:
        self.lock = Lock()
        self.free = Condition(self.lock)
        self.since: list[float] = []
        self.waiting = 0


class Gate:
    """The gates of all connections, for the threads of this process."""

    def __init__(self) -> None:
        self._lanes: dict[Hashable, _Lane] = {}

    def through(self, key: Hashable, call: Callable[[], Result], places: int = INSIDE) -> Result:
        """What `call` answers, in this thread. `Full` when so many are inside already and none comes out."""
        # Both halves of this line are atomic; of two new lanes one is kept.
        lane = self._lanes.get(key) or self._lanes.setdefault(key, _Lane())
        came = time.monotonic()
        with lane.lock:
            if len(lane.since) >= places:
                came = _wait(lane, places, came + PATIENCE)
            lane.since.append(came)
        try:
            return call()
        finally:
            with lane.lock:
                lane.since.remove(came)
                if lane.waiting:
                    lane.free.notify()


def _wait(lane: _Lane, places: int, until: float) -> float:
    """Until there is a place; answers when that was."""
    lane.waiting += 1
    try:
        while True:
            now = time.monotonic()
            if len(lane.since) < places:
                return now
            if now >= until or max(lane.since) < now - STUCK:
                raise Full(now - min(lane.since))
            lane.free.wait(until - now)
    finally:
        lane.waiting -= 1
