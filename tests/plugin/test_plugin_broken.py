"""A plugin that breaks, gives nothing or is odd in any other way is told about, and stops no command."""

import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, Field, SecretStr
from test_plugin_registry import GROUP, Settings, install, loaded, names, plugin, variant

from hub import hookimpl
from hub.plugin.registry import Registry, load


class Panic(BaseException):
    """As compiled extensions raise it."""


def stop() -> str:
    sys.exit(5)


class Leaving(BaseModel):
    folder: str = Field(default_factory=stop)


def _raise(error: BaseException) -> Any:
    raise error


def _guarded(name: str) -> Any:
    """Attribute access that breaks, whatever is asked."""
    return property(lambda self: _raise(Panic(name)))


HOSTILE = [
    {"settings_model": Leaving},
    {"__getattribute__": lambda self, name: _raise(Panic(name))},
    {"__getattribute__": lambda self, name: _raise(KeyboardInterrupt())},
    *({name: _guarded(name)} for name in ("name", "title", "kind", "calls_out", "capabilities")),
]


@pytest.mark.parametrize("changes", HOSTILE)
def test_a_connector_that_cannot_be_looked_at_is_left_out(changes: dict[str, Any]) -> None:
    registry = loaded(plugin(variant(**changes)), plugin(variant(name="fine")))
    assert names(registry) == ["fine"]
    [problem] = registry.problems()
    assert problem.plugin == "p0"
    assert "was left out" in problem.reason
    assert [info.state for info in registry.plugins()] == ["failed", "loaded"]
    assert registry.plugins()[0].reason


@pytest.mark.parametrize("error", [Panic("at the worst place"), KeyboardInterrupt(), GeneratorExit()])
def test_whatever_a_hook_raises_fails_its_plugin_alone(error: BaseException) -> None:
    def hub_connectors(register: object) -> None:
        raise error

    registry = loaded(types.SimpleNamespace(hub_connectors=hookimpl(hub_connectors)), plugin(variant()))
    assert names(registry) == ["good"]
    assert type(error).__name__ in registry.problems()[0].reason
    assert registry.plugins()[0].state == "failed"


def test_whatever_an_import_raises_fails_its_plugin_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(
        tmp_path,
        "broken",
        {
            "a_break": "raise KeyboardInterrupt",
            "b_panic": "class Panic(BaseException): ...\nraise Panic('x')",
            "c_good": "from test_plugin_registry import plugin, variant\n"
            "hub_connectors = plugin(variant()).hub_connectors",
        },
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    registry = load(GROUP)
    assert names(registry) == ["good"]
    assert [info.state for info in registry.plugins()] == ["failed", "failed", "loaded"]


def reason(registry: Registry) -> str:
    [problem] = registry.problems()
    [info] = registry.plugins()
    assert (info.state, info.connectors) == ("failed", ())
    assert info.reason == problem.reason
    return problem.reason


def unmarked(register: Callable[[object], None]) -> None:
    register(variant())


def listing() -> list[object]:
    return [variant()]


def test_a_plugin_that_gives_nothing_has_failed() -> None:
    assert "hookimpl" in reason(loaded(types.SimpleNamespace(hub_connectors=unmarked)))
    assert "call register" in reason(loaded(plugin()))
    assert "list" in reason(loaded(types.SimpleNamespace(hub_connectors=hookimpl(listing))))


def test_a_plugin_of_which_all_was_left_out_has_failed() -> None:
    assert "body limit" in reason(loaded(plugin(variant(body_limit=0))))


def test_it_is_said_who_has_the_name_already() -> None:
    registry = loaded(plugin(variant()), plugin(variant()))
    assert "The plugin p0 has already registered a connector named good." in registry.problems()[0].reason
    registry = loaded(plugin(variant(), variant()))
    assert "It has already registered a connector named good." in registry.problems()[0].reason
    assert registry.plugins()[0].state == "loaded"


def test_a_wrong_signature_is_told_with_the_right_one() -> None:
    def hub_connectors(register: object, database: object) -> None:
        """Wants too much."""

    registry = loaded(types.SimpleNamespace(hub_connectors=hookimpl(hub_connectors)))
    assert "database" in reason(registry)
    assert "hub_connectors(register)" in registry.problems()[0].advice
    assert "nstall" not in registry.problems()[0].advice


def test_names_and_reasons_of_any_length_are_told_in_short() -> None:
    long = "n" * 5000
    kind: Any = type(long, (), {})
    for thing in (variant(name=long), variant(title=long), variant(kind=long), kind(), long):
        [problem] = loaded(plugin(thing)).problems()
        assert len(problem.reason) < 1200
    assert loaded(plugin(variant(title="t" * 5000), variant(name="fine"))).connector("good") is None


class Open(BaseModel):
    url: str = ""
    api_token: str = ""
    password: str | None = None
    token_kind: str = ""
    secret: SecretStr = SecretStr("")


def test_a_password_that_would_be_shown_is_told_and_the_connector_works() -> None:
    registry = loaded(plugin(variant(settings_model=Open)))
    assert names(registry) == ["good"]
    assert registry.plugins()[0].state == "loaded"
    [problem] = registry.problems()
    assert "api_token, password" in problem.reason
    assert "token_kind" not in problem.reason
    assert "SecretStr" in problem.advice
    assert loaded(plugin(variant(settings_model=Settings))).problems() == ()
