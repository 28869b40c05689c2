"""Claiming what is due: one after the other, or side by side in the worker."""

from collections import Counter
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock
from types import MappingProxyType

from hub.domain import outbox
from hub.domain.outbox import Claimed, Lane
from hub.flows.delivery.attempting import LEASE, attempt
from hub.flows.delivery.outcomes import log_broken
from hub.flows.runtime import Hub

PER_CONNECTION = 4


def run_due(hub: Hub) -> int:
    """Carry out what is due, one after the other, until nothing is; answers how many attempts were made.

    For commands and tests; the worker uses a `Dispatcher`. Each is claimed when its turn has come, so that
    none loses its lease behind a slow one.
    """
    attempts = 0
    while claimed := claim(hub, 1):
        attempt(hub, claimed[0])
        attempts += 1
    return attempts


def claim(hub: Hub, limit: int, left: Mapping[Lane, int] = MappingProxyType({})) -> list[Claimed]:
    """Take what is due, lost attempts among it, and commit; no more of a lane than it has places `left`."""
    with hub.db.write() as session:
        outbox.expire_leases(session)
        return outbox.claim(session, limit, LEASE, left=left)


class Dispatcher:
    """Carries out due deliveries side by side, with a few at a time per connection, or per kind without one.

    A far side that hangs can fill its own places only; what goes elsewhere passes it by.
    """

    def __init__(self, hub: Hub, places: int = 16) -> None:
        self._hub = hub
        self._places = places
        self._pool = ThreadPoolExecutor(places, thread_name_prefix="delivery")
        self._running: Counter[Lane] = Counter()
        self._guard = Lock()

    def tick(self) -> int:
        """Start what is due and has room; answers how many were started. Safe on every node at once."""
        with self._guard:
            free = self._places - self._running.total()
            left = {lane: PER_CONNECTION - count for lane, count in self._running.items()}
        if free <= 0:
            return 0
        claimed = claim(self._hub, min(free, PER_CONNECTION), left)
        for delivery in claimed:
            self._start(delivery)
        return len(claimed)

    def _start(self, delivery: Claimed) -> None:
        with self._guard:
            self._running[delivery.lane] += 1
        future = self._pool.submit(attempt, self._hub, delivery)
        future.add_done_callback(lambda done: self._ended(delivery, done))

    def _ended(self, delivery: Claimed, future: Future[None]) -> None:
        with self._guard:
            self._running[delivery.lane] -= 1
        if (error := future.exception()) is not None:
            # The lease runs out and the row becomes `unknown`: nothing is lost by stopping here.
            log_broken(delivery, error)

    def close(self) -> None:
        """Wait for the attempts under way; calls that hang end with the process."""
        self._pool.shutdown(wait=True, cancel_futures=True)
