"""A webhook's way in: authenticate, parse, and have it durable before anything but an error is answered.

What cannot be used is kept whole and answered 2xx, because senders repeat a 4xx for ever. Only a body that
cannot be read at all is answered 400, and even that one is kept.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from itertools import chain
from typing import Any

import orjson
import structlog
from pydantic import BaseModel
from sqlalchemy.orm import Session

from hub.base import clock
from hub.base.errors import (
    HubError,
    Invalid,
    Misconfigured,
    Unauthenticated,
    Unavailable,
    frames,
    reason_of,
)
from hub.base.text import N_, one_line
from hub.domain import connections, quarantine
from hub.domain.audit import HUB
from hub.domain.connections import Configured
from hub.domain.quarantine import Quarantined, QuarantineKind
from hub.flows import alarm, sync
from hub.flows.runtime import Hub
from hub.plugin.contracts import (
    BadBody,
    Connector,
    ConnectorError,
    Incoming,
    OutcomeUnknown,
    Parsed,
    SignalEvent,
    Unparsed,
)
from hub.plugin.gate import INSIDE, Full
from hub.plugin.parsing import GuardedParse, guarded_parse, guarded_verify

ACCEPTED = 202
TOGETHER = 100
"""So many alerts of several bodies share a transaction. A body of half as many gains nothing by it."""
SLOW_PAUSE = timedelta(minutes=5)
"""How long the worker parses for a connection whose parse was slow, before the door tries again."""
PARSE_SECONDS = 30.0
"""How long the worker waits for one body. The call goes on after that and keeps a slot of its connection."""
PUT_ASIDE = (QuarantineKind.WAITING, QuarantineKind.AGAIN)
"""What the worker parses."""
_REFUSED = N_("The request was not accepted.")
_UNCHECKED = N_("The request cannot be checked right now.")
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Reader:
    """A connection with all that parsing for it needs."""

    connection: Configured
    connector: Connector[Any]
    settings: BaseModel = field(repr=False)


@dataclass(frozen=True, slots=True)
class Reply:
    """What to answer, after the commit."""

    status: int
    body: bytes = b"{}"
    content_type: str = "application/json"


def admit(hub: Hub, slug: str, headers: Mapping[str, str]) -> Configured:
    """The connection behind an address, if the request may speak for it. Header names are lower case.

    Unknown address, switched off and wrong token all look the same: `Unauthenticated`. Where the connector
    can `verify`, that decides alone, once the body is there: a token of the hub would have to come in the
    very header that many tools send their own in. Such a connection is answered as one without a token.
    """
    connection = connections.behind(hub.db, slug)
    if connection is None or not connection.enabled:
        raise Unauthenticated(_REFUSED)
    connector = hub.registry.connector(connection.connector)
    if connector is not None and "verify" in connector.capabilities:
        return replace(connection, token_digest=None) if connection.token_digest else connection
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not connections.token_fits(connection, token.strip()):
        raise Unauthenticated(_REFUSED)
    return connection


def note_too_large(hub: Hub, connection: Configured, size: int | None) -> None:
    """Let the operator see that a body was over the limit; `size` in bytes where the sender said it.

    Without a token anybody may have sent it, as often as they like, so that nothing is written then.
    """
    if not connection.token_digest:
        return
    told = f"of {size:,} bytes" if size else "of unknown size"
    sentence = f"A body {told} was refused: the limit is {connection.body_limit:,} bytes."
    with hub.db.write() as session:
        connections.health_event(session, connection.id, "too_large", sentence)


def receive(hub: Hub, connection: Configured, incoming: Incoming) -> Reply:
    """Take one body of an admitted request: stored and acted on in one transaction, then answered.

    Raises `Invalid` for a body that cannot be read (kept all the same), `Unauthenticated` where the
    connector's own check refuses it, `Unavailable` where only that check could let it in and cannot be made.
    """
    connector = hub.registry.connector(connection.connector)
    try:
        settings = connections.settings_of(hub.registry, hub.keyring, connection)
    except (Misconfigured, Invalid) as error:
        if not connection.token_digest:
            log.warning("intake.unchecked", connection=connection.slug, reason=type(error).__name__)
            raise Unavailable(_UNCHECKED) from error
        return _hold(hub, connection, incoming, str(error), "failing")
    assert connector is not None  # settings_of found it
    if "verify" in connector.capabilities:
        _check(hub, connection, connector, settings, incoming)
    if connection.slow_parse_until is not None and connection.slow_parse_until > clock.now():
        return _hold(hub, connection, incoming, "The worker parses it: this connector is slow.", None)
    return _parse_and_take(hub, connection, connector, settings, incoming)


def _check(
    hub: Hub, connection: Configured, connector: Connector[Any], settings: BaseModel, incoming: Incoming
) -> None:
    """`Unauthenticated` unless the connector says that the request is genuine; `Unavailable` where its check
    hangs, for then nobody knows."""
    try:
        check = partial(guarded_verify, connector, settings, incoming)
        found = hub.gate.through((connection.id, "verify"), check, 1)
    except Full as full:
        told = f"The plugin has not come back for {full.seconds:.0f} s; what comes unchecked is refused."
        _note_unchecked(hub, connection, told)
        raise Unavailable(_UNCHECKED) from full
    if found.problem is not None:
        _note_unchecked(hub, connection, f"A request could not be checked. {found.problem}")
    if not found.ok:
        raise Unauthenticated(_REFUSED)


def _note_unchecked(hub: Hub, connection: Configured, reason: str) -> None:
    """Let the operator see it, once in a while: whoever sends has not proved who they are."""
    if not hub.seldom.due(connection.id):
        return
    # What the plugin raised may quote what it was sent, and a database does not take every character.
    reason = one_line(reason.encode("utf-8", "replace").decode(), 500)
    log.warning("intake.unchecked", connection=connection.slug, reason=reason)
    with hub.db.write() as session:
        connections.note_failure(session, connection.id, reason)


def _parse_and_take(
    hub: Hub, connection: Configured, connector: Connector[Any], settings: BaseModel, incoming: Incoming
) -> Reply:
    # Of the places of a connection whose connector verifies too, each half has its own, so that of requests
    # whose parse hangs it is still found out who sends them.
    places = 1 if "verify" in connector.capabilities else INSIDE
    parse = partial(guarded_parse, connector, settings, incoming)
    try:
        result = hub.gate.through(connection.id, parse, places)
    except Full as full:
        return _leave_to_worker(hub, connection, incoming, full.seconds)
    if isinstance(result.problem, BadBody):
        _keep_unreadable(hub, connection, incoming, result.problem)
        raise Invalid.field(result.problem.field or "body", result.problem.reason)
    if result.parsed is None:
        reason = result.problem.reason if result.problem else "The connector gave no answer."
        return _hold(hub, connection, incoming, reason, "failing", QuarantineKind.BODY)
    if _is_short(result.parsed) and not result.slow:
        signals = result.parsed.signals
        hub.together.do(connection.id, signals, partial(_take_signals, hub, connection), _fits)
    else:
        with hub.db.write() as session:
            take(session, hub, connection, result.parsed, incoming)
            if result.slow:
                sentence = f"Parsing took {result.seconds:.1f} s; the worker parses for the next minutes."
                connections.note_slow_parse(session, connection.id, SLOW_PAUSE, sentence)
    return Reply(ACCEPTED, result.parsed.response or b"{}", result.parsed.response_type)


def _is_short(parsed: Parsed) -> bool:
    """A few signals and nothing else: what monitoring says, thousands of times in a bad hour."""
    return len(parsed.signals) < TOGETHER // 2 and not (parsed.updates or parsed.hints or parsed.unparsed)


def _take_signals(hub: Hub, connection: Configured, bodies: Sequence[Sequence[SignalEvent]]) -> None:
    signals = tuple(chain.from_iterable(bodies))
    with hub.db.write() as session:
        take(session, hub, connection, Parsed(signals=signals))


def _fits(bodies: Sequence[Sequence[SignalEvent]], one: Sequence[SignalEvent]) -> bool:
    """Bodies about the same thing are taken one after the other, as they came."""
    known = {event.natural_key for body in bodies for event in body}
    return len(known) + len(one) <= TOGETHER and known.isdisjoint(event.natural_key for event in one)


def take(
    session: Session, hub: Hub, connection: Configured, parsed: Parsed, incoming: Incoming | None = None
) -> None:
    """Act on what a body or a poll said, in the caller's transaction. `incoming`: the body, if it was one."""
    if parsed.signals:
        alarm.sound(session, alarm.Source(connection.id, connection.name), parsed.signals)
    if parsed.updates or parsed.hints:
        sync.take(session, hub, connection, parsed.updates, parsed.hints)
    keep_items(session, connection, parsed.unparsed, incoming)
    connections.note_ok(session, connection)


def keep_items(
    session: Session, connection: Configured, items: Sequence[Unparsed], incoming: Incoming | None
) -> None:
    """Put what could not be understood where the desk sees it."""
    for item in items:
        body = item.raw.encode() if isinstance(item.raw, str) else orjson.dumps(item.raw)
        quarantine.keep(
            session,
            connection.id,
            QuarantineKind.ITEM,
            item.reason,
            body,
            sender=connection.name,
            came=incoming,
        )


def _keep_unreadable(hub: Hub, connection: Configured, incoming: Incoming, problem: BadBody) -> None:
    # The transaction of a refusal is its own (law 5): the 400 that follows must not undo it.
    with hub.db.write() as session:
        _keep(session, connection, incoming, problem.reason, QuarantineKind.BODY)


def _hold(
    hub: Hub,
    connection: Configured,
    incoming: Incoming,
    reason: str,
    failing: str | None,
    kind: QuarantineKind = QuarantineKind.WAITING,
) -> Reply:
    """Store the raw body and accept it: the far side did nothing wrong."""
    with hub.db.write() as session:
        _keep(session, connection, incoming, reason, kind)
        if failing:
            connections.note_failure(session, connection.id, reason)
    return Reply(ACCEPTED)


def _keep(
    session: Session, connection: Configured, incoming: Incoming, reason: str, kind: QuarantineKind
) -> None:
    content_type = incoming.headers.get("content-type", "application/octet-stream")
    quarantine.keep(
        session,
        connection.id,
        kind,
        reason,
        incoming.body,
        content_type=content_type,
        subject=f"{incoming.method} {incoming.path}".strip(),
        sender=connection.name,
        came=incoming,
    )


def _leave_to_worker(hub: Hub, connection: Configured, incoming: Incoming, seconds: float) -> Reply:
    """Keep a body that does not get into the plugin, and have other processes not even try."""
    reason = f"Parsing has not come back for {seconds:.1f} s; the bodies wait for the worker."
    with hub.db.write() as session:
        _keep(session, connection, incoming, reason, QuarantineKind.WAITING)
        connections.note_slow_parse(session, connection.id, SLOW_PAUSE, reason, failing=True)
    return Reply(ACCEPTED)


def parse_waiting(hub: Hub, limit: int = 20) -> int:
    """Parse bodies that the door put aside, in turn for each connection; answers how many. The worker's half
    of law 9."""
    with hub.db.read() as session:
        ready = _ready(hub, session)
        chosen = quarantine.in_turn(session, PUT_ASIDE, ready, limit) if ready else []
    count, stuck = 0, set[uuid.UUID]()
    for connection_id, kept_id in chosen:
        if connection_id in stuck:
            continue  # the others of this batch first
        try:
            count += _parse_guarded(hub, ready[connection_id], kept_id)
        except ConnectorError as error:
            log.warning("intake.stuck", connection=ready[connection_id].connection.slug, reason=error.reason)
            stuck.add(connection_id)
    return count


def _ready(hub: Hub, session: Session) -> dict[uuid.UUID, Reader]:
    """The connections that something was put aside of and that can be parsed for. The others' bodies wait
    until their plugin is back or their settings are mended; they are not even looked at."""
    ready: dict[uuid.UUID, Reader] = {}
    for connection_id in quarantine.sources(session, PUT_ASIDE):
        connection = connections.by_id(session, connection_id)
        connector = hub.registry.connector(connection.connector) if connection else None
        if connection is None or connector is None:
            continue
        try:
            settings = connections.settings_of(hub.registry, hub.keyring, connection)
        except HubError as error:
            log.warning("intake.still_waiting", connection=connection.slug, reason=type(error).__name__)
        else:
            ready[connection_id] = Reader(connection, connector, settings)
    return ready


def _parse_guarded(hub: Hub, reader: Reader, kept_id: uuid.UUID) -> bool:
    """Whether the body was parsed. What breaks on it, or takes too long, is shown at the desk and holds up
    none behind it. A ConnectorError: this connection's slots hang."""
    try:
        return _parse_one(hub, reader, kept_id)
    except Unavailable as error:
        log.warning("intake.still_waiting", connection=reader.connection.slug, reason=type(error).__name__)
        return False  # the database is busy or away, which is not this body's fault
    except OutcomeUnknown:
        _show(hub, kept_id, f"Parsing took longer than {PARSE_SECONDS:g} s.")
        raise
    except ConnectorError:
        raise  # it was not even tried
    except Exception as error:
        slug, kind = reader.connection.slug, type(error).__name__
        log.error("intake.broke", connection=slug, kept=str(kept_id), error=kind, frames=frames(error))
        _show(hub, kept_id, reason_of(error))
    return True


def _show(hub: Hub, kept_id: uuid.UUID, reason: str) -> None:
    with hub.db.write() as session:
        kept = quarantine.claim(session, PUT_ASIDE, kept_id)
        if kept is not None:
            _put_back(kept, reason)


def _parse_one(hub: Hub, reader: Reader, kept_id: uuid.UUID) -> bool:
    with hub.db.read() as session:
        incoming = quarantine.as_incoming(quarantine.get(session, kept_id))
    parse = partial(guarded_parse, reader.connector, reader.settings, incoming)
    result: GuardedParse = hub.outward.apart(str(reader.connection.id), parse, PARSE_SECONDS)
    with hub.db.write() as session:
        kept = quarantine.claim(session, PUT_ASIDE, kept_id)
        if kept is None:
            return False  # another worker is at it, or was faster
        understood = kept.kind == QuarantineKind.WAITING or _is_understood(result.parsed)
        if result.parsed is None or not understood:
            _put_back(kept, str(result.problem))
            return True
        take(session, hub, reader.connection, result.parsed, incoming)
        quarantine.handle(session, HUB, kept, "Parsed by the worker.")
    return True


def _put_back(kept: Quarantined, reason: str) -> None:
    """Show it at the desk. An item keeps the reason for which it was taken out of its body."""
    if kept.kind == QuarantineKind.AGAIN:
        kept.kind = QuarantineKind.ITEM
    else:
        kept.kind, kept.reason = QuarantineKind.BODY, reason


def _is_understood(parsed: Parsed | None) -> bool:
    """Whether an item that was kept by itself says something now. A part of a body may never do so alone."""
    if parsed is None or parsed.unparsed:
        return False
    return bool(parsed.signals or parsed.updates or parsed.hints)
