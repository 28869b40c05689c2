"""Missed webhooks are made good by asking, and asking alone never does harm."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
import scene
from sqlalchemy import select

from hub.domain import connections
from hub.domain.audit import HUB
from hub.domain.cases import Case
from hub.domain.signals import Signal
from hub.domain.timeline import Entry
from hub.flows import alarm, reconcile
from hub.flows.runtime import Hub
from hub.plugin.contracts import Reconciled, RetryLater, SignalEvent
from hub.testing.fixtures import MovingClock

NOON = datetime.fromisoformat("2026-03-02T12:00:00+00:00")


@dataclass
class Source:
    """A monitoring connection with an account behind CIR-1, and what the far side answers."""

    hub: Hub
    clock: MovingClock
    connection: connections.Configured
    found: Reconciled = field(default_factory=lambda: Reconciled((), NOON))

    def ask(self, **changes: Any) -> None:
        self.found = replace(self.found, **changes)
        self.clock.forward(reconcile.EVERY)
        reconcile.poll_due(self.hub)

    def webhook(self, *events: SignalEvent) -> None:
        with self.hub.db.write() as session:
            alarm.sound(session, alarm.Source(self.connection.id, self.connection.name), events)

    def rows(self, table: type[Any]) -> list[Any]:
        with self.hub.db.read() as session:
            return list(session.scalars(select(table)))

    def kinds(self) -> list[str]:
        rows = [entry for entry in self.rows(Entry) if entry.kind.startswith(("alert", "case"))]
        return [entry.kind for entry in sorted(rows, key=lambda entry: entry.seq)]


@pytest.fixture
def source(hub: Hub, moving_clock: MovingClock, monkeypatch: pytest.MonkeyPatch) -> Source:
    moving_clock.set(NOON)
    scene.accounts(hub.db, "Nord")
    with hub.db.write() as session:
        added = connections.add_connection(
            session, HUB, hub.registry, hub.keyring, "alertmanager", "Alertmanager", "own", {}
        )
    with hub.db.read() as session:
        connection = connections.by_id(session, added.id)
    assert connection is not None
    here = Source(hub, moving_clock, connection)
    monkeypatch.setattr(hub.outward, "reconcile", lambda target, cursor: here.found)
    return here


def test_a_firing_that_was_missed_is_raised_once(source: Source) -> None:
    for _ in range(3):
        source.ask(signals=(scene.event(),), as_of=NOON + timedelta(minutes=5), complete=True)
    source.webhook(scene.event())
    assert source.kinds() == ["alert.raised", "case.opened"]
    [signal] = source.rows(Signal)
    assert signal.repeats == 1  # the webhook's; asking is no repeat


def test_an_end_that_was_missed_clears(source: Source) -> None:
    source.webhook(scene.event())
    source.ask(as_of=NOON + timedelta(minutes=7), complete=True)
    [signal] = source.rows(Signal)
    assert (signal.state, signal.source_at) == ("clear", NOON + timedelta(minutes=7))
    assert source.rows(Case)[0].state == "closed"


def test_an_answer_that_is_not_complete_clears_nothing(source: Source) -> None:
    source.webhook(scene.event())
    source.ask(as_of=NOON + timedelta(minutes=7), complete=False)
    assert source.rows(Signal)[0].state == "firing"


def test_what_is_held_back_is_neither_raised_nor_cleared(source: Source) -> None:
    source.webhook(scene.event(key="f1"))
    source.ask(as_of=NOON + timedelta(minutes=7), complete=True, held=("f1", "f2"))
    assert [(s.natural_key, s.state) for s in source.rows(Signal)] == [("f1", "firing")]


def test_what_began_after_the_answer_was_made_is_left_alone(source: Source) -> None:
    source.webhook(scene.event(start=6, minute=6))
    source.ask(as_of=NOON + timedelta(minutes=5), complete=True)
    assert source.rows(Signal)[0].state == "firing"


def test_a_source_that_cannot_be_asked_is_seen_and_clears_nothing(
    source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    source.webhook(scene.event())

    def down(target: object, cursor: str) -> Reconciled:
        raise RetryLater("It is down.")

    monkeypatch.setattr(source.hub.outward, "reconcile", down)
    source.ask()
    assert source.rows(Signal)[0].state == "firing"
    with source.hub.db.read() as session:
        assert [e.sentence for e in connections.events(session, source.connection.id)] == ["It is down."]


def test_without_an_address_nothing_is_said_about_health(
    source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    source.ask()
    with source.hub.db.read() as session:
        now = connections.by_id(session, source.connection.id)
    assert now is not None
    assert (now.failures, now.last_ok_at) == (0, None)
