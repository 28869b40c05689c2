"""Templates import what they use and nothing else."""

from pathlib import Path

import pytest
from jinja2 import Environment, nodes

ROOT = Path(__file__).parents[2] / "templates"
TEMPLATES = sorted(path.relative_to(ROOT).as_posix() for path in ROOT.rglob("*.html"))


@pytest.mark.parametrize("name", TEMPLATES)
def test_every_imported_macro_is_used(name: str) -> None:
    tree = Environment(extensions=["jinja2.ext.i18n"], autoescape=True).parse((ROOT / name).read_text())
    imported = {
        each if isinstance(each, str) else each[1]
        for found in tree.find_all(nodes.FromImport)
        for each in found.names
    }
    used = {found.name for found in tree.find_all(nodes.Name) if found.ctx == "load"}
    assert not imported - used
