"""Group commit: what arrives while something is being committed is committed together."""

from collections.abc import Callable, Hashable, Sequence
from threading import Lock
from typing import Any, TypeVar

import structlog

from hub.base.errors import Unavailable, frames

T = TypeVar("T")
Commit = Callable[[Sequence[T]], None]
"""Makes all of a group durable, or nothing of it."""
Fits = Callable[[Sequence[T], T], bool]
"""Whether a group takes one more."""
PATIENCE = 0.5
"""Seconds that work waits for its turn; when a leader is held up for longer, it goes its own way."""
log = structlog.get_logger()


class _Place:
    """A thread's work in a queue. `turn` is held until it leads, or until another has led for it."""

    __slots__ = ("item", "leads", "refusal", "served", "turn")

    def __init__(self, item: Any) -> None:
        self.item, self.turn = item, Lock()
        self.leads = self.served = False
        self.refusal: Unavailable | None = None
        self.turn.acquire()


class GroupCommit:
    """Threads that have work of one kind (one key) share transactions, the more of them the busier it is.

    Who comes first leads and commits; all who come meanwhile are committed by the next leader, one of them.
    So nothing waits for company, and a thread that is alone works as if this were not here. Groups are made
    in the order of arrival.
    """

    def __init__(self) -> None:
        self.patience = PATIENCE
        self._lock = Lock()
        # A key is here while somebody leads; its queue is who waits.
        self._queues: dict[Hashable, list[_Place]] = {}

    def do(self, key: Hashable, item: T, commit: Commit[T], fits: Fits[T]) -> None:
        """Return when the work is durable.

        `Unavailable` is everybody's: the database is busy or away for all of a group. Of any other error in
        company nobody knows whose it is, so each does its work alone, and errors find their owner.
        """
        mine = _Place(item)
        self._queue_up(key, mine)
        if mine.leads:
            mine.served = self._lead(key, mine, commit, fits)
        if mine.refusal is not None:
            raise mine.refusal
        if not mine.served:
            commit([item])

    def _queue_up(self, key: Hashable, mine: _Place) -> None:
        """Until it leads, was served or refused, or has waited long enough."""
        with self._lock:
            mine.leads = key not in self._queues
            if mine.leads:
                self._queues[key] = []
                return
            self._queues[key].append(mine)
        if mine.turn.acquire(timeout=self.patience):
            return
        with self._lock:
            queue = self._queues.get(key, [])
            if mine in queue:
                queue.remove(mine)
                return
        mine.turn.acquire()  # it is in the leader's hands

    def _lead(self, key: Hashable, mine: _Place, commit: Commit[T], fits: Fits[T]) -> bool:
        """Commit the leader's work and that of who fits to it; whether that was done."""
        company: list[_Place] = []
        done, refusal = False, None
        try:
            company = self._company(key, mine, fits)
            commit([mine.item, *(place.item for place in company)])
            done = True
        except Unavailable as error:
            refusal = error
            raise
        except Exception as error:
            if not company:
                raise
            log.warning(
                "group.apart", error=type(error).__name__, size=len(company) + 1, frames=frames(error)
            )
        finally:
            for place in company:
                place.served, place.refusal = done, refusal
                place.turn.release()
            self._hand_over(key)
        return done

    def _company(self, key: Hashable, mine: _Place, fits: Fits[T]) -> list[_Place]:
        """Who is next in the queue, up to the first that does not fit: nobody overtakes."""
        with self._lock:
            queue, items = self._queues[key], [mine.item]
            for place in queue:
                if not fits(items, place.item):
                    break
                items.append(place.item)
            company = queue[: len(items) - 1]
            del queue[: len(company)]
        return company

    def _hand_over(self, key: Hashable) -> None:
        with self._lock:
            queue = self._queues[key]
            if not queue:
                del self._queues[key]
                return
            following = queue.pop(0)
            following.leads = True
            following.turn.release()
