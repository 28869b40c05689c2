"""From the outbox to the world: claim (commit), call, settle (commit).

No transaction is open while a far side is called. Whatever happens to this process in between, the row says
what is known: `sending` with a lease that runs out becomes `unknown`, and an unknown delivery is asked for
before it is ever sent again.
"""

import random
import uuid
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from threading import Lock
from typing import Any, TypeVar, cast

import structlog
from sqlalchemy.orm import Session

from hub.base import clock
from hub.base.errors import HubError
from hub.domain import outbox, timeline
from hub.domain.audit import HUB
from hub.domain.kinds import Kind
from hub.domain.outbox import Claimed, DeliveryState
from hub.flows.runtime import Hub
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

LEASE = timedelta(minutes=2)
PATIENCE = timedelta(hours=24)
FIRST_PAUSE = timedelta(seconds=5)
LONGEST_PAUSE = timedelta(minutes=15)
PER_CONNECTION = 4

Apply = Callable[[Session], None]
Result = TypeVar("Result")
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Done:
    """It happened. `apply` writes what follows (a link, an entry) in the transaction that settles the row."""

    result: dict[str, Any] | None = None
    apply: Apply | None = None


@dataclass(frozen=True, slots=True)
class Retry:
    """Nothing happened yet; try again after the pause, or after the usual backoff."""

    reason: str
    after: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Unknown:
    """It may have happened; nobody here can tell yet."""

    reason: str


@dataclass(frozen=True, slots=True)
class Failed:
    """It will not happen; someone must look."""

    reason: str


Outcome = Done | Retry | Unknown | Failed


@dataclass(frozen=True, slots=True)
class Handler:
    """How one kind of delivery is carried out.

    `send` calls the far side with no transaction open. `find` answers what an earlier attempt left behind:
    Done, None for "surely nothing", Unknown where it cannot be told; without it nothing ever can.
    `describe` says in a few words what was sent and to whom, for the entry about a failure.
    """

    send: Callable[[Hub, Claimed], Outcome]
    find: Callable[[Hub, Claimed], Outcome | None] | None = None
    describe: Callable[[Hub, Session, Claimed], tuple[str, str]] | None = None
    patience: timedelta = PATIENCE


def run_due(hub: Hub, limit: int = 50) -> int:
    """Carry out what is due, one after the other, until nothing is; answers how many attempts were made.

    For commands and tests; the worker uses a `Dispatcher`.
    """
    attempts = 0
    while claimed := _claim(hub, limit, set()):
        for delivery in claimed:
            attempt(hub, delivery)
        attempts += len(claimed)
    return attempts


def _claim(hub: Hub, limit: int, busy: set[uuid.UUID]) -> list[Claimed]:
    with hub.db.write() as session:
        outbox.expire_leases(session)
        return outbox.claim(session, limit, LEASE, busy=busy)


class Dispatcher:
    """Carries out due deliveries side by side, with a few at a time per connection.

    A far side that hangs can fill its own places only; what goes elsewhere passes it by.
    """

    def __init__(self, hub: Hub, places: int = 16) -> None:
        self._hub = hub
        self._places = places
        self._pool = ThreadPoolExecutor(places, thread_name_prefix="delivery")
        self._running: Counter[uuid.UUID | None] = Counter()
        self._guard = Lock()

    def tick(self) -> int:
        """Start what is due and has room; answers how many were started. Safe on every node at once."""
        with self._guard:
            free = self._places - self._running.total()
            busy = {key for key, count in self._running.items() if key and count >= PER_CONNECTION}
        if free <= 0:
            return 0
        claimed = _claim(self._hub, min(free, PER_CONNECTION), busy)
        for delivery in claimed:
            self._start(delivery)
        return len(claimed)

    def _start(self, delivery: Claimed) -> None:
        with self._guard:
            self._running[delivery.connection_id] += 1
        future = self._pool.submit(attempt, self._hub, delivery)
        future.add_done_callback(lambda done: self._ended(delivery, done))

    def _ended(self, delivery: Claimed, future: Future[None]) -> None:
        with self._guard:
            self._running[delivery.connection_id] -= 1
        if (error := future.exception()) is not None:
            # The lease runs out and the row becomes `unknown`: nothing is lost by stopping here.
            log.error("delivery.attempt_broke", delivery=str(delivery.id), error=type(error).__name__)

    def close(self) -> None:
        """Wait for the attempts under way; calls that hang end with the process."""
        self._pool.shutdown(wait=True, cancel_futures=True)


def attempt(hub: Hub, delivery: Claimed) -> None:
    """One attempt of a claimed delivery: call the far side, then settle in one transaction."""
    handler = cast("Handler | None", hub.handlers.get(delivery.kind))
    if handler is None:
        outcome: Outcome = Failed(f"Nothing here carries out \u201c{delivery.kind}\u201d.")
        handler = Handler(send=lambda hub, claimed: outcome)
    else:
        outcome = _outcome(hub, handler, delivery)
    try:
        with hub.db.write() as session:
            _settle(hub, session, handler, delivery, outcome)
    except HubError as error:
        # What follows cannot be written as the hub is set up now; it can be once someone mended that.
        with hub.db.write() as session:
            _record(session, delivery, Retry(str(error)))


def _outcome(hub: Hub, handler: Handler, delivery: Claimed) -> Outcome:
    if not delivery.uncertain:
        return _guarded(lambda: handler.send(hub, delivery))
    find = handler.find
    found = _guarded(lambda: find(hub, delivery)) if find else Unknown("The far side cannot be asked.")
    if found is None:
        return _guarded(lambda: handler.send(hub, delivery))
    if isinstance(found, Unknown) and not delivery.possible_repeat:
        repeat = _mark_repeat(hub, handler, delivery)
        return _guarded(lambda: handler.send(hub, delivery)) if repeat else found
    return found


def _mark_repeat(hub: Hub, handler: Handler, delivery: Claimed) -> bool:
    """Commit that this may be a repeat before it is one; false when the lease is no longer ours."""
    with hub.db.write() as session:
        marked = outbox.mark_repeat(session, delivery)
        if marked:
            _say(hub, session, handler, delivery, Kind.DELIVERY_UNKNOWN, "detail")
    return marked


def _guarded(call: Callable[[], Result]) -> Result | Retry | Unknown | Failed:
    try:
        return call()
    except RetryLater as error:
        return Retry(error.reason, error.after)
    except ConnectionQuarantined as error:
        return Retry(error.reason)
    except AuthFailed as error:
        # Someone must mend the connection; what waits for it goes out afterwards by itself.
        return Retry(error.reason, LONGEST_PAUSE)
    except (OutcomeUnknown, PluginBroken) as error:
        return Unknown(error.reason)
    except (Rejected, NotOffered) as error:
        return Failed(error.reason)
    except ConnectorError as error:
        return Unknown(error.reason)
    except HubError as error:
        return Retry(str(error))


def _settle(hub: Hub, session: Session, handler: Handler, delivery: Claimed, outcome: Outcome) -> None:
    if isinstance(outcome, Retry) and _patience_ended(handler, delivery):
        outcome = Failed(outcome.reason)
    if isinstance(outcome, Unknown) and delivery.possible_repeat:
        outcome = Failed(f"Sent twice, and nobody can tell whether it arrived: {outcome.reason}")
    if not _record(session, delivery, outcome):
        return
    match outcome:
        case Done(apply=apply) if apply is not None:
            apply(session)
        case Failed(reason=reason):
            _say_failed(hub, session, handler, delivery, reason)
        case _:
            pass


def _record(session: Session, delivery: Claimed, outcome: Outcome) -> bool:
    now = clock.now()
    match outcome:
        case Done(result=result):
            return outbox.settle(session, delivery, DeliveryState.DONE, result=result, last_error=None)
        case Retry(reason=reason, after=after):
            due = now + (after or backoff(delivery.attempts))
            return outbox.settle(session, delivery, DeliveryState.DUE, due_at=due, last_error=reason)
        case Unknown(reason=reason):
            due = now + backoff(delivery.attempts)
            return outbox.settle(session, delivery, DeliveryState.UNKNOWN, due_at=due, last_error=reason)
        case Failed(reason=reason):
            return outbox.settle(session, delivery, DeliveryState.FAILED, last_error=reason)


def backoff(attempts: int) -> timedelta:
    """The pause after so many attempts: doubling from 5 s to 15 min, less up to half of it by chance."""
    whole = min(FIRST_PAUSE * 2 ** min(attempts - 1, 20), LONGEST_PAUSE)
    return timedelta(seconds=whole.total_seconds() * random.uniform(0.5, 1.0))  # noqa: S311 - jitter, no secret


def _patience_ended(handler: Handler, delivery: Claimed) -> bool:
    return clock.now() - delivery.created_at > handler.patience


def _say_failed(hub: Hub, session: Session, handler: Handler, delivery: Claimed, reason: str) -> None:
    log.warning("delivery.failed", delivery=str(delivery.id), kind=delivery.kind, reason=reason)
    _say(hub, session, handler, delivery, Kind.DELIVERY_FAILED, "headline", why=reason)


def _say(
    hub: Hub, session: Session, handler: Handler, delivery: Claimed, kind: Kind, weight: str, **facts: str
) -> None:
    """A line on the account's timeline about a delivery; the outbox row itself tells of the others."""
    if delivery.account_id is None:
        return
    what, to = handler.describe(hub, session, delivery) if handler.describe else (delivery.kind, "\u2026")
    entry = timeline.NewEntry(
        delivery.account_id,
        kind,
        HUB,
        {"what": what, "to": to, "delivery": str(delivery.id), **facts},
        weight=weight,
        case_id=_case_of(delivery),
    )
    timeline.append(session, entry)


def _case_of(delivery: Claimed) -> uuid.UUID | None:
    case = delivery.body.get("case_id")
    return uuid.UUID(case) if case else None
