"""What comes in: the request as the connector sees it, and what `parse` makes of it.

All of it is plain data: built thousands of times a webhook, so slots and no validation on construction. The
hub checks the result once (`hub.plugin.parsing`). Every datetime is aware and in UTC.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

import orjson
from pydantic import SecretStr

from hub.plugin.contracts.errors import BadBody
from hub.plugin.contracts.text import Key, Line, Text

Audience = Literal["staff", "customer"]
Severity = Literal["critical", "major", "minor", "warning", "info", "unknown"]
SignalState = Literal["firing", "clear"]
UpdateKind = Literal["message", "status", "link_broken"]
Side = Literal["team", "supplier", "customer", "own"]


@dataclass(frozen=True, slots=True)
class Incoming:
    """One request to `/in/<connection>`, already within the connection's body limit.

    `headers` have lower-case names; of a repeated header or query parameter the last value counts. `path` is
    what follows `/in/<connection>`, `""` or starting with a slash.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes
    received_at: datetime

    def json(self) -> Any:
        """The body as JSON data; BadBody if it is none."""
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError as error:
            raise BadBody(f"The body is not JSON: {error}.") from None


def has_bearer(incoming: Incoming, secret: SecretStr) -> bool:
    """Whether `Authorization: Bearer <secret>` was sent; compares in constant time. An empty secret never
    matches."""
    scheme, _, sent = incoming.headers.get("authorization", "").partition(" ")
    expected = secret.get_secret_value().encode()
    matches = hmac.compare_digest(sent.strip().encode("utf-8", "backslashreplace"), expected)
    return scheme.lower() == "bearer" and matches and bool(expected)


@dataclass(frozen=True, slots=True)
class SignalEvent:
    """One thing that a monitoring system said about one object at one moment.

    `natural_key` names the object and check for ever (Alertmanager: the fingerprint; at most 200 characters)
    and with `episode_start` (when this firing began, by the source) names the signal: the same event parsed
    twice gives the same pair. `at` is the source's time of this very state change: `episode_start` while
    firing, the end when clear; an event older than the last accepted one is recorded and not applied.
    `severity_text` is the source's own word, verbatim; an unmapped one is `unknown`, never dropped.
    `identifiers` are candidates (kind, value) to find services by, in the order to try them.
    """

    natural_key: Key
    episode_start: datetime
    state: SignalState
    at: datetime
    severity: Severity
    severity_text: Line
    title: Line
    text: Text = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    identifiers: tuple[tuple[str, str], ...] = ()
    link: Text | None = None


@dataclass(frozen=True, slots=True)
class Unparsed:
    """An item (or a whole body) that was received but could not be understood. It is quarantined and shown.

    `reason` says in plain words what was missing or unknown; `raw` is the item as JSON data, or as text.
    """

    reason: Text
    raw: Mapping[str, Any] | str


@dataclass(frozen=True, slots=True)
class ExternalUpdate:
    """Something that happened on a foreign object (a ticket) that the hub is linked to.

    `update_id` is the natural key of the update; of one object's updates a later one has a greater id once
    compared by `update_order`. `audience` is the far side's: `customer` for what it shows to whoever asked
    for the work (RT: Correspond), `staff` for what its people say among themselves (RT: Comment). Whatever
    comes over a team's or supplier's connection stays with the hub's staff all the same. `status` is the
    foreign word, verbatim; the connection's status map translates it. `version` is the object's etag after
    this update.

    Echo suppression needs both marks. Origin: `by_us` is true when the far side names the hub's own login as
    the author, or `delivery_id` is the one that the foreign update carries from us. Hash: `origin_hash` is
    `content_hash(text)`, compared with the hashes of what the hub wrote. An update that is by us and whose
    hash we wrote is an echo; one by our login with other content was typed by a human and is kept.
    """

    external_id: Key
    update_id: Key
    at: datetime
    kind: UpdateKind
    author: Line = ""
    text: Text = ""
    status: Line | None = None
    audience: Audience = "staff"
    version: Key | None = None
    delivery_id: Key | None = None
    origin_hash: Key | None = None
    by_us: bool = False


@dataclass(frozen=True, slots=True)
class PullHint:
    """A webhook that only says "look at this object"; the hub pulls it soon after. Webhooks come out of
    order."""

    external_id: Key


@dataclass(frozen=True, slots=True)
class Parsed:
    """All that one body said. `response` (at most 64 KiB) is sent as the answer's body after the commit,
    where a sender requires one; `response_type` is a type for machines, such as JSON, XML or plain text."""

    signals: tuple[SignalEvent, ...] = ()
    updates: tuple[ExternalUpdate, ...] = ()
    hints: tuple[PullHint, ...] = ()
    unparsed: tuple[Unparsed, ...] = ()
    response: bytes | None = None
    response_type: Line = "application/json"


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What `reconcile` read from a monitoring system.

    With `complete` true, `signals` are all that fire there now: an open signal of the connection that is not
    among them, and whose last event is older than `as_of`, has cleared unseen. In any case one of them that
    the hub takes for over is raised again, if its last event is older than `as_of`. `held` are natural keys
    of what fires but is held back there (silenced, inhibited): the hub neither raises nor clears it.
    """

    signals: tuple[SignalEvent, ...]
    as_of: datetime
    complete: bool = False
    unparsed: tuple[Unparsed, ...] = ()
    cursor: Text = ""
    held: tuple[Key, ...] = ()
