"""Bounded slots for outward calls, so that a plugin that hangs can only ever hang itself.

Python threads cannot be killed: a call that does not come back keeps its slot until it ends by itself. Each
connection has a few slots of its own; when all of them hang, further calls are refused at once, and other
connections do not notice. What this cannot contain is code that never lets go of the interpreter (a C
extension in a loop): that costs the process, which the supervisor replaces.
"""

import contextvars
import threading
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import UnionType
from typing import Any, TypeVar

from hub.base import clock
from hub.plugin.contracts import (
    AuthFailed,
    ConnectionQuarantined,
    ConnectorError,
    NotOffered,
    OutcomeUnknown,
    PluginBroken,
    Rejected,
    RetryLater,
)
from hub.plugin.parsing import broken, reason_of
from hub.plugin.scrub import Scrubber
from hub.plugin.shapes import misfit

Result = TypeVar("Result")

PER_CONNECTION = 4
LONGEST_PAUSE = timedelta(days=1)
_PLAIN_ERRORS = (Rejected, AuthFailed, OutcomeUnknown, NotOffered)


@dataclass(frozen=True, slots=True)
class SlotHealth:
    """One connection's slots, for the health page. `hung` calls have passed their time limit and still
    run."""

    connection_key: str
    slots: int
    busy: int
    hung: int
    hung_since: datetime | None
    calls: int
    failures: int
    last_failure: str
    last_failure_at: datetime | None

    @property
    def quarantined(self) -> bool:
        """Whether calls are refused because every slot hangs."""
        return self.hung >= self.slots


@dataclass(eq=False, slots=True)
class _Call:
    """One call, shared by the thread that runs it and the one that waits for it."""

    done: threading.Event = field(default_factory=threading.Event)
    result: Any = None
    error: BaseException | None = None


@dataclass(eq=False, slots=True)
class _Lane:
    """The slots of one connection. Guarded by `free`, which is notified when a slot is freed or begins to
    hang."""

    free: threading.Condition = field(default_factory=threading.Condition)
    running: set[_Call] = field(default_factory=set)
    hung: dict[_Call, datetime] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    last_failure: str = ""
    last_failure_at: datetime | None = None
    told: int = 0


@dataclass(frozen=True, slots=True)
class Hanging:
    """How many calls of a connection hang in this process; `changed` since it was last asked."""

    connection_key: str
    hung: int
    slots: int
    since: datetime | None
    changed: bool


class Slots:
    """The slots of all connections of this process."""

    def __init__(self, per_connection: int = PER_CONNECTION) -> None:
        self._per_connection = per_connection
        self._lanes: dict[str, _Lane] = {}
        self._guard = threading.Lock()

    def call(
        self,
        connection_key: str,
        call: Callable[[], Result],
        timeout: float,
        expects: type | UnionType | None = None,
        secrets: Iterable[str] = (),
    ) -> Result:
        """Run `call` in a slot of the connection and answer what it answers, within `timeout` seconds.

        `expects` is what the result must be, for example `ExternalRef | None`; a contract's dataclass is
        checked in depth. `secrets` are masked in error texts. Raises only ConnectorErrors: those of the
        plugin, `PluginBroken` for what else it raises or answers, `OutcomeUnknown` after the time limit,
        `RetryLater` when no slot came free in time, and `ConnectionQuarantined` when every slot hangs.
        """
        lane = self._lane(connection_key)
        running = self._enter(lane, timeout)
        self._start(lane, running, call)
        scrub = Scrubber(secrets)
        try:
            result: Result = self._settle(lane, running, timeout, expects, scrub)
            return result
        except ConnectorError as error:
            self._note(lane, error)
            raise

    def health(self) -> tuple[SlotHealth, ...]:
        """The state of every connection called since this process started, by key."""
        with self._guard:
            lanes = sorted(self._lanes.items())
        return tuple(self._health(key, lane) for key, lane in lanes)

    def hanging(self) -> tuple[Hanging, ...]:
        """The connections with calls that hang, and those that had some when this was asked before."""
        with self._guard:
            lanes = sorted(self._lanes.items())
        found = (self._hanging(key, lane) for key, lane in lanes)
        return tuple(item for item in found if item.hung or item.changed)

    def _hanging(self, key: str, lane: _Lane) -> Hanging:
        with lane.free:
            hung, changed = len(lane.hung), len(lane.hung) != lane.told
            lane.told = hung
            since = min(lane.hung.values(), default=None)
        return Hanging(key, hung, self._per_connection, since, changed)

    def _health(self, key: str, lane: _Lane) -> SlotHealth:
        with lane.free:
            return SlotHealth(
                connection_key=key,
                slots=self._per_connection,
                busy=len(lane.running),
                hung=len(lane.hung),
                hung_since=min(lane.hung.values(), default=None),
                calls=lane.counts["calls"],
                failures=lane.counts["failures"],
                last_failure=lane.last_failure,
                last_failure_at=lane.last_failure_at,
            )

    def _lane(self, key: str) -> _Lane:
        with self._guard:
            return self._lanes.setdefault(key, _Lane())

    def _enter(self, lane: _Lane, timeout: float) -> _Call:
        """Take a slot, waiting for one that is only busy but not for one that hangs."""
        call = _Call()
        with lane.free:
            lane.counts["calls"] += 1
            lane.free.wait_for(lambda: self._has_room(lane) or self._all_hang(lane), timeout)
            if self._has_room(lane):
                lane.running.add(call)
                return call
            refusal = self._refusal(lane)
        self._note(lane, refusal)
        raise refusal

    def _has_room(self, lane: _Lane) -> bool:
        return len(lane.running) < self._per_connection

    def _all_hang(self, lane: _Lane) -> bool:
        return len(lane.hung) >= self._per_connection

    def _refusal(self, lane: _Lane) -> ConnectorError:
        if self._all_hang(lane):
            return ConnectionQuarantined(
                f"All {self._per_connection} calls of this connection hang, the oldest since "
                f"{min(lane.hung.values()):%Y-%m-%d %H:%M} UTC. Calls go on when one of them ends; "
                "restarting the worker frees them all."
            )
        return RetryLater("Every slot of this connection is busy; the far side is slow.")

    def _start(self, lane: _Lane, running: _Call, call: Callable[[], Any]) -> None:
        # Daemon: a call that hangs must not keep the process from ending. The context carries the clock.
        context = contextvars.copy_context()
        thread = threading.Thread(
            target=context.run, args=(self._run, lane, running, call), name="hub-slot", daemon=True
        )
        try:
            thread.start()
        except RuntimeError as error:
            self._leave(lane, running)
            raise RetryLater("This machine cannot start another thread.") from error

    def _run(self, lane: _Lane, running: _Call, call: Callable[[], Any]) -> None:
        try:
            running.result = call()
        except BaseException as error:  # a plugin may call sys.exit()
            running.error = error
        self._leave(lane, running)

    def _leave(self, lane: _Lane, running: _Call) -> None:
        with lane.free:
            lane.running.discard(running)
            lane.hung.pop(running, None)
            running.done.set()
            lane.free.notify_all()

    def _settle(
        self, lane: _Lane, running: _Call, timeout: float, expects: type | UnionType | None, scrub: Scrubber
    ) -> Any:
        if not running.done.wait(timeout):
            self._give_up(lane, running, timeout)
        if running.error is not None:
            raise _presentable(running.error, scrub) from None
        if expects is not None and (reason := misfit(expects, running.result)):
            raise PluginBroken(scrub(f"The connector gave a wrong answer: {reason}"))
        return running.result

    def _give_up(self, lane: _Lane, running: _Call, timeout: float) -> None:
        with lane.free:
            if running.done.is_set():
                return  # it ended in this very moment
            lane.hung[running] = clock.now()
            lane.free.notify_all()
        raise OutcomeUnknown(f"No answer within {timeout:g} seconds; the call still runs and keeps its slot.")

    def _note(self, lane: _Lane, error: ConnectorError) -> None:
        with lane.free:
            lane.counts["failures"] += 1
            lane.last_failure = error.reason
            lane.last_failure_at = clock.now()


def _presentable(error: BaseException, scrub: Scrubber) -> ConnectorError:
    """A plugin's exception as one of the hub's own, without the plugin's types, causes and secrets."""
    if isinstance(error, RetryLater):
        return RetryLater(reason_of(error, scrub), _pause(error.after))
    for kind in _PLAIN_ERRORS:
        if isinstance(error, kind):
            return kind(reason_of(error, scrub))
    return broken(error, scrub)


def _pause(after: object) -> timedelta | None:
    """What the far side asked for, if it makes sense: nobody waits longer than a day because a header said
    so."""
    if not isinstance(after, timedelta) or after < timedelta(0):
        return None
    return min(after, LONGEST_PAUSE)
