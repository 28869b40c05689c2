"""docs/operations.md lists every setting with its kind, default and help, and none that does not exist."""

import re
from dataclasses import fields
from pathlib import Path
from typing import Any

from hub.cli import COMMANDS
from hub.config import Settings, variable

PAGE = Path(__file__).parents[2] / "docs" / "operations.md"
ROW = re.compile(r"^\| `(HUB_[A-Z_]+)` \| `(\w+)` \| ([\w/]+) \| (.+?) \| (.+?) \|$", re.MULTILINE)
KINDS: dict[Any, str] = {str: "text", int: "number", bool: "yes/no", tuple[str, ...]: "list"}


def shown(value: object) -> str:
    if value in ("", ()):
        return "(empty)"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def test_the_page_and_the_settings_say_the_same():
    documented = ROW.findall(PAGE.read_text(encoding="utf-8"))
    real = [
        (variable(item.name), item.name, KINDS[item.type], shown(item.default), item.metadata["help"])
        for item in fields(Settings)
    ]
    assert documented == real


def test_every_setting_has_a_help_that_is_a_sentence():
    for item in fields(Settings):
        assert re.fullmatch(r"[A-Z].+\.", item.metadata["help"]), item.name


def test_every_command_is_documented():
    page = PAGE.read_text(encoding="utf-8")
    documented = set(re.findall(r"^\| `hub (\w+)", page, re.MULTILINE))
    assert documented == set(COMMANDS)
