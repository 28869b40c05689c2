"""Prometheus Alertmanager: webhook version 4 in, `/api/v2/alerts` to repair what webhooks missed.

In Alertmanager:

    receivers:
      - name: hub
        webhook_configs:
          - url: https://hub.example.net/in/<connection>
            send_resolved: true
            http_config: {authorization: {type: Bearer, credentials: <token>}}

The bearer token is the connection's own and checked by the hub. A signal is named by Alertmanager's
fingerprint (a hash of the labels) and the start of the episode. The webhook gives that start in nanoseconds
and the API in milliseconds, so milliseconds it is. An alert that was held back by an inhibition and is
released arrives as an ordinary firing with a fingerprint of its own.

Give the settings an address to ask. A Prometheus that is cut off for longer than its alerts live lets them
be resolved, and afterwards sends them under the start that they had: by webhook alone such a fault looks like
an old report that comes late, which is not applied. The API says at once what fires.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import orjson
from pydantic import BaseModel, Field, SecretStr, field_validator

from hub import hookimpl
from hub.plugin.contracts import (
    Answer,
    BadBody,
    Connector,
    Ctx,
    Incoming,
    NotOffered,
    Parsed,
    Reconciled,
    Rejected,
    Severity,
    SignalEvent,
    Unparsed,
    clip,
)

SEVERITIES: dict[str, Severity] = {
    "critical": "critical",
    "page": "critical",
    "emergency": "critical",
    "major": "major",
    "error": "major",
    "high": "major",
    "minor": "minor",
    "warning": "warning",
    "warn": "warning",
    "info": "info",
    "informational": "info",
    "none": "info",
}
"""Words that need no mapping, in small letters."""

SETTLED = timedelta(minutes=10)
"""A restarted Alertmanager knows nothing until every Prometheus has spoken; its silence clears nothing."""
SLACK = timedelta(seconds=30)


class AlertmanagerSettings(BaseModel):
    """How alerts are read, and where the hub may ask for them itself."""

    severity_label: str = Field(
        "severity", title="Label of the severity", description="The label that holds the severity."
    )
    severities: dict[str, str] = Field(
        default_factory=dict,
        title="Words for severities",
        description="Your own words, one a line: word = critical, major, minor, warning or info. "
        "Usual words are known.",
    )
    identifiers: list[str] = Field(
        default=["circuit", "service_id", "host", "hostname", "instance", "service", "site"],
        title="Labels that name a service",
        description="One a line, in the order to try them. A label alone looks for an identifier of that "
        "kind, label=kind for one of another kind.",
    )
    url: str = Field(
        "",
        title="Address",
        description="Alertmanager's address, to repair missed webhooks and to tell late reports from faults "
        "that are back; empty: never ask.",
    )
    api_token: SecretStr | None = Field(
        None, title="API token", description="Bearer token for that address, if it wants one."
    )
    ca_file: str = Field(
        "",
        title="CA file",
        description="PEM file with the certificate authority of that address; a path on the hub.",
    )

    @field_validator("severities")
    @classmethod
    def _known(cls, severities: dict[str, str]) -> dict[str, str]:
        known = set(SEVERITIES.values())
        lines = (f"{word} = {level}".rstrip() for word, level in severities.items() if level not in known)
        if wrong := "; ".join(lines):
            levels = ", ".join(sorted(known))
            raise ValueError(f"Not understood: {wrong}. Each line is word = level; use one of {levels}.")
        return {word.casefold(): severity for word, severity in severities.items()}


class Unclear(Exception):
    """Why an alert cannot be understood."""


class Reader:
    """Reads the alerts of one body; what the settings say is worked out once."""

    def __init__(self, settings: AlertmanagerSettings) -> None:
        self._severity_label = settings.severity_label
        self._severities: dict[str, Any] = SEVERITIES | settings.severities
        pairs = (line.partition("=") for line in settings.identifiers)
        self._identifiers = [(label.strip(), kind.strip() or label.strip()) for label, _, kind in pairs]

    def event(self, alert: Mapping[str, Any], firing: bool) -> SignalEvent:
        """One alert of the webhook or the API; raises Unclear."""
        labels = _texts(alert, "labels")
        annotations = _texts(alert, "annotations")
        key = alert.get("fingerprint")
        if not isinstance(key, str) or not key:
            raise Unclear("the fingerprint is missing")
        start = _instant(alert, "startsAt")
        word = labels.get(self._severity_label, "")
        return SignalEvent(
            key,
            start,
            "firing" if firing else "clear",
            start if firing else _end(alert, start),
            self._severities.get(word.casefold(), "unknown"),
            clip(word),
            clip(annotations.get("summary") or labels.get("alertname") or "Alert without a name"),
            _text(annotations),
            labels,
            tuple(
                (kind, labels[label])
                for label, kind in self._identifiers
                if label in labels and 0 < len(labels[label]) <= 200
            ),
            _link(alert),
        )


class Alertmanager(Connector[AlertmanagerSettings]):
    """Alerts by webhook, and by asking the API."""

    name = "alertmanager"
    kind = "monitoring"
    title = "Prometheus Alertmanager"
    capabilities = frozenset({"parse", "reconcile"})
    settings_model = AlertmanagerSettings

    def parse(self, settings: AlertmanagerSettings, incoming: Incoming) -> Parsed:
        """Good alerts of a body pass, also beside ones that cannot be understood."""
        body = _object(incoming.body)
        if body.get("version") != "4":
            told = clip(str(body.get("version")), 20)
            reason = f"The version of the webhook is {told}; the hub reads version 4."
            return Parsed(unparsed=(Unparsed(reason, body),))
        alerts = body.get("alerts")
        if not isinstance(alerts, list):
            raise BadBody("The list of alerts is missing.", "alerts")
        reader = Reader(settings)
        signals: list[SignalEvent] = []
        unparsed: list[Unparsed] = []
        for alert in alerts:
            try:
                signals.append(reader.event(alert, _fires(alert)))
            except Unclear as error:
                unparsed.append(_unparsed(alert, error))
        return Parsed(signals=tuple(signals), unparsed=tuple(unparsed))

    def reconcile(self, ctx: Ctx[AlertmanagerSettings], cursor: str) -> Reconciled:
        """What fires there now. Silenced and inhibited alerts are neither raised nor cleared by this."""
        if not ctx.settings.url:
            raise NotOffered("The settings name no address of Alertmanager.")
        answer = _get(ctx, "alerts")
        as_of = _clock_of(answer, ctx.now) - SLACK
        reader = Reader(ctx.settings)
        signals: list[SignalEvent] = []
        held: list[str] = []
        unparsed: list[Unparsed] = []
        for alert in _alerts(answer):
            try:
                event = reader.event(alert, True)
            except Unclear as error:
                unparsed.append(_unparsed(alert, error))
                continue
            if _suppressed(alert):
                held.append(event.natural_key)
            else:
                signals.append(event)
        complete = not unparsed and as_of - _up_since(_get(ctx, "status")) > SETTLED
        return Reconciled(tuple(signals), as_of, complete, tuple(unparsed), held=tuple(held))


def _object(raw: bytes) -> dict[str, Any]:
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise BadBody(f"The body is not JSON: {error}.") from None
    if not isinstance(body, dict):
        raise BadBody("The body must be a JSON object.")
    return body


def _fires(alert: Any) -> bool:
    if not isinstance(alert, dict):
        raise Unclear("it is not an object")
    status = alert.get("status")
    if status not in ("firing", "resolved"):
        raise Unclear("its status is neither firing nor resolved")
    return bool(status == "firing")


def _texts(alert: Mapping[str, Any], field: str) -> dict[str, str]:
    texts = alert.get(field)
    if not isinstance(texts, dict) or not set(map(type, texts.values())) <= {str}:
        raise Unclear(f"its {field} are missing or not texts")
    return texts


def _instant(alert: Mapping[str, Any], field: str) -> datetime:
    """A time of the alert, to the millisecond. Year 1 is Alertmanager's way of writing none."""
    value = alert.get(field)
    try:
        instant = datetime.fromisoformat(value)  # type: ignore[arg-type]
        if instant.tzinfo is None or instant.year == 1:
            raise ValueError
        return instant.astimezone(UTC).replace(microsecond=instant.microsecond // 1000 * 1000)
    except (TypeError, ValueError, OverflowError):
        raise Unclear(f"its {field} is missing or not a time") from None


def _end(alert: Mapping[str, Any], start: datetime) -> datetime:
    """When it cleared; the start where the body names no end, so that it still counts as the later word."""
    if str(alert.get("endsAt", "")).startswith("0001-"):
        return start
    return max(start, _instant(alert, "endsAt"))


def _text(annotations: Mapping[str, str]) -> str:
    parts = (annotations.get(name) for name in ("description", "runbook_url"))
    return "\n\n".join(part for part in parts if part)


def _link(alert: Mapping[str, Any]) -> str | None:
    link = alert.get("generatorURL")
    return link if isinstance(link, str) and link.startswith(("http://", "https://")) else None


def _unparsed(alert: Any, error: Unclear) -> Unparsed:
    raw = alert if isinstance(alert, dict) else clip(repr(alert), 2000)
    return Unparsed(f"An alert cannot be understood: {error}.", raw)


def _get(ctx: Ctx[AlertmanagerSettings], what: str) -> Answer:
    token = ctx.settings.api_token
    headers = {"authorization": f"Bearer {token.get_secret_value()}"} if token else {}
    url = f"{ctx.settings.url.rstrip('/')}/api/v2/{what}"
    return ctx.http.request("GET", url, headers=headers).checked()


def _alerts(answer: Answer) -> Iterator[dict[str, Any]]:
    found = answer.json()
    if not isinstance(found, list) or not all(isinstance(alert, dict) for alert in found):
        raise Rejected("The far side answered something else than a list of alerts.")
    yield from found


def _suppressed(alert: Mapping[str, Any]) -> bool:
    status = alert.get("status")
    return isinstance(status, dict) and status.get("state") == "suppressed"


def _clock_of(answer: Answer, otherwise: datetime) -> datetime:
    """The far side's own time: its alerts are dated by it, and ours may differ."""
    try:
        return parsedate_to_datetime(answer.headers.get("date", "")).astimezone(UTC)
    except ValueError:
        return otherwise


def _up_since(answer: Answer) -> datetime:
    status = answer.json()
    try:
        return _instant(status, "uptime")
    except (Unclear, AttributeError):
        raise Rejected("The far side does not say since when it runs.") from None


@hookimpl
def hub_connectors(register: Callable[[Connector[Any]], None]) -> None:
    """The connector of this file."""
    register(Alertmanager())
