"""Missed webhooks are made good by asking, and asking alone never does harm."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
import scene
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from hub.base.db import Database
from hub.domain import connections
from hub.domain.alerts import Alert
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
    asked: int = 0

    def ask(self, **changes: Any) -> None:
        self.found = replace(self.found, **changes)
        self.clock.forward(reconcile.EVERY)
        reconcile.poll_due(self.hub)

    def ask_now(self, **changes: Any) -> None:
        """What a tick of the worker brings before it is the connection's turn."""
        self.found = replace(self.found, **changes)
        reconcile.poll_due(self.hub)

    def answer(self, target: object, cursor: str) -> Reconciled:
        self.asked += 1
        return self.found

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
    monkeypatch.setattr(hub.outward, "reconcile", here.answer)
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


def after(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def test_what_fires_again_under_the_start_it_had_is_raised_again(source: Source) -> None:
    source.webhook(scene.event())
    source.webhook(scene.event("clear", minute=5))
    source.ask(signals=(scene.event(),), as_of=after(7), complete=True)
    [signal] = source.rows(Signal)
    assert (signal.state, signal.source_at, signal.stale) == ("firing", after(7), False)
    assert source.kinds()[-2:] == ["alert.raised", "case.opened"]
    assert [case.state for case in source.rows(Case)] == ["closed", "registered"]
    before = source.kinds()
    source.ask(as_of=after(12))
    source.webhook(scene.event())  # a late duplicate of its beginning
    assert source.kinds() == before
    source.webhook(scene.event("clear", minute=15))
    assert source.rows(Signal)[0].state == "clear"
    assert {case.state for case in source.rows(Case)} == {"closed"}


def test_an_answer_that_is_not_complete_knows_what_fires_all_the_same(source: Source) -> None:
    source.webhook(scene.event())
    source.webhook(scene.event("clear", minute=5))
    source.ask(signals=(scene.event(),), as_of=after(7), complete=False)
    assert source.rows(Signal)[0].state == "firing"


def test_a_late_firing_is_not_applied_but_seen_and_asked_about_at_once(source: Source) -> None:
    source.webhook(scene.event())
    source.webhook(scene.event("clear", minute=5))
    source.ask(as_of=after(6), complete=True)
    source.webhook(scene.event())
    assert [(s.state, s.stale) for s in source.rows(Signal)] == [("clear", True)]
    [late] = [entry for entry in source.rows(Entry) if entry.kind == "alert.stale"]
    assert (late.weight, late.case_id) == ("headline", None)
    assert "again after its end" in late.sentence
    # Long before its turn, and nothing happens where it does not fire.
    source.ask_now(as_of=after(8))
    assert (source.asked, source.rows(Signal)[0].state) == (2, "clear")
    source.ask_now()
    assert source.asked == 2


def test_a_late_firing_that_is_true_is_raised_within_a_minute(source: Source) -> None:
    source.webhook(scene.event())
    source.webhook(scene.event("clear", minute=5))
    source.ask(as_of=after(6), complete=True)
    source.webhook(scene.event())
    # The answer may be as old as the clear: it is asked again until it is newer.
    source.ask_now(signals=(scene.event(),), as_of=after(5))
    assert source.rows(Signal)[0].state == "clear"
    source.ask_now(as_of=after(5.5))
    assert source.rows(Signal)[0].state == "firing"
    source.ask_now()
    assert source.asked == 3


def test_what_fires_on_an_account_that_lacks_it_is_asked_about_though_it_is_nobodys(source: Source) -> None:
    stray = {"key": "stray", "identifiers": (("circuit", "NOWHERE"),)}
    source.webhook(scene.event(**stray))
    source.webhook(scene.event("clear", minute=5, **stray))
    source.ask(as_of=after(6), complete=True)
    source.webhook(scene.event(**stray))
    source.ask_now(signals=(scene.event(**stray),), as_of=after(7))
    assert source.rows(Signal)[0].state == "firing"


def test_an_older_start_than_the_last_episodes_is_raised_when_it_fires_now(source: Source) -> None:
    source.webhook(scene.event(start=3, minute=3))
    source.ask(signals=(scene.event(),), as_of=after(7), complete=True)
    source.ask_now(as_of=after(8))
    states = {s.episode_start: s.state for s in source.rows(Signal)}
    assert states == {after(0): "firing", after(3): "clear"}


EVENT = st.tuples(st.sampled_from("ab"), st.sampled_from([0, 10, 20]), st.sampled_from(["firing", "clear"]))


@settings(max_examples=25)
@given(
    st.lists(EVENT, max_size=10),
    st.dictionaries(st.sampled_from("ab"), st.sampled_from([0, 10, 20])),
    st.booleans(),
)
def test_after_any_webhooks_the_hub_believes_what_fires_now(
    fresh_database: Any, said: Any, firing: Any, complete: bool
) -> None:
    database = Database(fresh_database(), synchronous="OFF")
    try:
        with database.write() as session:
            connection = alarm.Source(scene.connection(session), "Alertmanager")
        scene.accounts(database, "Nord")
        for key, start, state in said:
            event = scene.event(state, key=key, start=start, minute=start + (5 if state == "clear" else 0))
            with database.write() as session:
                alarm.sound(session, connection, [event])
        now = tuple(scene.event(key=key, start=start, minute=start) for key, start in firing.items())
        for minute in (40, 41):
            with database.write() as session:
                reconcile.settle(session, connection, Reconciled(now, after(minute), complete=complete))
        with database.read() as session:
            joined = (
                select(Signal).join(Alert, Alert.signal_id == Signal.id).where(Alert.cleared_at.is_(None))
            )
            active = {(s.natural_key, s.episode_start) for s in session.scalars(joined)}
        fires = {(event.natural_key, event.episode_start) for event in now}
        assert fires <= active
        assert not complete or active == fires
    finally:
        database.dispose()


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
