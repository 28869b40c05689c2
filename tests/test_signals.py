"""Signals: of several words about one episode the right one counts, and each source speaks for itself."""

from datetime import timedelta
from itertools import permutations

import pytest
import scene

from hub.base import clock, ids
from hub.domain import signals
from hub.domain.accounts import Identifier, Service
from hub.domain.alerts import Alert
from hub.domain.cases import Case
from hub.domain.signals import Signal
from hub.flows import alarm
from hub.flows.runtime import Hub
from hub.plugin.contracts import SignalEvent


@pytest.mark.parametrize("body", list(permutations([scene.event(minute=5), scene.event("clear", minute=5)])))
def test_of_what_was_said_at_one_instant_the_end_counts(hub: Hub, body: tuple[SignalEvent, ...]) -> None:
    assert [event.state for event in signals.latest(body)] == ["clear"]
    with hub.db.write() as session:
        source = alarm.Source(scene.connection(session), "Alertmanager")
    sound = scene.Sounder(hub.db, source)
    sound(*body)
    assert [signal.state for signal in sound.all(Signal)] == ["clear"]


@pytest.mark.parametrize(
    "body", list(permutations([scene.event(minute=5), scene.event("clear", minute=4), scene.event(minute=3)]))
)
def test_of_what_was_said_one_after_the_other_the_last_counts(body: tuple[SignalEvent, ...]) -> None:
    [event] = signals.latest(body)
    assert (event.state, event.at) == ("firing", scene.event(minute=5).at)


def test_two_sources_that_use_the_same_key_speak_of_two_things(hub: Hub) -> None:
    scene.accounts(hub.db, "Acme")
    scene.accounts(hub.db, "Bolt", circuit="CIR-2")
    with hub.db.write() as session:
        sources = [alarm.Source(scene.connection(session, name), name) for name in ("One", "Two")]
    first, second = (scene.Sounder(hub.db, source) for source in sources)
    first(scene.event(start=60, minute=60))
    second(scene.event(identifiers=(("circuit", "CIR-2"),)))  # it began an hour before
    stored = {signal.connection_id: (signal.first, signal.stale) for signal in first.all(Signal)}
    assert stored == {source.id: (True, False) for source in sources}
    assert len(first.all(Alert)) == 2
    assert len(first.all(Case)) == 2


@pytest.mark.parametrize("lower_first", [True, False])
def test_of_two_services_with_the_same_name_the_older_one_is_meant(hub: Hub, lower_first: bool) -> None:
    (acme,) = scene.accounts(hub.db, "Acme", circuit="CIR-2")
    lower, higher = sorted((ids.new_id(), ids.new_id()))
    with hub.db.write() as session:
        for service_id in (lower, higher) if lower_first else (higher, lower):
            session.add(Service(account_id=acme.account, id=service_id, kind="circuit", name="Twin"))
            session.flush()  # the identifier refers to it
            session.add(
                Identifier(
                    account_id=acme.account,
                    id=ids.new_id(),
                    service_id=service_id,
                    kind="circuit",
                    value="CIR-1",
                    valid_from=clock.now() - timedelta(days=1),
                )
            )
            session.flush()
        source = alarm.Source(scene.connection(session), "Alertmanager")
    sound = scene.Sounder(hub.db, source)
    sound(scene.event())
    assert [alert.service_id for alert in sound.all(Alert)] == [lower]
