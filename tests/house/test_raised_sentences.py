"""What verbs raise is shown on pages: every such sentence is a message of the catalogue, with its facts."""

import ast
import importlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from babel.messages.pofile import read_po

from hub.base import errors

ROOT = Path(__file__).parents[2]
ROOMS = ("base", "plugin", "domain", "flows")
FILES = [path for room in ROOMS for path in sorted((ROOT / "hub" / room).rglob("*.py"))]
RAISED = {
    name
    for name, value in vars(errors).items()
    if isinstance(value, type) and issubclass(value, errors.HubError)
}
TOLD = {"needed": 2, "one_line": 2}
"""Checks that raise a sentence which their caller hands them, and where it stands."""
FOREIGN = {"reason", "message"}
"""Attributes and arguments that hold somebody else's words: a connector's, or those of a checked caller."""
FACT = re.compile(r"%\((\w+)\)")


@dataclass(frozen=True)
class Raise:
    """One sentence that is raised: where, the expression, and the facts given to it."""

    path: Path
    line: int
    said: ast.expr
    facts: frozenset[str]
    function: ast.AST | None

    def __str__(self) -> str:
        return f"{self.path.relative_to(ROOT)}:{self.line}: {ast.unparse(self.said)}"


def collected() -> set[str]:
    with (ROOT / "hub" / "locale" / "hub.pot").open("rb") as file:
        return {str(message.id) for message in read_po(file) if message.id}


def raises(path: Path) -> Iterator[Raise]:
    tree = ast.parse(path.read_text())
    owners = {
        inner: outer
        for outer in ast.walk(tree)
        if isinstance(outer, ast.FunctionDef)
        for inner in ast.walk(outer)
    }
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        place = _place(call, path)
        if place is not None and len(call.args) > place:
            facts = frozenset(word.arg for word in call.keywords if word.arg)
            yield Raise(path, call.lineno, call.args[place], facts, owners.get(call))


def _place(call: ast.Call, path: Path) -> int | None:
    match call.func:
        case ast.Name(id=name) if name in RAISED:
            return 0
        case ast.Attribute(value=ast.Name(id=name), attr="field") if name in RAISED:
            return 1
        case ast.Name(id=name) if name in TOLD and "cases" in path.parts:
            return TOLD[name]
    return None


def messages(found: Raise) -> list[str] | None:
    """The messages that an expression may stand for; None for somebody else's words."""
    match found.said:
        case ast.Call(func=ast.Name(id="N_" | "_"), args=[ast.Constant(value=str(text))]):
            return [text]
        case ast.Constant(value=""):  # never raised: the caller has looked that there is a text
            return None
        case ast.Name(id=name):
            return _named(found, name)
        case ast.Subscript(value=ast.Name(id=name)) if hasattr(_module(found.path), name):
            return list(getattr(_module(found.path), name).values())
        case ast.Attribute(value=ast.Name(id=module), attr=name) if name not in FOREIGN:
            return [getattr(getattr(_module(found.path), module), name)]
        case ast.Attribute() | ast.Call(func=ast.Name(id="str")) | ast.Subscript():
            return None
    return ["?"]


def _named(found: Raise, name: str) -> list[str] | None:
    """A variable of the function, one of the module, or an argument that hands on a caller's words."""
    for node in ast.walk(found.function) if found.function else ():
        match node:
            case ast.Assign(targets=[ast.Name(id=target)], value=value) if target == name:
                return messages(Raise(found.path, found.line, value, found.facts, None))
            case ast.arg(arg=argument) if argument == name:
                return None if name in FOREIGN else ["?"]
    return [getattr(_module(found.path), name)]


def _module(path: Path) -> Any:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return importlib.import_module(".".join(part for part in parts if part != "__init__"))


ALL = [found for path in FILES for found in raises(path)]


def test_raised_sentences_are_found():
    assert len(ALL) > 120


@pytest.mark.parametrize("found", ALL, ids=str)
def test_a_raised_sentence_is_collected_and_gets_its_facts(found: Raise):
    for message in messages(found) or ():
        assert message in collected(), "mark it with N_, give its facts by name, and run `make messages`"
        assert set(FACT.findall(message)) == found.facts


@pytest.mark.parametrize("name", sorted(RAISED))
def test_the_title_of_every_error_is_collected(name: str):
    assert getattr(errors, name).title in collected()
