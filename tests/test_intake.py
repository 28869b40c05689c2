"""Webhooks: durable before they are answered; whatever a connector does, the hub and the others go on."""

import json
import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from sqlalchemy import select
from structlog.testing import capture_logs

from hub import hookimpl
from hub.app import create_hub
from hub.base import clock
from hub.base.errors import Invalid, Unauthenticated, Unavailable
from hub.config import Settings
from hub.domain import connections
from hub.domain.alerts import Alert
from hub.domain.audit import HUB
from hub.domain.cases import Case
from hub.domain.connections import Configured, ConnectionState, HealthEvent
from hub.domain.outbox import Delivery
from hub.domain.quarantine import Quarantined
from hub.domain.signals import Signal
from hub.flows import intake
from hub.flows.runtime import TOLD_EVERY, Hub
from hub.plugin.contracts import Connector, Incoming, Parsed
from hub.plugin.settings import form_values
from hub.testing.fixtures import MovingClock
from hub.testing.world import World

PAYLOADS = Path(__file__).parent / "payloads" / "alertmanager"


class Nothing(BaseModel):
    """A connector without settings."""


class Odd(Connector[Nothing]):
    """Does what the body says: raise, exit, answer rubbish."""

    name = "odd"
    kind = "monitoring"
    title = "Odd"
    capabilities = frozenset({"parse"})
    settings_model = Nothing

    def parse(self, settings: Nothing, incoming: Incoming) -> Parsed:
        order = incoming.body.decode()
        if order == "raise":
            raise KeyError("secret-value")
        if order == "exit":
            raise SystemExit(1)
        if order == "rubbish":
            return "rubbish"  # type: ignore[return-value]
        return Parsed()


class Secret(BaseModel):
    """What a connector needs to tell who sends."""

    word: str


class Signed(Connector[Secret]):
    """Lets in only what is signed."""

    name = "signed"
    kind = "monitoring"
    title = "Signed"
    capabilities = frozenset({"parse", "verify"})
    settings_model = Secret

    def parse(self, settings: Secret, incoming: Incoming) -> Parsed:
        return Parsed()

    def verify(self, settings: Secret, incoming: Incoming) -> bool:
        if incoming.body == b"raise":
            raise ValueError(f"{settings.word}\x00\udcff does not fit {incoming.headers}")
        return incoming.headers.get("x-signature") == settings.word


class OddPlugin:
    """A plugin as one object."""

    @hookimpl
    def hub_connectors(self, register: Callable[[Connector[Any]], None]) -> None:
        register(Odd())
        register(Signed())


@pytest.fixture
def hub(settings: Settings) -> Iterator[Hub]:
    running = create_hub(settings, plugins=(("odd", OddPlugin()),))
    yield running
    running.close()


def connect(hub: Hub, connector: str) -> tuple[str, str]:
    """A new connection of a connector: its slug and its token."""
    known = hub.registry.connector(connector)
    assert known is not None
    with hub.db.write() as session:
        values = form_values(known.settings_model, {})
        made = connections.add_connection(
            session, HUB, hub.registry, hub.keyring, connector, connector.title(), "own", values
        )
        return made.slug, connections.new_token(session, HUB, made)


def admit(hub: Hub, slug: str, token: str) -> Configured:
    return intake.admit(hub, slug, {"authorization": f"Bearer {token}"})


def incoming(body: bytes, **headers: str) -> Incoming:
    return Incoming("POST", "", {"content-type": "application/json", **headers}, {}, body, clock.now())


def send(hub: Hub, address: tuple[str, str], body: bytes) -> intake.Reply:
    return intake.receive(hub, admit(hub, *address), incoming(body))


def alertmanager_body(**labels: str) -> bytes:
    body = json.loads((PAYLOADS / "api-firing-critical.json").read_text())
    payload = body.get("body", body)
    payload = json.loads(payload) if isinstance(payload, str) else payload
    for alert in payload["alerts"]:
        alert["labels"] |= {"circuit": "CIR-4711", **labels}
    return json.dumps(payload).encode()


def all_of(hub: Hub, table: type[Any]) -> Sequence[Any]:
    with hub.db.read() as session:
        return list(session.scalars(select(table)))


@pytest.fixture
def monitoring(hub: Hub, world: World) -> tuple[str, str]:
    return connect(hub, "alertmanager")


def test_a_real_body_opens_a_case_on_the_right_account(
    hub: Hub, world: World, monitoring: tuple[str, str]
) -> None:
    assert send(hub, monitoring, alertmanager_body()).status == 202
    (case,) = all_of(hub, Case)
    assert case.account_id == world.nordwind.account
    assert case.service_id == world.nordwind.service


def test_ten_times_one_after_the_other_and_at_once(hub: Hub, monitoring: tuple[str, str]) -> None:
    body = alertmanager_body()
    threads = [threading.Thread(target=send, args=(hub, monitoring, body)) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for _ in range(5):
        assert send(hub, monitoring, body).status == 202
    counts = [len(all_of(hub, table)) for table in (Signal, Alert, Case, Delivery)]
    assert counts == [1, 1, 1, 1]


@pytest.mark.parametrize("authorization", ["", "Bearer wrong", "Basic x", "Bearer", "bearer  "])
def test_a_wrong_or_missing_token_is_refused_without_a_hint(
    hub: Hub, monitoring: tuple[str, str], authorization: str
) -> None:
    told = set()
    for slug in (monitoring[0], "no-such-connection"):
        with pytest.raises(Unauthenticated) as refusal:
            intake.admit(hub, slug, {"authorization": authorization})
        told.add(str(refusal.value))
    assert len(told) == 1


def test_a_switched_off_connection_takes_nothing(hub: Hub, monitoring: tuple[str, str]) -> None:
    with hub.db.write() as session:
        connections.find(session, monitoring[0]).enabled = False
    with pytest.raises(Unauthenticated):
        admit(hub, *monitoring)


def test_malformed_json_is_answered_400_and_kept(hub: Hub, monitoring: tuple[str, str]) -> None:
    with pytest.raises(Invalid) as refusal:
        send(hub, monitoring, b'{"version": "4", "alerts": [')
    assert refusal.value.fields
    with hub.db.read() as session:
        kept = session.scalars(select(Quarantined)).one()
        assert kept.body == b'{"version": "4", "alerts": ['
        assert kept.handled_at is None


@pytest.mark.parametrize("change", [{"version": "5"}, {"alerts": [{"labels": {}}]}, {"alerts": [7]}])
def test_what_is_not_understood_is_accepted_and_quarantined(
    hub: Hub, monitoring: tuple[str, str], change: dict[str, Any]
) -> None:
    body = json.loads(alertmanager_body()) | change
    assert send(hub, monitoring, json.dumps(body).encode()).status == 202
    assert len(all_of(hub, Quarantined)) >= 1
    assert all_of(hub, Case) == []


@pytest.mark.parametrize("order", ["raise", "exit", "rubbish"])
def test_a_broken_connector_costs_nothing_but_its_own_bodies(
    hub: Hub, monitoring: tuple[str, str], order: str
) -> None:
    odd = connect(hub, "odd")
    assert send(hub, odd, order.encode()).status == 202
    (kept,) = all_of(hub, Quarantined)
    assert kept.reason
    states = {state.connection_id: state for state in all_of(hub, ConnectionState)}
    assert states[kept.connection_id].failures == 1
    assert states[kept.connection_id].last_error == kept.reason
    [event] = all_of(hub, HealthEvent)
    assert (event.connection_id, event.kind) == (kept.connection_id, "failing")
    assert event.sentence == kept.reason
    assert send(hub, monitoring, alertmanager_body()).status == 202
    assert len(all_of(hub, Case)) == 1


@pytest.fixture
def signed(hub: Hub) -> str:
    """The slug of a connection whose connector tells who may send."""
    with hub.db.write() as session:
        return connections.add_connection(
            session, HUB, hub.registry, hub.keyring, "signed", "Signed", "own", {"word": "good"}
        ).slug


def test_a_connector_that_signs_needs_no_token_and_refuses_what_is_not_signed(hub: Hub, signed: str) -> None:
    connection = intake.admit(hub, signed, {})
    with pytest.raises(Unauthenticated):
        intake.receive(hub, connection, incoming(b"ok"))
    assert intake.receive(hub, connection, incoming(b"ok", **{"x-signature": "good"})).status == 202


def test_a_check_that_raises_is_told_once_in_a_while_and_lets_nobody_in(
    hub: Hub, signed: str, moving_clock: MovingClock
) -> None:
    connection = intake.admit(hub, signed, {})
    with capture_logs() as logs:
        for _ in range(5):
            with pytest.raises(Unauthenticated):
                intake.receive(hub, connection, incoming(b"raise"))
    [line], [event] = logs, all_of(hub, HealthEvent)
    assert (line["event"], line["connection"], event.kind) == ("intake.unchecked", "signed", "failing")
    assert "raised ValueError" in event.sentence
    assert "\x00" not in event.sentence
    moving_clock.forward(TOLD_EVERY)
    with pytest.raises(Unauthenticated):
        intake.receive(hub, connection, incoming(b"raise"))
    assert len(all_of(hub, HealthEvent)) == 1
    genuine = incoming(b"ok", **{"x-signature": "good"})
    assert intake.receive(hub, intake.admit(hub, signed, {}), genuine).status == 202
    assert [event.kind for event in all_of(hub, HealthEvent)] == ["failing", "recovered"]


@pytest.mark.parametrize("signature", ["good", "bad"])
def test_what_cannot_be_checked_now_is_not_taken(hub: Hub, signed: str, signature: str) -> None:
    with hub.db.write() as session:
        connections.find(session, signed).settings = {}
    with pytest.raises(Unavailable) as refusal:
        intake.receive(hub, intake.admit(hub, signed, {}), incoming(b"ok", **{"x-signature": signature}))
    assert refusal.value.retry_after
    assert [*all_of(hub, Quarantined), *all_of(hub, HealthEvent)] == []


def test_bodies_of_a_plugin_that_is_gone_wait_for_it(hub: Hub, settings: Settings) -> None:
    odd = connect(hub, "odd")
    without = create_hub(settings)
    assert send(without, odd, b"ok").status == 202
    assert intake.parse_waiting(without) == 0
    without.close()
    assert intake.parse_waiting(hub) == 1
    assert [kept.outcome for kept in all_of(hub, Quarantined)] == ["Parsed by the worker."]


def test_a_slow_connectors_bodies_are_parsed_by_the_worker_once(
    hub: Hub, monitoring: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.plugin.parsing.SLOW_SECONDS", -1.0)
    monkeypatch.setattr("hub.plugin.parsing.guarded_parse.__defaults__", (-1.0,))
    send(hub, monitoring, alertmanager_body())
    assert len(all_of(hub, Case)) == 1
    monkeypatch.undo()
    send(hub, monitoring, alertmanager_body(circuit="CIR-4800"))
    assert len(all_of(hub, Case)) == 1
    assert intake.parse_waiting(hub) == 1
    assert intake.parse_waiting(hub) == 0
    assert len(all_of(hub, Signal)) == 1


def test_a_body_over_the_limit_is_seen_by_the_operator(hub: Hub, monitoring: tuple[str, str]) -> None:
    connection = admit(hub, *monitoring)
    assert connection.body_limit == 16 * 1024 * 1024
    intake.note_too_large(hub, connection, 17 * 1024 * 1024)
    (event,) = all_of(hub, HealthEvent)
    assert event.kind == "too_large"
    assert "16,777,216" in event.sentence


def test_who_has_shown_no_token_fills_no_list_of_the_operator(hub: Hub, signed: str) -> None:
    intake.note_too_large(hub, intake.admit(hub, signed, {}), 17 * 1024 * 1024)
    assert all_of(hub, HealthEvent) == []


@pytest.mark.slow
def test_ten_thousand_alerts_in_one_body_are_taken_whole(hub: Hub, monitoring: tuple[str, str]) -> None:
    body = json.loads(alertmanager_body())
    first = body["alerts"][0]
    body["alerts"] = [first | {"fingerprint": uuid.uuid4().hex[:16]} for _ in range(10_000)]
    assert send(hub, monitoring, json.dumps(body).encode()).status == 202
    assert len(all_of(hub, Signal)) == 10_000
