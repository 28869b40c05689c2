"""Webhooks that arrive at the same time share a transaction, and mean what they would mean one by one."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import scene
from pydantic import BaseModel
from sqlalchemy import event, select

from hub import hookimpl
from hub.app import create_hub
from hub.base import clock
from hub.config import Settings
from hub.domain import connections
from hub.domain.alerts import Alert
from hub.domain.audit import HUB
from hub.domain.cases import Case
from hub.domain.connections import Configured
from hub.domain.timeline import Entry
from hub.flows import intake
from hub.flows.runtime import Hub
from hub.plugin.contracts import Connector, Incoming, Parsed
from hub.plugin.settings import form_values
from hub.testing.fixtures import counting


class Nothing(BaseModel):
    """A connector without settings."""


class Terse(Connector[Nothing]):
    """A body of words: `a` fires, `-a` is over."""

    name = "terse"
    kind = "monitoring"
    title = "Terse"
    capabilities = frozenset({"parse"})
    settings_model = Nothing

    def parse(self, settings: Nothing, incoming: Incoming) -> Parsed:
        return Parsed(signals=tuple(told(word) for word in incoming.body.decode().split()))

    @hookimpl
    def hub_connectors(self, register: Callable[[Connector[Any]], None]) -> None:
        register(self)


def told(word: str) -> Any:
    over = word.startswith("-")
    return scene.event("clear" if over else "firing", key=word.strip("-"), minute=5 if over else 0)


@pytest.fixture
def hub(settings: Settings) -> Iterator[Hub]:
    running = create_hub(settings, plugins=(("terse", Terse()),))
    running.together.patience = 30
    yield running
    running.close()


@pytest.fixture
def token(hub: Hub) -> str:
    """That of the connection."""
    with hub.db.write() as session:
        values = form_values(Nothing, {})
        made = connections.add_connection(
            session, HUB, hub.registry, hub.keyring, "terse", "Terse", "own", values
        )
        return connections.new_token(session, HUB, made)


@pytest.fixture
def connection(hub: Hub, token: str) -> Configured:
    return intake.admit(hub, "terse", {"authorization": f"Bearer {token}"})


def receive(hub: Hub, connection: Configured, body: str) -> intake.Reply:
    return intake.receive(hub, connection, Incoming("POST", "", {}, {}, body.encode(), clock.now()))


def at_once(hub: Hub, connection: Configured, *bodies: str) -> list[intake.Reply]:
    """The first body meets a transaction that holds it up; the others are behind it, in their order."""
    replies: list[intake.Reply] = []

    def send(body: str) -> None:
        replies.append(receive(hub, connection, body))

    threads = [threading.Thread(target=send, args=(body,)) for body in bodies]
    with hub.db.write() as session:
        # Both databases stop here: PostgreSQL at the row of the signal, SQLite at the one write lock.
        intake.alarm.sound(session, intake.alarm.Source(connection.id, "Terse"), [told(bodies[0])])
        for number, thread in enumerate(threads):
            thread.start()
            wait_for(hub, connection, number)
    for thread in threads:
        thread.join()
    return replies


def wait_for(hub: Hub, connection: Configured, behind: int) -> None:
    """Until the first leads, and so many are in the queue behind it."""
    deadline = clock.now().timestamp() + 4
    while clock.now().timestamp() < deadline:
        queue = hub.together._queues.get(connection.id)
        if queue is not None and len(queue) == behind:
            return
    raise AssertionError("nobody came")


def test_many_webhooks_at_once_are_two_transactions(hub: Hub, connection: Configured) -> None:
    scene.accounts(hub.db, "Acme", "Bolt")
    committed: list[object] = []
    event.listen(hub.db.engine, "commit", committed.append)
    replies = at_once(hub, connection, "a", "b", "c d", "e", "f")
    assert [reply.status for reply in replies] == [202] * 5
    assert len(committed) == 3  # what held them up; the first; all who came meanwhile
    with hub.db.read() as session:
        assert len(list(session.scalars(select(Alert)))) == 2 * 6
        assert len(list(session.scalars(select(Case)))) == 2


def test_a_fault_and_its_end_at_once_are_both_told(hub: Hub, connection: Configured) -> None:
    scene.accounts(hub.db, "Acme")
    at_once(hub, connection, "a", "b", "-b", "c", "-c")
    with hub.db.read() as session:
        kinds = list(session.scalars(select(Entry.kind)))
    assert kinds.count("alert.raised") == 3
    assert kinds.count("alert.cleared") == 2


def test_a_webhook_is_the_same_few_statements_however_long_it_is(hub: Hub, token: str) -> None:
    scene.accounts(hub.db, "Acme")
    counts = []
    for name, size in (("opens", 1), ("one", 1), ("ten", 10), ("thousand", 1000)):
        with counting(hub.db) as statements:
            connection = intake.admit(hub, "terse", {"authorization": f"Bearer {token}"})
            receive(hub, connection, " ".join(f"{name}{number}" for number in range(size)))
        counts.append(len(statements))
    # Who sends, the signals, their ground, and what they mean: one statement, or on SQLite one for each of
    # three tables. A beginning and an end are no statements here, on either.
    assert counts[1:] == [4 if hub.db.dialect == "postgresql" else 4 + 2] * 3
