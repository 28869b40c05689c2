"""Calling the pure half of a connector, `verify` and `parse`, so that nothing it does can hurt the hub."""

import re
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
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
    clip,
)
from hub.plugin.scrub import Scrubber, secrets_of
from hub.plugin.shapes import misfit

SLOW_SECONDS = 1.0
RAW_LENGTH = 4000
MIB = 1024 * 1024
MOST_REASON = 2_000
MOST_KEY = 200
MOST_ASIDE = 1_000
"""So many items of one body are set aside one by one."""
MOST_RAW = 32 * MIB
"""And so many bytes of them, unless the first is larger."""
MOST_RESPONSE = 64 * 1024
_FOR_MACHINES = re.compile(
    r"(application/(json|xml|octet-stream|soap\+xml|[a-z0-9.-]+\+json)|text/(plain|xml|csv))"
    r"(; ?charset=[a-z0-9-]+)?",
    re.ASCII | re.IGNORECASE,
)
"""Types of answers that senders ask for and that no browser runs as a page."""


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
        parsed = _checked(connector.parse(settings, incoming), settings, incoming)
    except BaseException as error:  # sys.exit(), a panic of an extension: the body must not be lost for it
        problem = _problem(error, Scrubber(secrets_of(settings)))
    seconds = time.monotonic() - started
    return GuardedParse(parsed, problem, seconds, seconds > slow_after)


def _problem(error: BaseException, scrub: Scrubber) -> BadBody | PluginBroken:
    if isinstance(error, BadBody):
        return BadBody(reason_of(error, scrub), _text(lambda: getattr(error, "field", ""), scrub, MOST_KEY))
    return broken(error, scrub)


@dataclass(frozen=True, slots=True)
class GuardedVerify:
    """Whether a request is let in; `problem` is set where the plugin broke, and then it is not."""

    ok: bool
    problem: PluginBroken | None = None


def guarded_verify(connector: Connector[Any], settings: BaseModel, incoming: Incoming) -> GuardedVerify:
    """Ask the connector whether the request is genuine; only a clear `True` lets it in. Never raises."""
    try:
        return GuardedVerify(connector.verify(settings, incoming) is True)
    except BaseException as error:
        return GuardedVerify(False, broken(error, Scrubber(secrets_of(settings))))


def broken(error: BaseException, scrub: Scrubber) -> PluginBroken:
    """A stray exception of a plugin as an error with a sentence: what was raised, and in which line."""
    last = traceback.extract_tb(error.__traceback__)[-1:]
    place = f" ({Path(last[0].filename).name}, line {last[0].lineno})" if last else ""
    kind = clip(type(error).__name__, 100)
    return PluginBroken(scrub(f"The connector raised {kind}: {reason_of(error, scrub, 300)}{place}"))


def reason_of(error: BaseException, scrub: Callable[[str], str] = str, most: int = MOST_REASON) -> str:
    """The text of a plugin's exception, which may be of a class that forgot to call its parent or breaks in
    str(), or of any length. Storable, and `scrub`bed before it is cut, so that no half of a secret is left.
    """
    return _text(lambda: getattr(error, "reason", error), scrub, most)


def _text(value: Callable[[], object], scrub: Callable[[str], str], most: int) -> str:
    try:
        # Cut twice: there is no need to look through 50 MB.
        return clip(scrub(str(value())[: 100 * MOST_REASON]), most)
    except BaseException:
        return "(its text cannot be read)"


def _checked(parsed: object, settings: BaseModel, incoming: Incoming) -> Parsed:
    if not isinstance(parsed, Parsed):
        raise TypeError(f"parse answered with {type(parsed).__name__}, not with Parsed")
    aside = _Aside(settings)
    for item in _tuple(parsed.unparsed):
        aside.take_odd(item)
    result = Parsed(
        signals=_sound(SignalEvent, parsed.signals, aside),
        updates=_sound(ExternalUpdate, parsed.updates, aside),
        hints=_sound(PullHint, parsed.hints, aside),
        unparsed=aside.kept(incoming.body) if aside.count else (),
        response=parsed.response,
        response_type=parsed.response_type,
    )
    _check_response(result)
    return result


def _check_response(parsed: Parsed) -> None:
    if reason := misfit(Parsed, Parsed(response=parsed.response, response_type=parsed.response_type)):
        raise TypeError(reason)
    if not _FOR_MACHINES.fullmatch(parsed.response_type):
        raise ValueError(
            "its response_type is none that the hub sends, such as application/json, text/plain or text/xml"
        )
    if parsed.response is not None and len(parsed.response) > MOST_RESPONSE:
        raise ValueError(f"its response has {len(parsed.response):,} bytes; allowed are {MOST_RESPONSE:,}")


def _tuple(value: object) -> tuple[Any, ...]:
    if not isinstance(value, tuple):
        raise TypeError(f"Parsed holds a {type(value).__name__} where a tuple belongs")
    return value


def _sound(kind: type, items: object, aside: "_Aside") -> tuple[Any, ...]:
    """The items that keep their contract; the others go aside with the reason."""
    sound = []
    for item in _tuple(items):
        if reason := misfit(kind, item):
            aside.take(reason, item)
        else:
            sound.append(item)
    return tuple(sound)


class _Aside:
    """What of one body could not be used: the first items, without the connection's secrets, and a count."""

    def __init__(self, settings: BaseModel) -> None:
        self.count = 0
        self._settings = settings
        self._items: list[Unparsed] = []
        self._left = MOST_RAW
        self._full = False

    @cached_property
    def _scrub(self) -> Scrubber:
        return Scrubber(secrets_of(self._settings))

    def take_odd(self, item: object) -> None:
        """What the connector itself could not understand."""
        if not isinstance(item, Unparsed):
            self.take("the connector handed over something else than Unparsed", item)
        elif type(item.reason) is not str:
            self.take("the connector gave no readable reason", item.raw)
        else:
            self.take(item.reason, item.raw)

    def take(self, reason: str, raw: object) -> None:
        """One item, of whatever class; what is too much is only counted."""
        self.count += 1
        if self._full or len(self._items) == MOST_ASIDE:
            return
        data, size = _stored(raw, self._scrub)
        self._left -= size
        self._full = self._left < 0 and bool(self._items)
        if not self._full:
            self._items.append(Unparsed(_text(lambda: reason, self._scrub, MOST_REASON), data))

    def kept(self, body: bytes) -> tuple[Unparsed, ...]:
        """The items; where some were only counted, the whole body stands for them."""
        more = self.count - len(self._items)
        if not more:
            return tuple(self._items)
        reason = f"{more:,} more items of this body could not be used; it is kept here whole."
        whole = self._scrub(body.decode("utf-8", "replace").replace("\0", "\N{REPLACEMENT CHARACTER}"))
        return (*self._items, Unparsed(reason, whole))


def _stored(raw: object, scrub: Scrubber) -> tuple[dict[str, Any] | str, int]:
    """An item as data or text that every database takes, and its size."""
    try:
        written = orjson.dumps(raw)
    except Exception:  # whatever a foreign object raises when it is read
        written = b"\\u0000"
    if b"\\u0000" in written:
        return scrub(_printed(raw)), RAW_LENGTH
    data = orjson.loads(written)
    return scrub.data(data) if isinstance(data, dict | str) else scrub(written.decode()), len(written)


def _printed(value: object) -> str:
    try:
        return ascii(value)[:RAW_LENGTH]
    except BaseException:
        return f"(a {type(value).__name__} that cannot be printed)"
