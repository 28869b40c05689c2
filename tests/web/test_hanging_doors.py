"""A plugin that hangs in the door: its own requests are kept or sent away, and everybody else's go on."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
import scene
from flask import Flask
from pydantic import BaseModel
from sqlalchemy import func, select

from hub import hookimpl
from hub.app import create_hub
from hub.base import clock
from hub.cli.web import BLOCKING_THREADS
from hub.config import Settings
from hub.domain import connections, quarantine
from hub.domain.audit import HUB
from hub.domain.connections import HealthEvent
from hub.domain.quarantine import QuarantineKind
from hub.domain.signals import Signal
from hub.flows import intake
from hub.flows.runtime import Hub
from hub.plugin.contracts import Connector, Incoming, Parsed
from hub.plugin.gate import INSIDE
from hub.testing.pages import Browser

LONG = 30.0
MANY = 16


class Nothing(BaseModel):
    """A connector without settings."""


class Good(Connector[Nothing]):
    """A body is the key of a signal."""

    name = "good"
    kind = "monitoring"
    title = "Good"
    capabilities = frozenset({"parse"})
    settings_model = Nothing

    def parse(self, settings: Nothing, incoming: Incoming) -> Parsed:
        return Parsed(signals=(scene.event(key=incoming.body.decode()),))


class Stuck(Good):
    """Its parse does not come back before it is let go."""

    name = "stuck"
    title = "Stuck"

    def __init__(self) -> None:
        self.go, self.inside = threading.Event(), threading.Semaphore(0)

    def hang(self) -> None:
        """Until the test says otherwise."""
        self.inside.release()
        self.go.wait(LONG)

    def parse(self, settings: Nothing, incoming: Incoming) -> Parsed:
        self.hang()
        return super().parse(settings, incoming)


class Signed(Stuck):
    """Its check of who sends does not come back, or does at once, and then its parse does not."""

    name = "signed"
    title = "Signed"
    capabilities = frozenset({"verify", "parse"})
    checks_at_once = False

    def verify(self, settings: Nothing, incoming: Incoming) -> bool:
        if not self.checks_at_once:
            self.hang()
        return True

    def parse(self, settings: Nothing, incoming: Incoming) -> Parsed:
        if self.checks_at_once:
            self.hang()
        return Good.parse(self, settings, incoming)


class Plugin:
    """All of them."""

    def __init__(self) -> None:
        self.stuck, self.signed = Stuck(), Signed()

    @hookimpl
    def hub_connectors(self, register: Callable[[Connector[Any]], None]) -> None:
        for connector in (Good(), self.stuck, self.signed):
            register(connector)


@pytest.fixture
def plugin() -> Iterator[Plugin]:
    made = Plugin()
    yield made
    made.stuck.go.set()
    made.signed.go.set()


@pytest.fixture
def hub(settings: Settings, plugin: Plugin) -> Iterator[Hub]:
    running = create_hub(settings, plugins=(("mixed", plugin),))
    yield running
    running.close()


@pytest.fixture
def web(plugin: Plugin) -> Iterator[ThreadPoolExecutor]:
    """As many threads as a web process has."""
    with ThreadPoolExecutor(BLOCKING_THREADS) as pool:
        yield pool
        plugin.stuck.go.set()
        plugin.signed.go.set()


@pytest.fixture
def post(hub: Hub, app: Flask) -> Callable[[str, str], int]:
    """Send a body to a connection of one of these connectors; answers the status."""
    tokens = {name: _connect(hub, name) for name in ("good", "stuck", "signed")}

    def send(name: str, body: str) -> int:
        headers = {} if name == "signed" else {"Authorization": f"Bearer {tokens[name]}"}
        return app.test_client().post(f"/in/{name}", data=body, headers=headers).status_code

    return send


def _connect(hub: Hub, name: str) -> str:
    with hub.db.write() as session:
        made = connections.add_connection(
            session, HUB, hub.registry, hub.keyring, name, name.title(), "own", {}
        )
        return "" if name == "signed" else connections.new_token(session, HUB, made)


def _keys(hub: Hub) -> list[str]:
    with hub.db.read() as session:
        return list(session.scalars(select(Signal.natural_key).order_by(Signal.natural_key)))


def _kept(hub: Hub) -> list[str]:
    with hub.db.read() as session:
        found = quarantine.waiting(session, [QuarantineKind.WAITING], limit=100)
        return [(kept.body or b"").decode() for kept in found]


def _events(hub: Hub, kind: str) -> list[str]:
    with hub.db.read() as session:
        return list(session.scalars(select(HealthEvent.sentence).where(HealthEvent.kind == kind)))


def _all_but_the_stuck(calls: list[Future[int]], inside: int) -> list[int]:
    """What was answered, once only those inside the plugin have no answer."""
    while sum(call.done() for call in calls) < len(calls) - inside:
        threading.Event().wait(0.005)
    return [call.result() for call in calls if call.done()]


def test_a_parse_that_hangs_keeps_two_threads_and_its_bodies_are_taken_once_later(
    hub: Hub, app: Flask, plugin: Plugin, web: ThreadPoolExecutor, post: Any, rita: Browser
) -> None:
    bodies = [f"stuck {number:02}" for number in range(MANY)]
    calls = [web.submit(post, "stuck", body) for body in bodies]
    others = [web.submit(post, "good", f"good {number}") for number in range(4)]
    assert [call.result(LONG) for call in others] == [202] * 4
    assert web.submit(app.test_client().get, "/healthz").result(LONG).status_code == 200
    page = web.submit(rita.get, "/admin").result(LONG).text
    assert "Parsing has not come back for" in page
    assert _all_but_the_stuck(calls, INSIDE) == [202] * (MANY - INSIDE)
    assert len(_kept(hub)) == MANY - INSIDE
    assert len(_events(hub, "slow_parse")) == 1
    assert _keys(hub) == [f"good {number}" for number in range(4)]
    plugin.stuck.go.set()
    assert {call.result(LONG) for call in calls} == {202}
    with clock.shifted(intake.SLOW_PAUSE + timedelta(minutes=1)):
        assert post("stuck", "stuck again") == 202
        assert intake.parse_waiting(hub) == MANY - INSIDE
        assert intake.parse_waiting(hub) == 0
    assert _keys(hub) == sorted([*bodies, "stuck again", *(f"good {number}" for number in range(4))])
    assert _kept(hub) == []


def test_a_check_that_hangs_costs_only_its_own_connection(
    hub: Hub, app: Flask, plugin: Plugin, web: ThreadPoolExecutor, post: Any, rita: Browser
) -> None:
    calls = [web.submit(post, "signed", f"signed {number}") for number in range(MANY)]
    assert web.submit(post, "good", "good").result(LONG) == 202
    assert web.submit(app.test_client().get, "/healthz").result(LONG).status_code == 200
    assert _all_but_the_stuck(calls, 1) == [503] * (MANY - 1)
    [told] = _events(hub, "failing")
    assert "The plugin has not come back for" in told
    assert told in web.submit(rita.get, "/admin").result(LONG).text
    assert _kept(hub) == []
    plugin.signed.go.set()
    assert [call.result(LONG) for call in calls].count(202) == 1
    assert post("signed", "signed again") == 202
    with hub.db.read() as session:
        assert session.scalar(select(func.count()).select_from(Signal)) == 1 + 2


def test_bodies_of_who_was_let_in_are_kept_when_only_their_parse_hangs(
    hub: Hub, plugin: Plugin, web: ThreadPoolExecutor, post: Any
) -> None:
    plugin.signed.checks_at_once = True
    calls = [web.submit(post, "signed", f"signed {number}") for number in range(MANY)]
    assert _all_but_the_stuck(calls, 1) == [202] * (MANY - 1)
    assert len(_kept(hub)) == MANY - 1
