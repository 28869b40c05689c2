"""Alertmanager: its real payloads, odd ones, the conformance suite, and what its API says."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from hub.plugin.contracts import BadBody, Incoming, NotOffered, Parsed, Reconciled
from hub.plugin.outward import Outward, Target
from hub.testing.conformance import SENTINEL, MonitoringConformance, Tool
from hub.testing.conformance.base import RecordingLog
from hub.testing.peers.recorder import Answer, Request, recorder
from plugins.monitoring.alertmanager import Alertmanager, AlertmanagerSettings

PAYLOADS = Path(__file__).parent.parent / "payloads" / "alertmanager"
RECEIVED = datetime(2026, 11, 23, 8, 5, tzinfo=UTC)


def webhook(body: Any) -> Incoming:
    headers = {"content-type": "application/json", "authorization": f"Bearer {SENTINEL}"}
    return Incoming("POST", "", headers, {}, json.dumps(body).encode(), RECEIVED)


def recorded(name: str) -> dict[str, Any]:
    body: dict[str, Any] = json.loads((PAYLOADS / f"{name}.json").read_text())["body"]
    return body


def parsed(body: Any, **settings: Any) -> Parsed:
    return Alertmanager().parse(AlertmanagerSettings(**settings), webhook(body))


def active(name: str, state: str = "active") -> dict[str, Any]:
    """An alert of a webhook as the API shows it: milliseconds, a status object, an end in the future."""
    alert = recorded(name)["alerts"][0]
    start = alert["startsAt"][:23].rstrip("Z") + "Z"
    return {**alert, "startsAt": start, "status": {"state": state, "inhibitedBy": [], "silencedBy": []}}


def imitation(*alerts: dict[str, Any], uptime: str = "2026-11-01T00:00:00.000Z") -> Tool:
    def respond(request: Request) -> Answer:
        body: Any = list(alerts) if request.target.endswith("/api/v2/alerts") else {"uptime": uptime}
        return Answer(body=json.dumps(body).encode())

    return respond


class TestConformance(MonitoringConformance):
    connector = Alertmanager()
    payloads = tuple(
        webhook(recorded(name))
        for name in (
            "api-firing-critical",
            "api-resolved-critical",
            "inhibited-warning-fires-after-critical-resolved",
            "prometheus-rule-firing",
            "prometheus-rule-resolved",
        )
    )

    def settings(self, host: str, port: int) -> AlertmanagerSettings:
        return AlertmanagerSettings(url=f"http://{host}:{port}", api_token=SecretStr(SENTINEL))

    def far_side(self) -> Tool:
        return imitation(
            active("api-firing-critical"), active("inhibited-warning-fires-after-critical-resolved")
        )


def test_a_firing_alert_is_read_whole() -> None:
    [signal] = parsed(recorded("api-firing-critical")).signals
    assert signal.natural_key == "056ce5f0d540b110"
    assert signal.state == "firing"
    assert signal.episode_start == signal.at == datetime(2026, 11, 23, 8, 0, 31, 96000, tzinfo=UTC)
    assert (signal.severity, signal.severity_text) == ("critical", "critical")
    assert signal.title == "Circuit CIR-4711 down"
    assert signal.identifiers == (("circuit", "CIR-4711"), ("site", "FRA1"))
    assert signal.link == "http://nms.example.net/g"
    assert "https://wiki.example.net/rb" in signal.text


def test_firing_and_resolved_are_the_same_signal() -> None:
    [firing] = parsed(recorded("api-firing-critical")).signals
    [resolved] = parsed(recorded("api-resolved-critical")).signals
    assert (resolved.natural_key, resolved.episode_start) == (firing.natural_key, firing.episode_start)
    assert resolved.state == "clear"
    assert resolved.at == datetime(2026, 11, 23, 8, 0, 37, tzinfo=UTC)
    assert resolved.link is None


def test_what_fires_again_after_its_end_looks_like_its_beginning_and_the_api_tells_it_apart() -> None:
    [again] = parsed(recorded("api-firing-critical")).signals
    [resolved] = parsed(recorded("api-resolved-critical")).signals
    found = reconciled(imitation(active("api-firing-critical")))
    [now] = found.signals
    assert now == again
    assert again.at < resolved.at < found.as_of


def test_an_inhibition_release_is_an_ordinary_firing_of_its_own() -> None:
    [critical] = parsed(recorded("api-firing-critical")).signals
    [warning] = parsed(recorded("inhibited-warning-fires-after-critical-resolved")).signals
    assert warning.state == "firing"
    assert warning.natural_key != critical.natural_key


def test_an_end_in_year_one_is_no_end() -> None:
    body = recorded("api-resolved-critical")
    body["alerts"][0]["endsAt"] = "0001-01-01T00:00:00Z"
    [signal] = parsed(body).signals
    assert (signal.state, signal.at) == ("clear", signal.episode_start)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"labels": None}, "labels"),
        ({"labels": {"alertname": 7}}, "labels"),
        ({"startsAt": "yesterday"}, "startsAt"),
        ({"startsAt": "0001-01-01T00:00:00Z"}, "startsAt"),
        ({"startsAt": "2026-11-23T08:00:31"}, "startsAt"),
        ({"fingerprint": ""}, "fingerprint"),
        ({"status": "pending"}, "status"),
    ],
)
def test_one_odd_alert_does_not_take_the_others_along(change: dict[str, Any], why: str) -> None:
    body = recorded("api-firing-critical")
    body["alerts"].append(body["alerts"][0] | change)
    result = parsed(body)
    assert len(result.signals) == 1
    [odd] = result.unparsed
    assert why in odd.reason
    assert odd.raw == body["alerts"][1]


def test_another_version_is_kept_and_not_guessed_at() -> None:
    body = recorded("api-firing-critical") | {"version": "5"}
    result = parsed(body)
    assert result.signals == ()
    assert [item.raw for item in result.unparsed] == [body]


@pytest.mark.parametrize("body", [[], "text", {"version": "4"}, {"version": "4", "alerts": {}}])
def test_what_is_no_webhook_is_refused(body: Any) -> None:
    with pytest.raises(BadBody):
        parsed(body)


def test_severities_and_identifiers_follow_the_settings() -> None:
    body = recorded("api-firing-critical")
    body["alerts"][0]["labels"] |= {"prio": "P2", "dev": "edge1"}
    [signal] = parsed(
        body, severity_label="prio", severities={"p2": "major"}, identifiers=["dev=host", "circuit"]
    ).signals
    assert (signal.severity, signal.severity_text) == ("major", "P2")
    assert signal.identifiers == (("host", "edge1"), ("circuit", "CIR-4711"))


def test_an_unmapped_severity_is_unknown_and_shown_verbatim() -> None:
    body = recorded("api-firing-critical")
    body["alerts"][0]["labels"]["severity"] = "Ragnarök"
    [signal] = parsed(body).signals
    assert (signal.severity, signal.severity_text) == ("unknown", "Ragnarök")


def test_a_wrong_severity_in_the_settings_is_refused() -> None:
    with pytest.raises(ValidationError, match="use one of critical"):
        AlertmanagerSettings(severities={"P1": "terrible"})


def test_ten_thousand_alerts_are_taken_whole() -> None:
    body = recorded("api-firing-critical")
    alert = body["alerts"][0]
    body["alerts"] = [alert | {"fingerprint": f"{number:016x}"} for number in range(10_000)]
    assert len({signal.natural_key for signal in parsed(body).signals}) == 10_000


def reconciled(tool: Tool) -> Reconciled:
    with recorder(tool) as peer:
        outward = Outward(RecordingLog())
        try:
            return outward.reconcile(TestConformance().target(peer.port), "")
        finally:
            outward.close()


def test_what_fires_there_and_what_is_held_back_are_told_apart() -> None:
    firing = active("api-firing-critical")
    held = active("inhibited-warning-fires-after-critical-resolved", "suppressed")
    found = reconciled(imitation(firing, held))
    assert [signal.natural_key for signal in found.signals] == [firing["fingerprint"]]
    assert found.held == (held["fingerprint"],)
    assert found.complete
    # By the far side's own clock, with some slack.
    assert timedelta(seconds=29) < datetime.now(UTC) - found.as_of < timedelta(minutes=1)


def test_a_silent_alertmanager_that_has_just_started_clears_nothing() -> None:
    lately = datetime.now(UTC) - timedelta(minutes=5)
    assert not reconciled(imitation(uptime=lately.isoformat())).complete


def test_without_an_address_nothing_is_asked() -> None:
    outward = Outward(RecordingLog())
    with pytest.raises(NotOffered):
        outward.reconcile(Target("none", Alertmanager(), AlertmanagerSettings()), "")
