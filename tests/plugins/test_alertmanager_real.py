"""A real Alertmanager: its webhook and its API name the same signal."""

from datetime import timedelta

import pytest
import scene
from sqlalchemy import select

from hub.base import clock
from hub.domain import connections
from hub.domain.audit import HUB
from hub.domain.cases import Case
from hub.domain.signals import Signal
from hub.flows import intake, reconcile
from hub.flows.runtime import Hub
from hub.plugin.addresses import parse_networks
from hub.plugin.contracts import Incoming, SignalEvent
from hub.plugin.http import HttpOptions
from hub.plugin.outward import Outward, Target
from hub.testing.conformance.base import RecordingLog
from hub.testing.peers.alertmanager import alertmanager
from hub.testing.peers.recorder import Request, recorder
from plugins.monitoring.alertmanager import Alertmanager, AlertmanagerSettings

pytestmark = pytest.mark.real
LINK = {"alertname": "LinkDown", "customer": "ACME", "site": "FRA1", "circuit": "CIR-4711"}


def _is(state: str, request: Request) -> bool:
    return any(alert["status"] == state for alert in request.json()["alerts"])


def test_webhook_and_api_name_the_same_signal() -> None:
    settings = AlertmanagerSettings()
    options = HttpOptions(networks=parse_networks(["127.0.0.1"]))
    outward = Outward(RecordingLog())
    with recorder() as box, alertmanager(box.url("/in"), "token") as peer:
        peer.fire({**LINK, "severity": "critical"}, {"summary": "Down"})
        peer.fire({**LINK, "alertname": "Slow", "severity": "warning"})
        told = box.wait_for(1, matching=lambda request: _is("firing", request))
        asked = AlertmanagerSettings(url=peer.url)
        target = Target("real", Alertmanager(), asked, options)
        found = outward.reconcile(target, "")
        peer.resolve({**LINK, "severity": "critical"})
        ended = box.wait_for(1, matching=lambda request: _is("resolved", request))
        later = outward.reconcile(target, "")
    outward.close()
    [fired] = _signals(settings, told[0])
    [cleared] = [signal for signal in _signals(settings, ended[0]) if signal.state == "clear"]
    assert [(s.natural_key, s.episode_start, s.title) for s in found.signals] == [
        (fired.natural_key, fired.episode_start, fired.title)
    ]
    assert (cleared.natural_key, cleared.episode_start) == (fired.natural_key, fired.episode_start)
    assert cleared.at >= fired.at
    # The warning was held back by the critical one, which the webhook never told.
    assert len(found.held) == 1
    assert not found.complete  # it has only just started
    assert fired.natural_key not in {signal.natural_key for signal in later.signals}


def test_what_had_expired_and_fires_again_is_raised_again(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    """Prometheus sends the same start again when it was cut off for longer than its alerts live."""
    # Alertmanager's clock cannot be moved; this much later the answer would decide without a wait.
    monkeypatch.setattr("plugins.monitoring.alertmanager.SLACK", timedelta(0))
    scene.accounts(hub.db, "Nord", circuit=LINK["circuit"])
    start = clock.now() - timedelta(minutes=10)
    with recorder() as box, alertmanager(box.url("/in"), "token") as peer:
        connection = _connected(hub, peer.url)
        reconcile.poll_due(hub)
        peer.fire(LINK, start=start)
        _take(hub, connection, box.wait_for(1, matching=lambda request: _is("firing", request))[0])
        peer.resolve(LINK)
        _take(hub, connection, box.wait_for(1, matching=lambda request: _is("resolved", request))[0])
        assert _states(hub) == ("clear", ["closed"])
        peer.fire(LINK, start=start)
        _take(hub, connection, box.wait_for(2, matching=lambda request: _is("firing", request))[-1])
        assert _states(hub) == ("clear", ["closed"])  # the webhook alone cannot tell
        reconcile.poll_due(hub)
        assert _states(hub) == ("firing", ["closed", "registered"])
        peer.resolve(LINK)
        _take(hub, connection, box.wait_for(2, matching=lambda request: _is("resolved", request))[-1])
    assert _states(hub) == ("clear", ["closed", "closed"])


def _connected(hub: Hub, url: str) -> connections.Configured:
    with hub.db.write() as session:
        added = connections.add_connection(
            session, HUB, hub.registry, hub.keyring, "alertmanager", "Alertmanager", "own", {"url": url},
            allowed_networks=["127.0.0.0/8"],
        )  # fmt: skip
    with hub.db.read() as session:
        found = connections.by_id(session, added.id)
    assert found is not None
    return found


def _take(hub: Hub, connection: connections.Configured, request: Request) -> None:
    message = Incoming("POST", "", request.headers, {}, request.body, clock.now())
    with hub.db.write() as session:
        intake.take(session, hub, connection, Alertmanager().parse(AlertmanagerSettings(), message))


def _states(hub: Hub) -> tuple[str, list[str]]:
    with hub.db.read() as session:
        [signal] = session.scalars(select(Signal))
        return signal.state, [case.state for case in session.scalars(select(Case).order_by(Case.opened_at))]


def _signals(settings: AlertmanagerSettings, request: Request) -> list[SignalEvent]:
    message = Incoming("POST", "", request.headers, {}, request.body, clock.now())
    return list(Alertmanager().parse(settings, message).signals)
