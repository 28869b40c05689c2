"""A SQLite file that may only be read: whoever wants to write is told so and comes again."""

from pathlib import Path

import orjson
import pytest
from flask import Flask
from sqlalchemy import event

from hub.domain import connections
from hub.domain.audit import HUB
from hub.flows.runtime import Hub
from hub.testing.pages import Browser
from hub.testing.world import PASSWORD

PAYLOADS = Path(__file__).parents[1] / "payloads" / "alertmanager"
FIRING = orjson.loads((PAYLOADS / "prometheus-rule-firing.json").read_bytes())["body"]
LOOK = "owner and mode of its file and folder"


@pytest.fixture
def token(hub: Hub) -> str:
    """The token of the connection behind /in/alerts."""
    labels = {"identifiers": "instance", "severity_label": "severity"}
    with hub.db.write() as session:
        connection = connections.add_connection(
            session, HUB, hub.registry, hub.keyring, "alertmanager", "Alerts", "own", labels
        )
        return connections.new_token(session, HUB, connection)


@pytest.fixture
def read_only(hub: Hub, token: str) -> None:
    """Every connection from here on may only read, as on a file of mode 444."""
    if hub.db.dialect != "sqlite":
        pytest.skip("a matter of SQLite's file")
    hub.db.dispose()
    event.listen(hub.db.engine, "connect", lambda driver, record: driver.execute("PRAGMA query_only=ON"))


def test_a_webhook_comes_again(app: Flask, token: str, read_only: None):
    answer = app.test_client().post("/in/alerts", json=FIRING, headers={"Authorization": f"Bearer {token}"})
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert LOOK in answer.get_json(force=True)["detail"]


def test_who_signs_in_is_told(app: Flask, read_only: None):
    answer = Browser(app).sign_in("kim@elbe.example", PASSWORD)
    assert (answer.status_code, LOOK in answer.text) == (503, True)
