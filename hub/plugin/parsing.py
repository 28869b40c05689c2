"""Calling the pure half of a connector, `verify` and `parse`, so that nothing it does can hurt the hub."""

import time
import traceback
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import orjson
from pydantic import BaseModel

from hub.plugin.contracts import (
    BadBody,
    Connector,
    ExternalUpdate,
    Incoming,
    Parsed,
    PluginBroken,
    PullHint,
    SignalEvent,
    Unparsed,
)
from hub.plugin.scrub import Scrubber, secrets_of
from hub.plugin.shapes import misfit

SLOW_SECONDS = 1.0
RAW_LENGTH = 4000


@dataclass(frozen=True, slots=True)
class GuardedParse:
    """What became of one body.

    Exactly one of `parsed` and `problem` is set. `problem` is a BadBody (the sender's fault: 400) or a
    PluginBroken (the plugin's: keep the raw body in quarantine and answer 2xx). `slow`: the caller should let
    the worker parse this connection's bodies from now on.
    """

    parsed: Parsed | None
    problem: BadBody | PluginBroken | None
    seconds: float
    slow: bool


def guarded_parse(
    connector: Connector[Any],
    settings: BaseModel,
    incoming: Incoming,
    slow_after: float = SLOW_SECONDS,
) -> GuardedParse:
    """Have the body parsed and the result checked; never raises. Items that break their contract become
    `Unparsed`.

    `slow_after` is in seconds of the wall clock, checks included.
    """
    started = time.monotonic()
    parsed: Parsed | None = None
    problem: BadBody | PluginBroken | None = None
    try:
        parsed = _checked(connector.parse(settings, incoming))
    except BadBody as error:
        scrub = Scrubber(secrets_of(settings))
        problem = BadBody(scrub(reason_of(error)), scrub(str(getattr(error, "field", ""))))
    except (Exception, SystemExit) as error:  # a plugin may call sys.exit(); Ctrl-C is not its doing
        problem = broken(error, Scrubber(secrets_of(settings)))
    seconds = time.monotonic() - started
    return GuardedParse(parsed, problem, seconds, seconds > slow_after)


@dataclass(frozen=True, slots=True)
class GuardedVerify:
    """Whether a request is let in; `problem` is set where the plugin broke, and then it is not."""

    ok: bool
    problem: PluginBroken | None = None


def guarded_verify(connector: Connector[Any], settings: BaseModel, incoming: Incoming) -> GuardedVerify:
    """Ask the connector whether the request is genuine; only a clear `True` lets it in. Never raises."""
    try:
        return GuardedVerify(connector.verify(settings, incoming) is True)
    except (Exception, SystemExit) as error:
        return GuardedVerify(False, broken(error, Scrubber(secrets_of(settings))))


def broken(error: BaseException, scrub: Scrubber) -> PluginBroken:
    """A stray exception of a plugin as an error with a sentence: what was raised, and in which line."""
    last = traceback.extract_tb(error.__traceback__)[-1:]
    place = f" ({Path(last[0].filename).name}, line {last[0].lineno})" if last else ""
    return PluginBroken(
        scrub(f"The connector raised {type(error).__name__}: {reason_of(error)[:300]}{place}")
    )


def reason_of(error: BaseException) -> str:
    """The text of a plugin's exception, which may be of a class that forgot to call its parent or breaks in
    str()."""
    try:
        return str(getattr(error, "reason", error))
    except Exception:
        return "(its text cannot be read)"


def _checked(parsed: object) -> Parsed:
    if not isinstance(parsed, Parsed):
        raise TypeError(f"parse answered with {type(parsed).__name__}, not with Parsed")
    unparsed: list[Unparsed] = [_storable(item) for item in _tuple(parsed.unparsed)]
    result = replace(
        parsed,
        signals=_sound(SignalEvent, parsed.signals, unparsed),
        updates=_sound(ExternalUpdate, parsed.updates, unparsed),
        hints=_sound(PullHint, parsed.hints, unparsed),
        unparsed=(),
    )
    if reason := misfit(Parsed, replace(result, signals=(), updates=(), hints=())):
        raise TypeError(reason)
    return replace(result, unparsed=tuple(unparsed))


def _tuple(value: object) -> tuple[Any, ...]:
    if not isinstance(value, tuple):
        raise TypeError(f"Parsed holds a {type(value).__name__} where a tuple belongs")
    return value


def _sound(kind: type, items: object, unparsed: list[Unparsed]) -> tuple[Any, ...]:
    """The items that keep their contract; the others go to `unparsed` with the reason."""
    sound = []
    for item in _tuple(items):
        if reason := misfit(kind, item):
            unparsed.append(Unparsed(reason, _printed(item)))
        else:
            sound.append(item)
    return tuple(sound)


def _storable(item: object) -> Unparsed:
    """An `Unparsed` whose raw part is sure to be JSON that every database takes."""
    if not isinstance(item, Unparsed):
        return Unparsed("the connector handed over something else than Unparsed", _printed(item))
    reason = item.reason if misfit(Unparsed, item) is None else "the connector gave no readable reason"
    return Unparsed(reason, item.raw if _is_json(item.raw) else _printed(item.raw))


def _is_json(raw: object) -> bool:
    try:
        return b"\\u0000" not in orjson.dumps(raw)
    except (TypeError, ValueError, RecursionError):
        return False


def _printed(value: object) -> str:
    try:
        return ascii(value)[:RAW_LENGTH]
    except Exception:
        return f"(a {type(value).__name__} that cannot be printed)"
