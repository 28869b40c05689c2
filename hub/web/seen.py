"""Whoever saves a form undoes nothing that was saved since it was drawn, in another window or by a colleague.

A form carries a mark of each value that it began with. What its reader left alone is taken as it is by now;
what both have changed is told, and saving once more decides it.
"""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

import orjson

NAME = "seen"
"""The hidden field with the marks."""


def marks(start: Mapping[str, Any], names: Iterable[str]) -> str:
    """The marks of the fields that a form begins with, as its hidden field holds them."""
    return orjson.dumps({name: _mark(start[name]) for name in names if name in start}).decode()


def settle(raw: dict[str, Any], start: Mapping[str, Any], then: str) -> tuple[list[str], list[str]]:
    """Put the present values into `raw` (what was posted) for what its reader left alone.

    `start`: the present values; `then`: the marks that came along. Answers the fields for which that was
    done, and those that both have changed.
    """
    taken, clashes = list[str](), list[str]()
    for name, mark in _read(then).items():
        if name not in start or mark == _mark(start[name]):
            continue
        typed = _mark(raw.get(name))
        if typed == mark:
            _take(raw, name, start[name])
            taken.append(name)
        elif typed != _mark(start[name]):
            clashes.append(name)
    return taken, clashes


def shown(value: Any) -> str:
    """A value as a form shows it, in one line each where there are several."""
    if value is None or value is False:
        return ""
    if isinstance(value, (list, tuple, set, frozenset)):
        return "\n".join(sorted(str(item) for item in value))
    return "1" if value is True else str(value).replace("\r\n", "\n").strip()


def _take(raw: dict[str, Any], name: str, value: Any) -> None:
    if isinstance(value, (list, tuple, set, frozenset)):
        raw[name] = [str(item) for item in value]
    elif value is False:
        raw.pop(name, None)  # a box without its tick
    else:
        raw[name] = shown(value)


def _mark(value: Any) -> str:
    return hashlib.sha256(shown(value).encode()).hexdigest()[:12]


def _read(text: str) -> dict[str, str]:
    try:
        read = orjson.loads(text)
    except orjson.JSONDecodeError:
        return {}
    return {str(name): str(mark) for name, mark in read.items()} if isinstance(read, dict) else {}
