"""Work that arrives while other work is committed is committed together, and nobody pays for another."""

import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from hub.base.errors import Unavailable
from hub.base.group import GroupCommit

PATIENCE = 10


class Slow:
    """Commits that stop at the door until they are let through; what was asked of them, group by group."""

    def __init__(self, *poison: int) -> None:
        self.groups: list[list[int]] = []
        self.entered, self.door = threading.Semaphore(0), threading.Semaphore(0)
        self._poison = poison

    def __call__(self, group: Sequence[int]) -> None:
        self.groups.append(list(group))
        self.entered.release()
        assert self.door.acquire(timeout=PATIENCE)
        if set(group) & set(self._poison):
            raise ValueError(f"{group} cannot be stored")

    def wait_for_one(self) -> None:
        assert self.entered.acquire(timeout=PATIENCE)


def always(group: Sequence[int], one: int) -> bool:
    return True


class Crowd:
    """Threads that come one after the other, each in the queue before the next comes."""

    def __init__(self, pool: ThreadPoolExecutor, commit: Slow, fits: object = always) -> None:
        self.together, self.commit, self._pool, self._fits = GroupCommit(), commit, pool, fits
        self.together.patience = PATIENCE

    def send(self, *items: int, key: str = "k") -> list[Future[None]]:
        sent = []
        for item in items:
            before = self.queued(key)
            sent.append(self._pool.submit(self.together.do, key, item, self.commit, self._fits))
            while self.queued(key) == before and not sent[-1].done():
                pass
        return sent

    def queued(self, key: str) -> int:
        return len(self.together._queues.get(key, ()))

    def lead(self, item: int, key: str = "k") -> Future[None]:
        """One that is being committed when this returns."""
        led = self._pool.submit(self.together.do, key, item, self.commit, self._fits)
        self.commit.wait_for_one()
        return led


@pytest.fixture
def pool():
    with ThreadPoolExecutor(12) as pool:
        yield pool


def test_who_comes_alone_is_committed_alone():
    groups: list[list[int]] = []
    together = GroupCommit()
    for item in (1, 2):
        together.do("k", item, lambda group: groups.append(list(group)), always)
    assert groups == [[1], [2]]
    assert together._queues == {}


def test_who_comes_meanwhile_is_committed_in_one_group(pool: ThreadPoolExecutor):
    crowd = Crowd(pool, Slow())
    all_sent = [crowd.lead(1), *crowd.send(2, 3, 4, 5)]
    crowd.commit.door.release(2)
    for sent in all_sent:
        sent.result(PATIENCE)
    assert crowd.commit.groups == [[1], [2, 3, 4, 5]]
    assert crowd.together._queues == {}


def test_nothing_is_answered_before_its_group_is_committed(pool: ThreadPoolExecutor):
    crowd = Crowd(pool, Slow())
    first = crowd.lead(1)
    others = crowd.send(2, 3)
    crowd.commit.door.release()
    first.result(PATIENCE)
    crowd.commit.wait_for_one()
    assert not any(sent.done() for sent in others)
    crowd.commit.door.release()
    for sent in others:
        sent.result(PATIENCE)


def test_one_that_cannot_be_stored_fails_alone(pool: ThreadPoolExecutor):
    crowd = Crowd(pool, Slow(3))
    first = crowd.lead(1)
    second, third, fourth = crowd.send(2, 3, 4)
    crowd.commit.door.release(10)
    for sent in (first, second, fourth):
        sent.result(PATIENCE)
    with pytest.raises(ValueError, match="cannot be stored"):
        third.result(PATIENCE)
    assert crowd.commit.groups[:2] == [[1], [2, 3, 4]]
    assert sorted(crowd.commit.groups[2:]) == [[2], [3], [4]]
    assert crowd.together._queues == {}


def test_a_leader_that_fails_lets_the_next_one_lead(pool: ThreadPoolExecutor):
    crowd = Crowd(pool, Slow(1))
    first = crowd.lead(1)
    (second,) = crowd.send(2)
    crowd.commit.door.release(2)
    with pytest.raises(ValueError, match="cannot be stored"):
        first.result(PATIENCE)
    second.result(PATIENCE)
    assert crowd.commit.groups == [[1], [2]]


def test_what_does_not_fit_waits_for_its_turn_and_nobody_overtakes_it(pool: ThreadPoolExecutor):
    def other_ten(group: Sequence[int], one: int) -> bool:
        return one % 10 not in {each % 10 for each in group}

    crowd = Crowd(pool, Slow(), other_ten)
    all_sent = [crowd.lead(1), *crowd.send(2, 12, 3, 22)]
    crowd.commit.door.release(4)
    for sent in all_sent:
        sent.result(PATIENCE)
    assert crowd.commit.groups == [[1], [2], [12, 3], [22]]


def test_a_busy_database_is_busy_for_the_whole_group_at_once(pool: ThreadPoolExecutor):
    class Away(Slow):
        def __call__(self, group: Sequence[int]) -> None:
            super().__call__(group)
            if len(group) > 1:
                raise Unavailable("The database is busy.")

    crowd = Crowd(pool, Away())
    first = crowd.lead(1)
    others = crowd.send(2, 3, 4)
    crowd.commit.door.release(10)
    first.result(PATIENCE)
    for sent in others:
        with pytest.raises(Unavailable):
            sent.result(PATIENCE)
    assert crowd.commit.groups == [[1], [2, 3, 4]]


def test_who_has_waited_long_enough_for_a_leader_goes_its_own_way(pool: ThreadPoolExecutor):
    crowd = Crowd(pool, Slow())
    crowd.together.patience = 0.01
    first = crowd.lead(1)
    (second,) = crowd.send(2)
    crowd.commit.wait_for_one()  # while the first is still being committed
    assert crowd.commit.groups == [[1], [2]]
    crowd.commit.door.release(2)
    for sent in (first, second):
        sent.result(PATIENCE)
    assert crowd.together._queues == {}


def test_a_question_that_fails_leaves_nobody_waiting(pool: ThreadPoolExecutor):
    def broken(group: Sequence[int], one: int) -> bool:
        raise MemoryError

    crowd = Crowd(pool, Slow(), broken)
    first = crowd.lead(1)
    others = crowd.send(2, 3)
    crowd.commit.door.release(10)
    first.result(PATIENCE)
    with pytest.raises(MemoryError):
        others[0].result(PATIENCE)
    others[1].result(PATIENCE)
    assert crowd.together._queues == {}


def test_work_of_different_kinds_never_waits_for_each_other(pool: ThreadPoolExecutor):
    crowd = Crowd(pool, Slow())
    both = [crowd.lead(1, "one"), crowd.lead(2, "other")]
    crowd.commit.door.release(2)
    for sent in both:
        sent.result(PATIENCE)
    assert sorted(crowd.commit.groups) == [[1], [2]]


def test_many_threads_at_once_lose_nothing(pool: ThreadPoolExecutor):
    stored: list[int] = []
    together = GroupCommit()
    sent = [pool.submit(together.do, item % 3, item, stored.extend, always) for item in range(3000)]
    for each in sent:
        each.result(PATIENCE)
    assert sorted(stored) == list(range(3000))
    assert together._queues == {}
