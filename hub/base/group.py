"""Group commit: what arrives while something is being committed is committed together."""

from collections.abc import Callable, Hashable, Sequence
from threading import Lock
from typing import Any, TypeVar

T = TypeVar("T")
Commit = Callable[[Sequence[T]], None]
"""Makes all of a group durable, or nothing of it."""
Fits = Callable[[Sequence[T], T], bool]
"""Whether a group takes one more."""


class _Place:
    """A thread's work in a queue. `turn` is held until it leads, or until another has led for it."""

    __slots__ = ("item", "leads", "served", "turn")

    def __init__(self, item: Any) -> None:
        self.item, self.turn = item, Lock()
        self.leads = self.served = False
        self.turn.acquire()


class GroupCommit:
    """Threads that have work of one kind (one key) share transactions, the more of them the busier it is.

    Who comes first leads and commits; all who come meanwhile are committed by the next leader, one of them.
    So nothing waits for company, and a thread that is alone works as if this were not here.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._queues: dict[Hashable, list[_Place]] = {}

    def do(self, key: Hashable, item: T, commit: Commit[T], fits: Fits[T]) -> None:
        """Return when the work is durable. What fails in company is done alone: errors find their owner."""
        mine = _Place(item)
        with self._lock:
            mine.leads = key not in self._queues
            self._queues.setdefault(key, []).append(mine)
        if not mine.leads:
            mine.turn.acquire()
        if mine.leads:
            mine.served = self._lead(key, commit, fits)
        if not mine.served:
            commit([item])

    def _lead(self, key: Hashable, commit: Commit[T], fits: Fits[T]) -> bool:
        """Commit the work of the first in the queue, and of who fits to it; whether that was done."""
        group, done = self._next_group(key, fits), False
        try:
            commit([place.item for place in group])
            done = True
        except Exception:
            if len(group) == 1:
                raise
        finally:
            for other in group[1:]:
                other.served = done
                other.turn.release()
            self._hand_over(key)
        return done

    def _next_group(self, key: Hashable, fits: Fits[T]) -> list[_Place]:
        with self._lock:
            first, *others = self._queues[key]
            group, left = [first], list[_Place]()
            for place in others:
                (group if fits([one.item for one in group], place.item) else left).append(place)
            self._queues[key] = left
        return group

    def _hand_over(self, key: Hashable) -> None:
        with self._lock:
            left = self._queues[key]
            if left:
                left[0].leads = True
                left[0].turn.release()
            else:
                del self._queues[key]
