"""Is what a connector declares about itself complete and true? Found at start-up, not at the first alert at
night."""

import inspect
import re
import typing
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from hub.plugin.contracts import CAPABILITIES, Connector, OrderState, clip
from hub.plugin.settings import UnsuitableModel, form_fields

_NAME = re.compile(r"[a-z][a-z0-9_]{1,39}")
_CONFIDENTIAL = re.compile(r"(^|_)(password|passwd|passphrase|secret|token|api_?key|private_key)$")
_LONGEST_TITLE = 100
_STATES = frozenset(typing.get_args(OrderState))
_EVERY_CAPABILITY = frozenset().union(*CAPABILITIES.values())


def faults(connector: object) -> list[str]:
    """What is wrong with a connector's declarations, each as a sentence; empty when it may be used."""
    if not isinstance(connector, Connector):
        return [
            f"{type(connector).__name__} is not an instance of a subclass of hub.plugin.contracts.Connector."
        ]
    if missing := [
        name
        for name in ("name", "kind", "title", "capabilities", "settings_model")
        if not hasattr(connector, name)
    ]:
        return [f"{type(connector).__name__} does not declare {', '.join(missing)}."]
    return [*_identity(connector), *_abilities(connector), *_settings(connector), *_data(connector)]


def _identity(connector: Connector[Any]) -> Iterator[str]:
    name, title = connector.name, connector.title
    if type(name) is not str or not _NAME.fullmatch(name):
        yield f"The name {_quoted(name)} must be 2 to 40 lower-case letters, digits and underscores."
    if type(title) is not str or not title.strip():
        yield "The title, by which people find the connector, is empty."
    elif clip(title, _LONGEST_TITLE) != title:
        yield f"The title has more than {_LONGEST_TITLE} letters, or some that cannot be stored."
    if connector.kind not in CAPABILITIES:
        yield f"The kind {_quoted(connector.kind)} is none of {', '.join(CAPABILITIES)}."


def _quoted(value: object) -> str:
    return clip(repr(value), 60)


def _abilities(connector: Connector[Any]) -> Iterator[str]:
    declared = connector.capabilities
    if not isinstance(declared, frozenset) or not declared:
        yield "The capabilities must be a frozenset with at least one name."
        return
    offered = CAPABILITIES.get(connector.kind, _EVERY_CAPABILITY)
    for name in sorted(map(str, declared - offered))[:5]:
        yield f"A {connector.kind} connector cannot have the capability {_quoted(name)}."
    for name in sorted(_EVERY_CAPABILITY):
        yield from _method(connector, name, name in declared)


def _method(connector: Connector[Any], name: str, declared: bool) -> Iterator[str]:
    own = getattr(type(connector), name)
    base = getattr(Connector, name)
    if declared and own is base:
        yield f"It declares {name!r} and has no method of that name."
    elif not declared and own is not base:
        yield f"It has a method {name!r} and does not declare it, so that it would never be called."
    elif declared and not _callable_alike(own, base):
        wanted = ", ".join(list(inspect.signature(base).parameters)[1:])
        yield f"Its method {name!r} cannot be called with ({wanted})."


def _callable_alike(own: Any, base: Any) -> bool:
    wanted = inspect.signature(base).parameters
    try:
        inspect.signature(own).bind(*wanted)
    except (TypeError, ValueError):
        return False
    return True


def _settings(connector: Connector[Any]) -> Iterator[str]:
    model = connector.settings_model
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        yield "The settings model must be a subclass of pydantic.BaseModel."
        return
    try:
        form_fields(model)
    except UnsuitableModel as error:
        yield str(error)


def _data(connector: Connector[Any]) -> Iterator[str]:
    for foreign, state in dict(connector.status_map).items():
        if not isinstance(foreign, str) or state not in _STATES:
            words = ", ".join(sorted(_STATES))
            told = f"translates {_quoted(foreign)} to {_quoted(state)}, which is none of {words}"
            yield f"The status map {told}."
            return
    limit = connector.body_limit
    if not isinstance(limit, int) or isinstance(limit, bool) or limit <= 0:
        yield "The body limit must be a number of bytes above zero."
    if not isinstance(connector.calls_out, bool):
        yield "calls_out must be True or False."


def shown_secrets(model: type[BaseModel]) -> list[str]:
    """Settings that are secrets by their names and declared as texts that anybody may read."""
    return [
        field.name
        for field in form_fields(model)
        if _CONFIDENTIAL.search(field.name) and field.type in ("text", "textarea")
    ]
