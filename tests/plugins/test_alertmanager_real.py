"""A real Alertmanager: its webhook and its API name the same signal."""

import pytest

from hub.base import clock
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


def _signals(settings: AlertmanagerSettings, request: Request) -> list[SignalEvent]:
    message = Incoming("POST", "", request.headers, {}, request.body, clock.now())
    return list(Alertmanager().parse(settings, message).signals)
