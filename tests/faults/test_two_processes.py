"""The same webhook ten times, at once and one after another, into two processes of the hub on one database.

One signal, one alert, one case, one mail; and every sender is told that its body was taken.
"""

import http.client
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from copies import postgres_cluster, postgres_copies, sqlite_copies
from sqlalchemy import select

from hub.app import create_hub
from hub.base import crypto
from hub.config import load
from hub.domain import connections
from hub.domain.alerts import Alert
from hub.domain.audit import HUB
from hub.domain.cases import Case
from hub.domain.outbox import Delivery
from hub.domain.signals import Signal
from hub.flows.runtime import Hub
from hub.plugin.settings import form_values
from hub.testing.peers.process import free_port, service, wait_until
from hub.testing.peers.smtp_sink import SmtpSink, smtp_sink
from hub.testing.world import build

TIMES = 10
BODY = json.dumps(
    {
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
)


@dataclass
class Node:
    """One `hub serve` with its own process, on a port of its own."""

    port: int
    token: str
    process: subprocess.Popen[bytes]
    log: Path

    def post(self) -> int:
        """What the webhook is answered."""
        return ask(self.port, "POST", "/in/alerts", BODY, {"Authorization": f"Bearer {self.token}"})


def ask(port: int, method: str, path: str, body: str = "", headers: dict[str, str] | None = None) -> int:
    """The status of one call."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request(method, path, body, headers or {})
        return connection.getresponse().status
    finally:
        connection.close()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.real)])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A migrated, empty database of each kind."""
    if request.param == "sqlite":
        yield sqlite_copies(tmp_path).url
        return
    with postgres_cluster() as cluster:
        yield postgres_copies(cluster).url


@contextmanager
def serving(environ: dict[str, str], token: str, log: Path) -> Iterator[Node]:
    """A `hub serve` that answers."""
    port = free_port()
    argv = [sys.executable, "-m", "hub", "serve"]
    given = {**environ, "HUB_PORT": str(port), "HUB_PROCESSES": "1"}

    def answers() -> bool:
        return ask(port, "GET", "/readyz") == 200

    with service(argv, answers, log, env=given, timeout=90) as process:
        yield Node(port, token, process, log)


def prepare(hub: Hub, sink: SmtpSink) -> str:
    """Two customers, a mail server and a monitoring system; its token."""
    build(hub)
    known = hub.registry.connector("alertmanager")
    assert known is not None
    mail = {"smtp_host": "127.0.0.1", "smtp_port": str(sink.port), "smtp_security": "none"}
    with hub.db.write() as session:
        connections.add_connection(
            session,
            HUB,
            hub.registry,
            hub.keyring,
            "mail",
            "Mail",
            "own",
            mail,
            allowed_networks=["127.0.0.0/8"],
        )
        values = form_values(known.settings_model, {})
        alerts = connections.add_connection(
            session, HUB, hub.registry, hub.keyring, "alertmanager", "Alerts", "own", values
        )
        return connections.new_token(session, HUB, alerts)


def counts(hub: Hub) -> list[int]:
    """How many signals, alerts and cases there are."""
    with hub.db.read() as session:
        return [len(session.scalars(select(table)).all()) for table in (Signal, Alert, Case)]


def nothing_is_left(hub: Hub) -> bool:
    """The notice and its mail are done, and so is whatever else there is to do."""
    with hub.db.read() as session:
        states = session.scalars(select(Delivery.state)).all()
    return len(states) >= 2 and set(states) == {"done"}


def at_once(nodes: list[Node]) -> list[int]:
    """Ten webhooks that leave together, every other one to the other process; what they were answered."""
    start, answers = threading.Barrier(TIMES), []

    def send(node: Node) -> None:
        start.wait()
        answers.append(node.post())

    threads = [threading.Thread(target=send, args=(nodes[i % len(nodes)],)) for i in range(TIMES)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


@pytest.mark.slow
def test_one_signal_one_alert_one_case_one_mail(address: str, tmp_path: Path) -> None:
    environ = {"HUB_DATABASE_URL": address, "HUB_SECRET_KEY": crypto.new_key()}
    hub = create_hub(load(environ))
    with ExitStack() as stack:
        stack.callback(hub.close)
        sink = stack.enter_context(smtp_sink())
        token = prepare(hub, sink)
        nodes = [
            stack.enter_context(serving(environ, token, tmp_path / f"log-{number}")) for number in range(2)
        ]
        assert at_once(nodes) == [202] * TIMES
        assert [nodes[i % 2].post() for i in range(TIMES)] == [202] * TIMES
        wait_until(lambda: nothing_is_left(hub), nodes[0].process, nodes[0].log, 60)
        assert counts(hub) == [1, 1, 1]
        assert [mail.recipients for mail in sink.received] == [("kim@elbe.example",)]
