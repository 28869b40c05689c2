"""The outbox: rows first, claimed with leases, ordered per object, never doubled by a key."""

import threading
import uuid
from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from hub.base.db import Database
from hub.base.errors import Conflict
from hub.domain import outbox
from hub.domain.outbox import Claimed, Delivery, DeliveryState
from hub.flows.runtime import Hub
from hub.testing.fixtures import MovingClock, counting

LEASE = timedelta(minutes=2)


def put(db: Database, kind: str = "mail", **options: Any) -> uuid.UUID:
    with db.write() as session:
        return outbox.put(session, kind, options.pop("body", {}), **options)


def claim(db: Database, limit: int = 10, **options: Any) -> list[Claimed]:
    with db.write() as session:
        return outbox.claim(session, limit, LEASE, **options)


def settle(db: Database, claimed: Claimed, state: DeliveryState = DeliveryState.DONE, **values: Any) -> bool:
    with db.write() as session:
        return outbox.settle(session, claimed, state, **values)


def states(db: Database) -> list[str]:
    with db.read() as session:
        return list(session.scalars(select(Delivery.state).order_by(Delivery.id)))


def test_a_rolled_back_change_asks_for_nothing(hub: Hub) -> None:
    with pytest.raises(RuntimeError), hub.db.write() as session:
        outbox.put(session, "mail", {})
        raise RuntimeError
    assert states(hub.db) == []


def test_a_unique_key_is_put_once(hub: Hub) -> None:
    put(hub.db, unique_key="tell:1")
    put(hub.db, unique_key="tell:1")
    put(hub.db, unique_key="tell:2")
    assert states(hub.db) == ["due", "due"]


def test_what_is_claimed_is_nobody_elses(hub: Hub) -> None:
    put(hub.db)
    (mine,) = claim(hub.db)
    assert mine.attempts == 1
    assert claim(hub.db) == []
    assert settle(hub.db, mine)
    assert states(hub.db) == ["done"]


def test_rows_with_the_same_order_key_wait_for_each_other_and_for_nobody_else(hub: Hub) -> None:
    first = put(hub.db, order_key="order:1")
    second = put(hub.db, order_key="order:1")
    page = put(hub.db)
    claimed = {c.id: c for c in claim(hub.db)}
    assert set(claimed) == {first, page}
    later = claimed[first].patience_from + timedelta(hours=1)
    settle(hub.db, claimed[first], DeliveryState.DUE, due_at=later)
    assert claim(hub.db) == []
    with hub.db.write() as session:
        (waiting,) = session.scalars(select(Delivery).where(Delivery.id == first))
        waiting.state = DeliveryState.FAILED
    assert [c.id for c in claim(hub.db)] == [second]


def test_a_lease_that_runs_out_makes_the_attempt_unknown(hub: Hub, moving_clock: MovingClock) -> None:
    put(hub.db)
    (lost,) = claim(hub.db)
    moving_clock.forward(LEASE + timedelta(seconds=1))
    with hub.db.write() as session:
        assert outbox.expire_leases(session) == 1
    (again,) = claim(hub.db)
    assert again.uncertain
    assert not settle(hub.db, lost)
    assert settle(hub.db, again)


def test_no_more_is_taken_of_a_lane_than_it_has_places_left(hub: Hub) -> None:
    full, some, free = uuid.uuid4(), uuid.uuid4(), uuid.uuid4()
    for connection in (full, some, None):
        for _ in range(3):
            put(hub.db, "order", connection_id=connection)
    put(hub.db, "page")
    for _ in range(3):
        put(hub.db, "order", connection_id=free)
    claimed = claim(hub.db, limit=20, left={full: 0, some: 2, "order": 1, "page": 0})
    assert Counter(each.lane for each in claimed) == {some: 2, "order": 1, free: 3}
    assert Counter(each.lane for each in claim(hub.db, left={"order": 0})) == {full: 3, some: 1, "page": 1}


def test_future_work_is_not_due_yet(hub: Hub, moving_clock: MovingClock) -> None:
    put(hub.db, due_at=moving_clock.now + timedelta(minutes=1))
    assert claim(hub.db) == []
    moving_clock.forward(timedelta(minutes=1))
    assert len(claim(hub.db)) == 1


def test_given_up_work_can_be_tried_again_or_put_away_once(hub: Hub) -> None:
    put(hub.db)
    (mine,) = claim(hub.db)
    settle(hub.db, mine, DeliveryState.FAILED, last_error="refused")
    with hub.db.write() as session:
        (waiting,) = outbox.attention(session)
        outbox.retry(session, waiting.id)
    (again,) = claim(hub.db)
    settle(hub.db, again, DeliveryState.FAILED)
    with hub.db.write() as session:
        outbox.give_up(session, again.id, uuid.uuid4())
        assert outbox.attention(session) == []
    with pytest.raises(Conflict), hub.db.write() as session:
        outbox.retry(session, again.id)


def test_claiming_costs_the_same_for_one_and_for_many(hub: Hub) -> None:
    counts = []
    for size in (1, 50):
        for _ in range(size):
            put(hub.db)
        with counting(hub.db) as statements:
            assert len(claim(hub.db, limit=size)) == size
        counts.append(len(statements))
    assert counts[0] == counts[1]


def test_four_workers_do_everything_once_and_in_order(hub: Hub) -> None:
    done: dict[str, list[int]] = defaultdict(list)
    guard = threading.Lock()
    for number in range(120):
        put(hub.db, body={"n": number, "key": f"k{number % 7}"}, order_key=f"k{number % 7}")
    work_side_by_side(4, lambda: _work(hub.db, done, guard))
    assert sorted(n for numbers in done.values() for n in numbers) == list(range(120))
    for numbers in done.values():
        assert numbers == sorted(numbers)


def _work(db: Database, done: dict[str, list[int]], guard: threading.Lock) -> None:
    while "due" in states(db) or "sending" in states(db):
        for claimed in claim(db, limit=3):
            with guard:
                done[claimed.body["key"]].append(claimed.body["n"])
            settle(db, claimed)


def work_side_by_side(count: int, work: Callable[[], None]) -> None:
    threads = [threading.Thread(target=work) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
