"""The plugin guide tells the truth: its example runs, and every hook, capability and error stands in it."""

import inspect
import re
import sys
import types
import typing
from pathlib import Path
from typing import Any

import pluggy
import pytest

from hub.plugin import contracts, hookspecs
from hub.plugin.contracts import CAPABILITIES, Connector
from hub.plugin.registry import load

GUIDE = (Path(__file__).parents[2] / "docs" / "plugins.md").read_text()


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


class TestTheExample(suite.TestTicketbox):  # type: ignore[misc]
    """The example's own test, collected here: it passes as the reader would run it."""


def test_the_example_is_loaded_as_a_plugin() -> None:
    registry = load("no.such.group", extra=[("ticketbox", plugin)])
    assert registry.problems() == ()
    assert [connector.title for connector in registry.connectors("itsm")] == ["Ticketbox"]


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
