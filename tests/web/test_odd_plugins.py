"""Whatever a plugin makes of an authenticated body, it is kept and its sender is answered 2xx or 400."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask
from pydantic import BaseModel, SecretStr, field_validator
from sqlalchemy import select

from hub import hookimpl
from hub.app import create_hub
from hub.cli import findings
from hub.config import Settings
from hub.domain import connections
from hub.domain.audit import HUB
from hub.domain.quarantine import Quarantined
from hub.flows.runtime import Hub
from hub.plugin.contracts import BadBody, Connector, Incoming, Parsed, SignalEvent, Unparsed

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
SECRET = "s3cr3t-sentinel-0451"
BROKEN: list[bool] = []


class Key(str):
    """Equal to nothing."""

    def __eq__(self, other: object) -> bool:
        return False

    def __hash__(self) -> int:
        return 0


class Panic(BaseException):
    """As compiled extensions raise it."""


class Own(BaseModel):
    """Settings whose check breaks one day."""

    secret: SecretStr

    @field_validator("secret")
    @classmethod
    def check(cls, secret: SecretStr) -> SecretStr:
        if BROKEN:
            raise RuntimeError(f"no {secret.get_secret_value()}")
        return secret


def interrupt() -> Parsed:
    raise KeyboardInterrupt


def panic() -> Parsed:
    raise Panic("\ud800")


def bad_body() -> Parsed:
    raise BadBody("x" * 5_000_000 + "\ud800")


ACTS: dict[str, Callable[[], Parsed]] = {
    "key": lambda: Parsed((SignalEvent(Key("k"), NOON, "firing", NOON, "major", "x", "t"),)),
    "interrupt": interrupt,
    "panic": panic,
    "bad": bad_body,
    "html": lambda: Parsed(response=b"x", response_type="text/html\r\nX: 1"),
    "secret": lambda: Parsed(unparsed=(Unparsed(f"no {SECRET}", {"token": SECRET}),)),
    "flood": lambda: Parsed(unparsed=(Unparsed("odd", {}),) * 200_000),
}


class Odd(Connector[Own]):
    """Does what the body says."""

    name = "odd"
    kind = "monitoring"
    title = "Odd"
    capabilities = frozenset({"parse"})
    settings_model = Own

    def parse(self, settings: Own, incoming: Incoming) -> Parsed:
        return ACTS[incoming.body.decode()]()


class Plugin:
    """A plugin as one object."""

    @hookimpl
    def hub_connectors(self, register: Callable[[Connector[Any]], None]) -> None:
        register(Odd())


@pytest.fixture
def hub(settings: Settings) -> Iterator[Hub]:
    """A hub with an odd plugin."""
    BROKEN.clear()
    running = create_hub(settings, plugins=(("odd", Plugin()),))
    yield running
    running.close()
    BROKEN.clear()


@pytest.fixture
def send(hub: Hub, app: Flask) -> Callable[[str], int]:
    """Post a body to a connection of the odd connector; the status of the answer."""
    with hub.db.write() as session:
        made = connections.add_connection(
            session, HUB, hub.registry, hub.keyring, "odd", "Odd", "own", {"secret": SECRET}
        )
        address, token = f"/in/{made.slug}", connections.new_token(session, HUB, made)

    def post(body: str) -> int:
        headers = {"Authorization": f"Bearer {token}"}
        return app.test_client().post(address, data=body, headers=headers).status_code

    return post


def kept(hub: Hub) -> Sequence[Quarantined]:
    with hub.db.read() as session:
        found = session.scalars(select(Quarantined).order_by(Quarantined.id)).all()
        return [row for row in found if row.body is not None]


@pytest.mark.parametrize("act", ["key", "interrupt", "panic", "html", "secret"])
def test_an_odd_answer_costs_no_body(hub: Hub, send: Callable[[str], int], act: str) -> None:
    assert send(act) == 202
    [row] = kept(hub)
    assert SECRET not in row.reason
    assert row.body is not None
    assert SECRET.encode() not in row.body


def test_a_complaint_of_any_length_is_answered_and_kept_in_short(
    hub: Hub, send: Callable[[str], int]
) -> None:
    assert send("bad") == 400
    assert len(kept(hub)[0].reason) <= 2000


def test_a_flood_of_odd_items_is_a_thousand_and_the_body(hub: Hub, send: Callable[[str], int]) -> None:
    assert send("flood") == 202
    rows = kept(hub)
    assert len(rows) == 1001
    [whole] = [row for row in rows if "199,000 more" in row.reason]
    assert whole.body == b"flood"


def test_settings_whose_check_breaks_keep_the_body_and_are_told(hub: Hub, send: Callable[[str], int]) -> None:
    BROKEN.append(True)
    assert send("key") == 202
    [row] = kept(hub)
    assert row.body == b"key"
    with hub.db.read() as session:
        [found] = findings.links(hub, connections.listed(session))
    for told in (row.reason, found.what):
        assert "test_odd_plugins.Own" in told
        assert SECRET not in told
