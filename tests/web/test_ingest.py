"""The door for machines: who may send, how much, and what they are answered."""

from io import BytesIO
from pathlib import Path

import orjson
import pytest
from flask import Flask
from sqlalchemy import func, select

from hub.domain import connections, quarantine
from hub.domain.audit import HUB
from hub.domain.quarantine import QuarantineKind
from hub.domain.signals import Signal
from hub.flows.runtime import Hub
from hub.testing.pages import Browser

PAYLOADS = Path(__file__).parents[1] / "payloads" / "alertmanager"
FIRING = orjson.dumps(orjson.loads((PAYLOADS / "prometheus-rule-firing.json").read_bytes())["body"])
REFUSED = "The request was not accepted."


@pytest.fixture
def token(hub: Hub) -> str:
    """The token of a connection behind /in/alerts that takes 4096 bytes."""
    labels = {"identifiers": "instance", "severity_label": "severity"}
    with hub.db.write() as session:
        connection = connections.add_connection(
            session, HUB, hub.registry, hub.keyring, "alertmanager", "Alerts", "own", labels, body_limit=4096
        )
        return connections.new_token(session, HUB, connection)


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}


def test_a_webhook_is_accepted_after_it_is_stored(app: Flask, token: str, kim: Browser):
    answer = app.test_client().post("/in/alerts", data=FIRING, headers=bearer(token))
    assert answer.status_code == 202
    assert "Alerts" in kim.get("/desk/queues/signals").text


@pytest.mark.parametrize("address", ["/in/alerts", "/in/nobody", "/in/alerts/deeper"])
@pytest.mark.parametrize("sent", ["", "Bearer wrong", "Basic abc", "Bearer "])
def test_no_or_a_wrong_token_learns_nothing(app: Flask, token: str, address: str, sent: str):
    headers = {"Authorization": sent} if sent else {}
    answer = app.test_client().post(address, data=FIRING, headers=headers)
    assert (answer.status_code, answer.content_type) == (401, "application/problem+json")
    assert answer.get_json(force=True)["detail"] == REFUSED


def test_a_body_over_the_limit_is_refused_and_the_operator_sees_it(app: Flask, token: str, rita: Browser):
    answer = app.test_client().post("/in/alerts", data=b"x" * 4097, headers=bearer(token))
    assert (answer.status_code, answer.content_type) == (413, "application/problem+json")
    assert "A body of 4,097 bytes was refused" in rita.get("/admin/connections/alerts").text


def test_a_body_without_a_length_is_counted_while_it_is_read(app: Flask, token: str, rita: Browser):
    environ = {"wsgi.input_terminated": True, "CONTENT_LENGTH": ""}
    sent = BytesIO(b"x" * 100_000)
    client = app.test_client()
    answer = client.post(
        "/in/alerts",
        input_stream=sent,
        environ_overrides=environ,
        headers={**bearer(token), "Content-Length": ""},
    )
    assert answer.status_code == 413
    assert sent.tell() <= 3 * 4097  # the rest is never read
    assert "of unknown size" in rita.get("/admin/connections/alerts").text


def test_a_body_that_cannot_be_read_is_named_and_kept(app: Flask, token: str, hub: Hub):
    answer = app.test_client().post("/in/alerts", data=b'{"alerts": [', headers=bearer(token))
    assert (answer.status_code, answer.content_type) == (400, "application/problem+json")
    assert answer.get_json(force=True)["errors"][0]["field"]
    with hub.db.read() as session:
        kept = quarantine.waiting(session, [QuarantineKind.BODY])
        assert [item.body for item in kept] == [b'{"alerts": [']


def test_a_switched_off_connection_takes_nothing(app: Flask, token: str, hub: Hub):
    with hub.db.write() as session:
        connection = connections.find(session, "alerts")
        connections.change_connection(session, HUB, hub.registry, hub.keyring, connection, enabled=False)
    assert app.test_client().post("/in/alerts", data=FIRING, headers=bearer(token)).status_code == 401


def test_other_methods_are_not_taken(app: Flask):
    assert app.test_client().get("/in/alerts").status_code == 405


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"version": "5"}, "version"),
        ({"alerts": [{"status": "firing", "startsAt": "2026-03-02T12:00:00Z"}]}, "missing"),
    ],
)
def test_what_is_not_understood_is_taken_and_shown(
    app: Flask, token: str, kim: Browser, change: dict[str, object], reason: str
):
    body = orjson.dumps(orjson.loads(FIRING) | change)
    assert app.test_client().post("/in/alerts", data=body, headers=bearer(token)).status_code == 202
    page = kim.get("/desk/queues/bodies").text
    assert "Everything could be read" not in page
    assert reason in page


def test_ten_thousand_alerts_in_one_body_come_in_by_the_door(app: Flask, token: str, hub: Hub):
    body = orjson.loads(FIRING)
    first = body["alerts"][0]
    body["alerts"] = [first | {"fingerprint": f"{number:016x}"} for number in range(10_000)]
    with hub.db.write() as session:
        connections.find(session, "alerts").body_limit = 16 * 1024 * 1024
    answer = app.test_client().post("/in/alerts", data=orjson.dumps(body), headers=bearer(token))
    assert answer.status_code == 202
    with hub.db.read() as session:
        assert session.scalar(select(func.count()).select_from(Signal)) == 10_000
