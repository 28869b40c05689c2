"""The plugin guide tells the truth: its example runs, and every hook, capability and error stands in it."""

import inspect
import re
import sys
import tomllib
import types
import typing
from pathlib import Path
from typing import Any

import pluggy
import pytest

import hub
from hub.plugin import contracts, hookspecs
from hub.plugin.contracts import CAPABILITIES, Connector
from hub.plugin.contracts.text import Key, Line
from hub.plugin.registry import GROUP, load

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs" / "plugins.md").read_text()
PYPROJECT = ROOT / "pyproject.toml"


def example(name: str) -> types.ModuleType:
    """The example of that file name, as a module that can be imported."""
    block = re.search(rf"```python\n# {name}\.py\n(.*?)```", GUIDE, re.DOTALL)
    assert block, f"the guide has no example {name}.py"
    module = types.ModuleType(name)
    sys.modules[name] = module
    exec(compile(block[1], f"docs/plugins.md:{name}.py", "exec"), module.__dict__)
    return module


plugin: Any = example("contact_hub_ticketbox")
suite: Any = example("test_ticketbox")
monitor: Any = example("contact_hub_pinger")
monitor_suite: Any = example("test_pinger")


@pytest.mark.slow
class TestTheExample(suite.TestTicketbox):  # type: ignore[misc]
    """The example's own test, collected here: it passes as the reader would run it."""


@pytest.mark.slow
class TestTheMonitor(monitor_suite.TestPinger):  # type: ignore[misc]
    """The smaller one's suite; its other test stands below."""


test_what_the_smaller_one_says_of_a_check = monitor_suite.test_what_it_says_of_a_check


def test_the_examples_are_loaded_as_plugins() -> None:
    registry = load("no.such.group", extra=[("ticketbox", plugin), ("pinger", monitor)])
    assert registry.problems() == ()
    titles = [connector.title for kind in ("itsm", "monitoring") for connector in registry.connectors(kind)]
    assert titles == ["Ticketbox", "Pinger"]


def test_the_examples_package_fits_the_example_and_this_hub() -> None:
    block = re.search(r"```toml\n# pyproject\.toml\n(.*?)```", GUIDE, re.DOTALL)
    assert block
    package = tomllib.loads(block[1])
    project, ours = package["project"], tomllib.loads(PYPROJECT.read_text())["project"]
    (module,) = project["entry-points"][GROUP].values()
    assert package["tool"]["hatch"]["build"]["targets"]["wheel"]["only-include"] == [f"{module}.py"]
    assert module == plugin.__name__
    series = ".".join(hub.__version__.split(".")[:2])
    assert project["dependencies"] == [f"{ours['name']}>={series},<0.{int(series.split('.')[1]) + 1}"]
    assert project["optional-dependencies"]["test"] == [f"{ours['name']}[testing]"]
    assert ours["optional-dependencies"]["testing"]


@pytest.mark.parametrize("kind", [Key, Line])
def test_the_limits_of_texts_are_told_as_they_are(kind: Any) -> None:
    [length] = kind.__metadata__
    word = {Key: "a key has at most", Line: "a line"}[kind]
    assert f"{word} {length.most}" in " ".join(GUIDE.split())


def test_the_limit_of_a_signals_key_is_told_where_it_is_declared() -> None:
    [length] = Key.__metadata__  # type: ignore[attr-defined]
    assert f"at most {length.most} characters" in (contracts.SignalEvent.__doc__ or "")


def hooks() -> dict[str, Any]:
    manager = pluggy.PluginManager("contact_hub")
    names = [n for n, f in vars(hookspecs).items() if manager.parse_hookspec_opts(hookspecs, n) is not None]
    return {name: getattr(hookspecs, name) for name in names}


@pytest.mark.parametrize("name", hooks())
def test_every_hook_is_documented_with_its_exact_arguments(name: str) -> None:
    hook = hooks()[name]
    arguments = ", ".join(inspect.signature(hook).parameters)
    section = re.search(rf"### `{name}\(([^)]*)\)`\n\n(Since \d+\.\d+)", GUIDE)
    assert section, f"docs/plugins.md has no section for the hook {name}"
    assert section[1] == arguments
    assert section[2] in hook.__doc__
    assert typing.get_type_hints(hook).keys() == {*inspect.signature(hook).parameters, "return"}


def test_no_hook_is_documented_that_does_not_exist() -> None:
    assert set(re.findall(r"### `(hub_\w+)\(", GUIDE)) == set(hooks())


@pytest.mark.parametrize("capability", sorted(frozenset().union(*CAPABILITIES.values())))
def test_every_capability_is_documented_with_its_exact_arguments(capability: str) -> None:
    signature = inspect.signature(getattr(Connector, capability))
    arguments = [
        name if parameter.default is inspect.Parameter.empty else f"{name}={parameter.default}"
        for name, parameter in signature.parameters.items()
        if name != "self"
    ]
    kinds = [kind for kind, offered in CAPABILITIES.items() if capability in offered]
    shown = "all" if len(kinds) == len(CAPABILITIES) else ", ".join(kinds)
    assert f"| `{capability}` | {shown} | `{capability}({', '.join(arguments)})` |" in GUIDE


@pytest.mark.parametrize("name", ["RetryLater", "Rejected", "AuthFailed", "OutcomeUnknown", "BadBody"])
def test_every_error_is_documented_with_its_exact_arguments(name: str) -> None:
    signature = inspect.signature(getattr(contracts, name).__init__)
    arguments = [
        argument if parameter.default is inspect.Parameter.empty else f"{argument}={parameter.default!r}"
        for argument, parameter in signature.parameters.items()
        if argument != "self"
    ]
    assert f"| `{name}({', '.join(arguments)})` |".replace("''", '""') in GUIDE


def test_every_declaration_is_documented() -> None:
    declared = set(typing.get_type_hints(Connector))
    assert {name for name in declared if f"| `{name}` |" in GUIDE} == declared
