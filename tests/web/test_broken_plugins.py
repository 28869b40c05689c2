"""Plugins that do not load, raise, answer rubbish or hang: the hub goes on, and the health page says why."""

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog
from flask import Flask
from pydantic import BaseModel
from sqlalchemy import select

from hub import hookimpl
from hub.app import create_hub
from hub.base import clock
from hub.config import Settings
from hub.domain import connections
from hub.domain.audit import HUB
from hub.domain.cases import Case
from hub.flows import sync
from hub.flows.runtime import Hub
from hub.plugin.contracts import Connector, Ctx, Incoming, Parsed, Pulled
from hub.plugin.outward import Outward
from hub.plugin.slots import Slots
from hub.testing.pages import Browser

SLOTS = 2
GATE = threading.Event()
ALERT = {
    "version": "4",
    "groupKey": "k",
    "alerts": [
        {
            "status": "firing",
            "labels": {"alertname": "LinkDown", "severity": "critical", "circuit": "CIR-4711"},
            "annotations": {"summary": "CIR-4711 down"},
            "startsAt": "2026-03-02T12:00:00Z",
            "endsAt": "0001-01-01T00:00:00Z",
            "fingerprint": "056ce5f0d540b110",
        }
    ],
}


class Nothing(BaseModel):
    """A connector without settings."""


class Raising(Connector[Nothing]):
    """Its parse breaks."""

    name = "raising"
    kind = "monitoring"
    title = "Raising"
    capabilities = frozenset({"parse"})
    settings_model = Nothing

    def parse(self, settings: Nothing, incoming: Incoming) -> Parsed:
        raise ZeroDivisionError("a slip of its author")


class Rubbish(Raising):
    """Its parse answers something else."""

    name = "rubbish"
    title = "Rubbish"

    def parse(self, settings: Nothing, incoming: Incoming) -> Parsed:
        return ["rubbish"]  # type: ignore[return-value]


class Hanging(Connector[Nothing]):
    """Its pull never comes back while the test lasts."""

    name = "hanging"
    kind = "itsm"
    title = "Hanging"
    capabilities = frozenset({"pull"})
    settings_model = Nothing

    def pull(self, ctx: Ctx[Nothing], cursor: str) -> Pulled:
        GATE.wait(60)
        return Pulled((), "")


class Plugin:
    """A plugin with all of them."""

    @hookimpl
    def hub_connectors(self, register: Callable[[Connector[Any]], None]) -> None:
        for connector in (Raising(), Rubbish(), Hanging()):
            register(connector)


@pytest.fixture
def hub(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A hub into whose environment somebody installed a plugin that lacks a library."""
    info = tmp_path / "lame-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: lame\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[contact_hub.plugins]\nlame = lame_plugin\n")
    (tmp_path / "lame_plugin.py").write_text("import a_library_that_is_not_there")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr("hub.plugin.outward.HEADROOM", 0.05)
    GATE.clear()
    outward = Outward(structlog.get_logger(), Slots(per_connection=SLOTS), seconds=0.05)
    running = replace(create_hub(settings, plugins=(("mixed", Plugin()),)), outward=outward)
    yield running
    GATE.set()
    running.close()


def connect(hub: Hub, connector: str, side: str = "own") -> str:
    """A new connection and the token of its webhook."""
    with hub.db.write() as session:
        made = connections.add_connection(
            session, HUB, hub.registry, hub.keyring, connector, connector.title(), side, {}
        )
        return connections.new_token(session, HUB, made)


def post(app: Flask, slug: str, token: str, body: bytes = b"{}") -> int:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    return app.test_client().post(f"/in/{slug}", data=body, headers=headers).status_code


def test_the_health_page_says_why_each_is_broken_and_the_hub_goes_on(
    hub: Hub, app: Flask, rita: Browser, kim: Browser
) -> None:
    tokens = {name: connect(hub, name) for name in ("raising", "rubbish", "alertmanager")}
    connect(hub, "hanging", "team")
    for name in ("raising", "rubbish"):
        assert post(app, name, tokens[name]) == 202
    with hub.db.read() as session:
        hanging = connections.find(session, "hanging").id
    for minutes in range(SLOTS + 1):
        with clock.shifted(timedelta(minutes=30 * minutes)):
            sync.pull_connection(hub, hanging)
    assert post(app, "alertmanager", tokens["alertmanager"], json.dumps(ALERT).encode()) == 202
    page = rita.get("/admin").text
    for reason in (
        "a_library_that_is_not_there",
        "ZeroDivisionError: a slip of its author",
        "parse answered with list, not with Parsed",
        f"All {SLOTS} calls of this connection hang",
    ):
        assert reason in page, reason
    assert "CIR-4711 down" in kim.get("/desk/nordwind").text
    with hub.db.read() as session:
        assert len(session.scalars(select(Case)).all()) == 1
