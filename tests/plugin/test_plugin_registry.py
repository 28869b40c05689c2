"""Loading plugins: a broken one is a sentence on the health page, and the others never notice."""

import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from hub import hookimpl
from hub.plugin.contracts import Connector, Ctx, Incoming, Parsed, Reconciled
from hub.plugin.registry import Registry, load

GROUP = "contact_hub_test.plugins"


class Settings(BaseModel):
    url: str


class Good(Connector[Settings]):
    name = "good"
    kind = "monitoring"
    title = "Good"
    capabilities = frozenset({"parse"})
    settings_model = Settings

    def parse(self, settings: Settings, incoming: Incoming) -> Parsed:
        return Parsed()


def variant(**changes: Any) -> Connector[Any]:
    """The good connector with some declarations changed."""
    kind: type[Connector[Any]] = type("Variant", (Good,), changes)
    return kind()


def plugin(*connectors: object, hook: str = "hub_connectors") -> types.SimpleNamespace:
    """A plugin that registers these."""

    def hub_connectors(register: Callable[[object], None]) -> None:
        for connector in connectors:
            register(connector)

    hub_connectors.__name__ = hook
    return types.SimpleNamespace(**{hook: hookimpl(hub_connectors)})


def loaded(*plugins: object, blocked: tuple[str, ...] = ()) -> Registry:
    """A registry of these plugins, named p0, p1 ..., and no installed ones."""
    return load("no.such.group", blocked, [(f"p{number}", one) for number, one in enumerate(plugins)])


def names(registry: Registry) -> list[str]:
    return [connector.name for connector in registry.connectors()]


def test_connectors_are_found_by_name_and_kind() -> None:
    class Crm(Connector[Settings]):
        name = "acrm"
        kind = "crm"
        title = "A CRM"
        capabilities = frozenset({"parse"})
        settings_model = Settings
        parse = Good.parse  # type: ignore[assignment]

    registry = loaded(plugin(Good(), Crm()))
    assert registry.problems() == ()
    assert names(registry) == ["acrm", "good"]
    assert [connector.name for connector in registry.connectors("crm")] == ["acrm"]
    good = registry.connector("good")
    assert isinstance(good, Good)
    assert registry.connector("missing") is None
    [info] = registry.plugins()
    assert (info.name, info.state, info.reason, info.connectors) == ("p0", "loaded", "", ("good", "acrm"))


def test_a_hook_that_raises_takes_only_its_own_plugin_with_it() -> None:
    def hub_connectors(register: Callable[[object], None]) -> None:
        register(variant(name="half"))
        raise RuntimeError("no config file")

    bad = types.SimpleNamespace(hub_connectors=hookimpl(hub_connectors))
    registry = loaded(plugin(variant(name="first")), bad, plugin(variant(name="last")))
    assert names(registry) == ["first", "last"]
    [problem] = registry.problems()
    assert problem.plugin == "p1"
    assert "RuntimeError: no config file" in problem.reason
    assert problem.advice
    assert [info.state for info in registry.plugins()] == ["loaded", "failed", "loaded"]


def test_a_hook_with_an_argument_that_does_not_exist_fails_its_plugin() -> None:
    def hub_connectors(register: object, database: object) -> None:
        """Wants too much."""

    registry = loaded(types.SimpleNamespace(hub_connectors=hookimpl(hub_connectors)), plugin(Good()))
    assert names(registry) == ["good"]
    assert "database" in registry.problems()[0].reason


def test_a_hook_may_leave_arguments_out() -> None:
    called = []

    def hub_connectors() -> None:
        called.append(True)

    loaded(types.SimpleNamespace(hub_connectors=hookimpl(hub_connectors)))
    assert called == [True]


def test_an_unknown_hook_is_reported_and_the_rest_of_the_plugin_works() -> None:
    both = plugin(Good())
    both.hub_conectors = plugin(hook="hub_conectors").hub_conectors
    registry = loaded(both)
    assert names(registry) == ["good"]
    [problem] = registry.problems()
    assert "hub_conectors, which this hub does not have" in problem.reason


def test_a_wrapper_is_reported_because_it_would_never_run() -> None:
    @hookimpl(wrapper=True)
    def hub_connectors(register: object) -> Any:
        return (yield)

    [problem] = loaded(types.SimpleNamespace(hub_connectors=hub_connectors)).problems()
    assert "wrappers are never called" in problem.reason


def test_the_first_of_two_connectors_of_one_name_stays() -> None:
    first = Good()
    registry = loaded(plugin(first), plugin(Good(), variant(name="other")))
    assert registry.connector("good") is first
    assert names(registry) == ["good", "other"]
    assert "already registered a connector named good" in registry.problems()[0].reason


def test_a_blocked_plugin_is_not_called() -> None:
    registry = loaded(plugin(Good()), plugin(variant(name="other")), blocked=("p0",))
    assert names(registry) == ["other"]
    assert registry.plugins()[0].state == "blocked"
    assert registry.problems() == ()


def test_two_plugins_of_one_name() -> None:
    registry = load(
        "no.such.group", extra=[("twin", plugin(Good())), ("twin", plugin(variant(name="other")))]
    )
    assert names(registry) == ["good"]
    assert "Two plugins are named twin" in registry.problems()[0].reason


class Nested(BaseModel):
    inner: Settings


def accounts_without_cursor(self: object, ctx: Ctx[Settings]) -> Reconciled:
    raise NotImplementedError


BAD = [
    ({"name": "Bad Name"}, "The name 'Bad Name' must be"),
    ({"name": 7}, "The name 7 must be"),
    ({"title": " "}, "title"),
    ({"kind": "toaster"}, "The kind 'toaster' is none of monitoring"),
    ({"kind": []}, ""),
    ({"capabilities": ["parse"]}, "frozenset"),
    ({"capabilities": frozenset()}, "at least one"),
    ({"capabilities": frozenset({"parse", "fly"})}, "cannot have the capability 'fly'"),
    ({"capabilities": frozenset({"parse", "open"})}, "cannot have the capability 'open'"),
    ({"capabilities": frozenset({"parse", "verify"})}, "declares 'verify' and has no method"),
    ({"verify": lambda self, settings, incoming: True}, "does not declare it"),
    (
        {"reconcile": accounts_without_cursor, "capabilities": frozenset({"parse", "reconcile"})},
        "cannot be called with (ctx, cursor)",
    ),
    ({"settings_model": dict}, "pydantic.BaseModel"),
    ({"settings_model": Nested}, "no form can show"),
    ({"status_map": {"open": "fixed"}}, "translates 'open' to 'fixed'"),
    ({"status_map": 3}, ""),
    ({"body_limit": 0}, "body limit"),
]


@pytest.mark.parametrize(("changes", "reason"), BAD)
def test_a_connector_with_bad_declarations_is_left_out(changes: dict[str, Any], reason: str) -> None:
    registry = loaded(plugin(variant(**changes), variant(name="fine")))
    assert names(registry) == ["fine"]
    assert reason in registry.problems()[0].reason
    assert registry.plugins()[0].connectors == ("fine",)


class Undeclared(Connector[Settings]):
    name = "undeclared"


@pytest.mark.parametrize("thing", [None, "good", Good, Undeclared()])
def test_something_that_is_no_connector_is_left_out(thing: object) -> None:
    registry = loaded(plugin(thing, Good()))
    assert names(registry) == ["good"]
    assert len(registry.problems()) == 1


def install(directory: Path, distribution: str, modules: dict[str, str]) -> None:
    """Put modules and their entry points on the path as an installed distribution would."""
    info = directory / f"{distribution}-1.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.2\n")
    points = "\n".join(f"{name} = {distribution}_{name}" for name in modules)
    (info / "entry_points.txt").write_text(f"[{GROUP}]\n{points}\n")
    for name, source in modules.items():
        (directory / f"{distribution}_{name}.py").write_text(source)


def test_installed_plugins_are_imported_one_by_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    good = (
        "from test_plugin_registry import Good, variant, plugin\nhub_connectors = plugin({}).hub_connectors\n"
    )
    install(
        tmp_path,
        "sample",
        {
            "a_missing": "import a_library_that_is_not_there",
            "b_syntax": "def (",
            "c_exits": "import sys; sys.exit('bye')",
            "d_good": good.format("Good()"),
            "e_blocked": "raise AssertionError('imported all the same')",
            "f_good": good.format("variant(name='other')"),
        },
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    registry = load(GROUP, blocked={"e_blocked"})
    assert names(registry) == ["good", "other"]
    states = {info.name: (info.state, info.version) for info in registry.plugins()}
    assert states == {
        "a_missing": ("failed", "1.2"),
        "b_syntax": ("failed", "1.2"),
        "c_exits": ("failed", "1.2"),
        "d_good": ("loaded", "1.2"),
        "e_blocked": ("blocked", "1.2"),
        "f_good": ("loaded", "1.2"),
    }
    reasons = {problem.plugin: problem.reason for problem in registry.problems()}
    assert "a_library_that_is_not_there" in reasons["a_missing"]
    assert "SyntaxError" in reasons["b_syntax"]
    assert "SystemExit: bye" in reasons["c_exits"]


def test_the_hubs_own_plugins_come_before_foreign_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = (
        "from test_plugin_registry import variant, plugin\n"
        "hub_connectors = plugin(variant(title={!r})).hub_connectors\n"
    )
    install(tmp_path, "aaa", {"aaa": module.format("foreign")})
    install(tmp_path, "contact-hub", {"zzz": module.format("ours")})
    (tmp_path / "contact-hub_zzz.py").rename(tmp_path / "zzz_ours.py")
    points = tmp_path / "contact-hub-1.2.dist-info" / "entry_points.txt"
    points.write_text(f"[{GROUP}]\nzzz = zzz_ours\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    registry = load(GROUP)
    good = registry.connector("good")
    assert good is not None
    assert good.title == "ours"
    assert registry.problems()[0].plugin == "aaa"
