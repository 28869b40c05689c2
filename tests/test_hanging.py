"""Calls that hang in a worker are seen on the pages of another process, with the connection's name."""

import threading
import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from hub.app import create_app
from hub.domain import connections
from hub.domain.audit import HUB
from hub.domain.connections import HealthEvent
from hub.flows import hanging
from hub.flows.runtime import Hub
from hub.plugin.contracts import OutcomeUnknown
from hub.plugin.outward import Outward
from hub.plugin.slots import Slots
from hub.testing.fixtures import MovingClock, counting
from hub.testing.pages import Browser
from hub.testing.world import PASSWORD, World

SLOTS = 2


@pytest.fixture
def connection(hub: Hub) -> uuid.UUID:
    form = {"url": "https://rt.example.net/", "login": "hub", "token": "1-14-secret", "queue": "NOC"}
    with hub.db.write() as session:
        return connections.add_connection(
            session, HUB, hub.registry, hub.keyring, "request_tracker", "Tickets", "team", form
        ).id


class Worker:
    """A process whose calls to one connection hang until they are let go."""

    def __init__(self, hub: Hub) -> None:
        self.slots = Slots(SLOTS)
        self.hub = replace(hub, outward=Outward(None, self.slots))  # type: ignore[arg-type]
        self.go, self.ended = threading.Event(), threading.Semaphore(0)

    def hang(self, key: str) -> None:
        """One call passes its time limit."""

        def call() -> None:
            self.go.wait(30)
            self.ended.release()

        with pytest.raises(OutcomeUnknown):
            self.slots.call(key, call, 0.01)


@pytest.fixture
def worker(hub: Hub) -> Iterator[Worker]:
    made = Worker(hub)
    yield made
    made.go.set()


def _events(hub: Hub) -> list[str]:
    with hub.db.read() as session:
        return list(session.scalars(select(HealthEvent.sentence).order_by(HealthEvent.at, HealthEvent.id)))


def test_a_call_that_hangs_is_told_once_and_shown_by_every_process(
    hub: Hub, world: World, worker: Worker, connection: uuid.UUID, moving_clock: MovingClock
) -> None:
    browser = Browser(create_app(hub))
    browser.sign_in("rita@elbe.example", PASSWORD)
    assert "calls hang" not in browser.get("/admin").text
    for _ in range(SLOTS):
        worker.hang(str(connection))
        hanging.tell(worker.hub)
        hanging.tell(worker.hub)
    first, second = _events(hub)
    assert first.startswith("1 of 2 calls hang, the oldest since ")
    assert "No more are made until one of them ends" in second
    page = browser.get("/admin").text
    assert "2 calls hang" in page
    assert "Tickets" in page
    assert str(connection) not in page
    worker.go.set()
    for _ in range(SLOTS):
        assert worker.ended.acquire(timeout=10)
    _until_free(worker)
    hanging.tell(worker.hub)
    assert _events(hub)[-1] == "No call hangs any more."
    assert "calls hang" not in browser.get("/admin").text


def _until_free(worker: Worker) -> None:
    for _ in range(SLOTS):
        worker.slots.call("another", lambda: None, 10)
    (lane,) = [line for line in worker.slots.health() if line.connection_key != "another"]
    while lane.busy:
        (lane,) = [line for line in worker.slots.health() if line.connection_key != "another"]


def test_what_a_worker_said_that_has_gone_silent_counts_no_more(
    hub: Hub, world: World, worker: Worker, connection: uuid.UUID, moving_clock: MovingClock
) -> None:
    worker.hang(str(connection))
    hanging.tell(worker.hub)
    with hub.db.read() as session:
        state = connections.listed(session)[0][1]
    assert connections.hanging(state.hung, state.hung_at) == 1
    moving_clock.forward(timedelta(minutes=2))
    assert connections.hanging(state.hung, state.hung_at) == 0


def test_nothing_is_written_of_what_does_not_hang_or_is_no_connection(hub: Hub, worker: Worker) -> None:
    worker.hang("team:01a20bae")
    with counting(hub.db) as counted:
        hanging.tell(worker.hub)
    assert len(counted) == 0
    worker.hang(str(uuid.uuid4()))
    hanging.tell(worker.hub)
    assert _events(hub) == []
