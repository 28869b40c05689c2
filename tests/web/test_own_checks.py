"""A connector that checks by itself who sends needs no token of the hub, and none may lock its address."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from pydantic import BaseModel, SecretStr
from sqlalchemy import select

from hub import hookimpl
from hub.app import create_hub
from hub.config import Settings
from hub.domain import connections
from hub.domain.audit import HUB
from hub.domain.connections import Connection, HealthEvent
from hub.flows.runtime import Hub
from hub.plugin.contracts import Connector, Incoming, Parsed, has_bearer
from hub.testing.pages import Browser

OWN = "the word of the tool"
PAGE = "/admin/connections/checked"


class Word(BaseModel):
    """What the tool sends along."""

    word: SecretStr


class Checked(Connector[Word]):
    """Reads the bearer header itself, as the guide's example does."""

    name = "checked"
    kind = "monitoring"
    title = "Checked"
    capabilities = frozenset({"verify", "parse"})
    settings_model = Word
    body_limit = 2048

    def verify(self, settings: Word, incoming: Incoming) -> bool:
        return has_bearer(incoming, settings.word)

    def parse(self, settings: Word, incoming: Incoming) -> Parsed:
        return Parsed()


class Plugin:
    """The plugin of it."""

    @hookimpl
    def hub_connectors(self, register: Callable[[Connector[Any]], None]) -> None:
        register(Checked())


@pytest.fixture
def hub(settings: Settings) -> Iterator[Hub]:
    running = create_hub(settings, plugins=(("checked", Plugin()),))
    yield running
    running.close()


@pytest.fixture
def token(hub: Hub) -> str:
    """A token of the hub that such a connection got before pages stopped offering one."""
    with hub.db.write() as session:
        made = connections.add_connection(
            session, HUB, hub.registry, hub.keyring, "checked", "Checked", "own", {"word": OWN}
        )
        return connections.new_token(session, HUB, made)


def post(app: Flask, bearer: str, body: bytes = b"{}") -> int:
    headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
    return app.test_client().post("/in/checked", data=body, headers=headers).status_code


def test_a_token_of_the_hub_locks_nobody_out_and_lets_nobody_in(app: Flask, token: str) -> None:
    assert [post(app, bearer) for bearer in (OWN, token, "")] == [202, 401, 401]


def test_who_only_has_to_know_the_address_counts_as_a_stranger(app: Flask, hub: Hub, token: str) -> None:
    assert post(app, token, b" " * 2049) == 413
    with hub.db.read() as session:
        assert session.scalars(select(HealthEvent)).all() == []


def test_its_page_offers_no_token_and_says_who_checks(rita: Browser, token: str) -> None:
    page = rita.get(PAGE).text
    assert "/in/checked" in page
    assert "It checks by itself who sends" in page
    assert "Make a new token" not in page
    assert f"{PAGE}/token" not in page


def test_a_token_is_not_even_made_for_an_old_page(rita: Browser, hub: Hub) -> None:
    added = rita.post("/admin/connections/new/checked", {"name": "Checked", "side": "own", "word": OWN})
    assert added.status_code == 303
    refused = rita.post(f"{PAGE}/token")
    assert refused.status_code == 409
    assert "checks by itself who sends" in refused.text
    with hub.db.read() as session:
        assert session.scalars(select(Connection.token_digest)).one() is None
