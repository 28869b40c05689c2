"""Is a value what its contract says? Checked where a plugin hands something over, so that "rubbish" stops
there.

A check is compiled once per dataclass from its annotations and then costs about a microsecond per item, so
that a webhook of 10,000 alerts can be checked whole.
"""

import functools
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from typing import Any, Literal

import orjson

from hub.plugin.contracts.text import Length

Check = Callable[[Any], None]
ANY_LENGTH = Length(0, 10_000_000)
MOST_IN_MAPPING = 1_000_000
"""Characters of all names and texts of one mapping together."""
UNIONS = (typing.Union, types.UnionType)


class Misshapen(Exception):
    """The value is not what the contract says; the message names the field and what is wrong, never the
    value."""


def misfit(kind: type | types.UnionType, value: object) -> str | None:
    """Why `value` is no proper `kind` (a dataclass of the contracts, or such a one `| None`), or None if it
    is one."""
    try:
        _checker(kind)(value)
    except Misshapen as error:
        return str(error)
    except BaseException as error:
        # A value may be a foreign object whose len(), hash or attribute raises, whatever that is.
        return f"the value cannot be read ({type(error).__name__})"
    return None


@functools.cache
def _checker(kind: Any) -> Check:
    if is_dataclass(kind):
        return _record(typing.cast("type", kind))
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Annotated:
        return _text(next(part for part in args if isinstance(part, Length)))
    if origin is Literal:
        return _one_of(frozenset(args))
    if origin in UNIONS:
        return _either(args)
    if origin is tuple:
        return _sequence(_checker(args[0])) if args[-1] is Ellipsis else _row([_checker(arg) for arg in args])
    if origin is not None and issubclass(origin, Mapping):
        return _mapping(_checker(args[0]), _checker(args[1]))
    return _plain(kind)


def _plain(kind: Any) -> Check:
    if kind is str:
        return _text(ANY_LENGTH)
    if kind is datetime:
        return _instant
    return _anything if kind is Any else _instance(kind)


def _record(kind: type) -> Check:
    hints = typing.get_type_hints(kind, include_extras=True)
    checks = [(field.name, _checker(hints[field.name])) for field in fields(kind)]

    def check(value: Any) -> None:
        if not isinstance(value, kind):
            raise Misshapen(f"expected {kind.__name__}, got {type(value).__name__}")
        name = ""
        try:
            for name, field_check in checks:
                field_check(getattr(value, name))
        except Misshapen as error:
            raise Misshapen(f"{kind.__name__}.{name}: {error}") from None

    return check


def _text(length: Length) -> Check:
    least, most = length.least, length.most

    def check(value: Any) -> None:
        # The common case first: this runs for every text of every alert.
        if type(value) is str and value.isascii() and least <= len(value) <= most and "\0" not in value:
            return
        if type(value) is not str:  # a subclass may compare and hash as it likes
            kind = "plain text" if isinstance(value, str) else "text"
            raise Misshapen(f"expected {kind}, got {type(value).__name__}")
        if not least <= len(value) <= most:
            raise Misshapen(f"{len(value)} characters, allowed are {least} to {most}")
        if "\0" in value:
            raise Misshapen("holds a NUL character, which databases refuse")
        if not value.isascii():
            _encodable(value)

    return check


def _encodable(value: str) -> None:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise Misshapen("holds half a character (a lone surrogate)") from None


def _instant(value: Any) -> None:
    if type(value) is datetime and value.tzinfo is UTC and 1900 <= value.year <= 9000:
        return
    if not isinstance(value, datetime):
        raise Misshapen(f"expected a datetime, got {type(value).__name__}")
    if value.utcoffset() is None:
        raise Misshapen("a datetime without a zone")
    if not 1900 <= value.year <= 9000:
        raise Misshapen(f"the year {value.year} is not believable")


def _anything(value: Any) -> None:
    """Free data: the one who stores it looks at it."""


def _instance(kind: type) -> Check:
    def check(value: Any) -> None:
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise Misshapen(f"expected {kind.__name__}, got {type(value).__name__}")

    return check


def _one_of(allowed: frozenset[Any]) -> Check:
    def check(value: Any) -> None:
        if type(value) is not str or value not in allowed:
            raise Misshapen(f"must be one of {', '.join(sorted(allowed))}")

    return check


def _either(kinds: tuple[Any, ...]) -> Check:
    checks = [_checker(kind) for kind in kinds if kind is not types.NoneType]
    optional = len(checks) < len(kinds)

    def check(value: Any) -> None:
        if value is None and optional:
            return
        problems = []
        for one in checks:
            try:
                one(value)
                break
            except Misshapen as error:
                problems.append(str(error))
        else:
            raise Misshapen(" or ".join(problems))

    return check


def _tuple_of(value: Any) -> tuple[Any, ...]:
    if not isinstance(value, tuple):
        raise Misshapen(f"expected a tuple, got {type(value).__name__}")
    return value


def _sequence(item: Check) -> Check:
    def check(value: Any) -> None:
        for one in _tuple_of(value):
            item(one)

    return check


def _row(items: list[Check]) -> Check:
    def check(value: Any) -> None:
        if len(_tuple_of(value)) != len(items):
            raise Misshapen(f"expected {len(items)} values, got {len(value)}")
        for item, one in zip(items, value, strict=True):
            item(one)

    return check


def _simple_texts(value: dict[Any, Any]) -> bool:
    """Whether all keys and values are texts without anything special, found at the speed of C: JSON holds
    plain keys and no half characters, and only texts can be joined."""
    try:
        written = orjson.dumps(value, option=orjson.OPT_PASSTHROUGH_SUBCLASS)
        "".join(value.values())
    except TypeError:
        return False
    return len(written) <= MOST_IN_MAPPING and b"\\u0000" not in written


def _mapping(key: Check, content: Check) -> Check:
    def check(value: Any) -> None:
        if type(value) is dict and _simple_texts(value):
            return
        if not isinstance(value, Mapping):
            raise Misshapen(f"expected a mapping, got {type(value).__name__}")
        length = 0
        for name, one in value.items():
            key(name)
            content(one)
            length += len(name) + (len(one) if isinstance(one, str) else 0)
        if length > MOST_IN_MAPPING:
            raise Misshapen(f"{length} characters together, allowed are {MOST_IN_MAPPING}")

    return check
