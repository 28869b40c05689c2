"""What another transaction does to an account while an alert waits for it, counts for the alert."""

import threading
from collections.abc import Callable

import pytest
import scene
from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.base import clock
from hub.domain import access, accounts, signals, timeline
from hub.domain.accounts import Service
from hub.domain.alerts import Alert
from hub.domain.audit import HUB, AuditLine
from hub.domain.cases import Case
from hub.domain.signals import Signal
from hub.domain.timeline import Entry
from hub.flows import alarm, queues
from hub.flows.runtime import Hub
from hub.testing.world import World


@pytest.fixture
def source(hub: Hub) -> alarm.Source:
    with hub.db.write() as session:
        return alarm.Source(scene.connection(session), "Alertmanager")


def meanwhile(hub: Hub, first: Callable[[Session], object], then: Callable[[Session], object]) -> None:
    """`then` comes to a lock that `first` holds, and goes on when `first` is committed.

    On SQLite a transaction begins only when the one before it has ended, so there is nothing to wait for.
    """

    def act() -> None:
        with hub.db.write() as session:
            then(session)

    thread = threading.Thread(target=act)
    with hub.db.write() as session:
        first(session)
        thread.start()
        scene.wait_until_blocked(hub)
    thread.join()


def sounding(source: alarm.Source, key: str) -> Callable[[Session], object]:
    return lambda session: alarm.sound(session, source, [scene.event(key=key)])


def closing(place: scene.Place) -> Callable[[Session], object]:
    def close(session: Session) -> None:
        service = session.get_one(Service, (place.account, place.service))
        accounts.change_service(session, HUB, service, closed_at=clock.now())

    return close


def test_a_case_that_opens_meanwhile_is_joined(hub: Hub, source: alarm.Source) -> None:
    scene.accounts(hub.db, "Acme")
    meanwhile(hub, sounding(source, "a"), sounding(source, "b"))
    with hub.db.read() as session:
        (case,) = session.scalars(select(Case))
        assert list(session.scalars(select(Alert.case_id))) == [case.id] * 2
        kinds = session.scalars(select(Entry.kind).order_by(Entry.seq))
        assert list(kinds) == ["alert.raised", "case.opened", "alert.raised"]


def test_a_service_that_closes_meanwhile_leaves_its_signal_in_the_queue(
    hub: Hub, source: alarm.Source
) -> None:
    (acme,) = scene.accounts(hub.db, "Acme")
    meanwhile(hub, closing(acme), sounding(source, "a"))
    with hub.db.read() as session:
        assert list(session.scalars(select(Signal.matched))) == [False]
        assert list(session.scalars(select(Alert))) == []
        assert "matches no service" in " ".join(session.scalars(select(AuditLine.sentence)))


def test_naming_a_signal_and_a_webhook_about_it_never_wait_crosswise(
    hub: Hub, source: alarm.Source, world: World
) -> None:
    """The webhook has the signal and wants the account; whoever names it wants both, too."""
    strange = scene.event(identifiers=(("host", "web17"),))
    with hub.db.write() as session:
        alarm.sound(session, source, [strange])
    nordwind = world.nordwind

    def name_it() -> None:
        with hub.db.write() as session:
            viewer = access.viewer_of(session, world.kim)
            (signal,) = session.scalars(select(Signal))
            service = session.get_one(Service, (nordwind.account, nordwind.service))
            queues.map_signal(session, viewer, signal, service, "host", "web17")

    thread = threading.Thread(target=name_it)
    with hub.db.write() as session:
        signals.store(session, source.id, [strange])
        thread.start()
        scene.wait_until_blocked(hub)
        timeline.lock(session, [nordwind.account])
    thread.join()
    with hub.db.read() as session:
        assert list(session.scalars(select(Signal.matched))) == [True]
        assert len(list(session.scalars(select(Case)))) == 1
