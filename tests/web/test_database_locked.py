"""Another process holds the database: who writes is told when to come back, reads go on, nothing is lost."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import orjson
import pytest
from flask import Flask
from sqlalchemy import event, select

from hub.domain import connections
from hub.domain.audit import HUB
from hub.domain.cases import Case
from hub.domain.signals import Signal
from hub.flows.runtime import Hub
from hub.testing.pages import Browser
from hub.web.csrf import FIELD

HOLDER = """
import sys
from sqlalchemy import create_engine, inspect, text
engine = create_engine(sys.argv[1])
with engine.connect() as connection:
    if engine.dialect.name == "sqlite":
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    else:
        for table in inspect(engine).get_table_names():
            connection.execute(text(f'LOCK TABLE "{table}" IN EXCLUSIVE MODE'))
    print("held", flush=True)
    sys.stdin.read()
"""
ALERT = orjson.dumps(
    {
        "version": "4",
        "groupKey": "k",
        "alerts": [
            {
                "status": "firing",
                "labels": {"alertname": "LinkDown", "circuit": "CIR-4711", "severity": "critical"},
                "annotations": {"summary": "CIR-4711 down"},
                "startsAt": "2026-03-02T12:00:00Z",
                "endsAt": "0001-01-01T00:00:00Z",
                "fingerprint": "056ce5f0d540b110",
            }
        ],
    }
)
REPORT = {"title": "No signal", "text": "Since noon.", "effect": "down", "service": "", "form_key": "k1"}


@contextmanager
def held(hub: Hub) -> Iterator[None]:
    """A foreign process has the lock that every writer needs."""
    address = hub.db.url.render_as_string(hide_password=False)
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, address], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert holder.stdin is not None
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    try:
        yield
    finally:
        holder.stdin.close()
        assert holder.wait(20) == 0
        holder.stdout.close()


@pytest.fixture
def impatient(hub: Hub) -> Callable[[], None]:
    """From the call on, connections wait for a lock for a moment only, instead of five seconds."""

    def connect(driver: Any, record: object) -> None:
        if hub.db.dialect == "sqlite":
            driver.execute("PRAGMA busy_timeout=50")
        else:
            driver.execute("SET lock_timeout = '50ms'")
            driver.commit()

    def begin() -> None:
        for engine in hub.db.engines:
            event.listen(engine, "connect", connect)
        hub.db.dispose()

    return begin


@pytest.fixture
def token(hub: Hub) -> str:
    with hub.db.write() as session:
        connection = connections.add_connection(
            session,
            HUB,
            hub.registry,
            hub.keyring,
            "alertmanager",
            "Alerts",
            "own",
            {"identifiers": "circuit"},
        )
        return connections.new_token(session, HUB, connection)


def all_of(hub: Hub, table: Any) -> list[Any]:
    with hub.db.read() as session:
        return list(session.scalars(select(table)))


def test_a_lock_is_waited_for_but_not_for_ever(hub: Hub) -> None:
    question = "PRAGMA busy_timeout" if hub.db.dialect == "sqlite" else "SHOW lock_timeout"
    for engine in hub.db.engines:
        with engine.connect() as connection:
            assert connection.exec_driver_sql(question).scalar() in (5000, "5s")


def test_a_sender_is_told_to_repeat_and_nothing_is_doubled(
    hub: Hub, app: Flask, token: str, impatient: Callable[[], None]
) -> None:
    impatient()
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    with held(hub):
        for _ in range(2):
            answer = app.test_client().post("/in/alerts", data=ALERT, headers=headers)
            assert (answer.status_code, answer.content_type) == (503, "application/problem+json")
            assert int(answer.headers["Retry-After"]) > 0
            assert "busy" in answer.get_json(force=True)["detail"]
    assert all_of(hub, Signal) == []
    for _ in range(2):
        assert app.test_client().post("/in/alerts", data=ALERT, headers=headers).status_code == 202
    assert (len(all_of(hub, Signal)), len(all_of(hub, Case))) == (1, 1)


def test_a_person_reads_on_and_may_send_the_form_again(
    hub: Hub, petra: Browser, kim: Browser, impatient: Callable[[], None]
) -> None:
    csrf = petra.token()
    impatient()
    with held(hub):
        assert kim.get("/desk/nordwind").status_code == 200
        assert petra.get("/portal/nordwind").status_code == 200
        answer = petra.client.post("/portal/nordwind/report/problem", data={FIELD: csrf, **REPORT})
        assert answer.status_code == 503
        assert int(answer.headers["Retry-After"]) > 0
        assert "Nothing was lost" in answer.text
    assert all_of(hub, Case) == []
    for _ in range(2):
        assert petra.post("/portal/nordwind/report/problem", REPORT).status_code == 303
    assert [case.title for case in all_of(hub, Case)] == ["No signal"]


def test_a_process_is_ready_while_another_writes(hub: Hub, app: Flask, impatient: Callable[[], None]) -> None:
    impatient()
    with held(hub):
        assert app.test_client().get("/readyz").status_code == 200
