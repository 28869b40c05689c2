"""An outward call: a context made for it, its answer checked, its secrets kept."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import BaseModel, SecretStr

from hub.base import clock
from hub.plugin.addresses import parse_networks
from hub.plugin.contracts import (
    Connector,
    Ctx,
    ExternalRef,
    NotOffered,
    OutcomeUnknown,
    PluginBroken,
    Pulled,
    Rejected,
    WorkItem,
)
from hub.plugin.http import HttpOptions
from hub.plugin.outward import Outward, Target
from hub.testing.peers.recorder import Answer, Recorder

SECRET = "s3cr3t-sentinel-0451"
ITEM = WorkItem("d-1", "WO-311", "Check the line", "Please.")
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


class Settings(BaseModel):
    url: str
    token: SecretStr = SecretStr(SECRET)


class Tickets(Connector[Settings]):
    name = "tickets"
    kind = "itsm"
    title = "Tickets"
    capabilities = frozenset({"open", "find", "pull"})
    settings_model = Settings

    def open(self, ctx: Ctx[Settings], item: WorkItem) -> ExternalRef:
        ctx.log.info(
            f"opening with {ctx.settings.token.get_secret_value()}", data={"t": [SECRET]}, at=ctx.now
        )
        token = {"Authorization": f"token {ctx.settings.token.get_secret_value()}"}
        answer = ctx.http.request("POST", ctx.settings.url, headers=token, json={"subject": item.title})
        return ExternalRef(answer.json()["id"])

    def find(
        self, ctx: Ctx[Settings], delivery_id: str, within: ExternalRef | None = None
    ) -> ExternalRef | None:
        return within

    def pull(self, ctx: Ctx[Settings], cursor: str) -> Pulled:
        raise Rejected(f"cursor {cursor}, state {dict(ctx.state)}, {SECRET}, {0 < ctx.deadline.left() <= 5}")


class Lines:
    """A log that keeps its lines."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, Mapping[str, Any]]] = []

    def info(self, event: str, **fields: Any) -> None:
        self.lines.append((event, fields))

    warning = info


@pytest.fixture
def log() -> Lines:
    return Lines()


@pytest.fixture
def outward(log: Lines) -> Iterator[Outward]:
    calls = Outward(log, seconds=5)
    yield calls
    calls.close()


def target(peer: Recorder, **state: str) -> Target:
    options = HttpOptions(networks=parse_networks(["127.0.0.1"]))
    return Target("c-1", Tickets(), Settings(url=peer.url("/ticket")), options, state)


def test_a_call_reaches_the_world_and_its_answer_comes_back(
    outward: Outward, log: Lines, peer: Recorder
) -> None:
    peer.script(Answer(201, b'{"id": "17"}'))
    with clock.at(NOON):
        assert outward.open(target(peer), ITEM) == ExternalRef("17")
    [request] = peer.requests
    assert request.json() == {"subject": "Check the line"}
    assert request.headers["authorization"] == f"token {SECRET}"
    assert log.lines == [("opening with [secret]", {"data": {"t": ["[secret]"]}, "at": str(NOON)})]


def test_a_wrong_answer_a_lost_answer_and_a_missing_capability(outward: Outward, peer: Recorder) -> None:
    peer.script(Answer(201, b'{"id": 17}'), Answer(201, b"{}"), Answer(500))
    with pytest.raises(PluginBroken, match=r"ExternalRef\.external_id: expected text, got int"):
        outward.open(target(peer), ITEM)
    with pytest.raises(PluginBroken, match="KeyError: 'id'"):
        outward.open(target(peer), ITEM)
    with pytest.raises(OutcomeUnknown):
        outward.open(target(peer), ITEM)
    with pytest.raises(NotOffered, match="tickets does not offer accounts"):
        outward.accounts(target(peer), "")
    assert outward.find(target(peer), "d-1") is None
    assert outward.find(target(peer), "d-1", ExternalRef("17")) == ExternalRef("17")
    [health] = outward.health()
    assert (health.connection_key, health.calls, health.failures) == ("c-1", 5, 3)


def test_a_connector_sees_state_cursor_and_deadline_and_cannot_tell_secrets(
    outward: Outward, peer: Recorder
) -> None:
    with pytest.raises(Rejected) as caught:
        outward.pull(target(peer, pull="41"), "41")
    assert caught.value.reason == "cursor 41, state {'pull': '41'}, [secret], True"
