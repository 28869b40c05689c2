"""Every text of the pages goes through gettext, and the catalogues are fresh and complete."""

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import jinja2
import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po

ROOT = Path(__file__).parents[2]
LOCALE = ROOT / "hub" / "locale"
PAGES = [
    path
    for path in sorted(ROOT.glob("templates/**/*.html"))
    if "style" not in path.parts and path.name != "style.html"
]
SPOKEN = {"alt", "title", "placeholder", "aria-label", "aria-description"}
KEYWORDS = ["-k", "N_", "-k", "_", "-k", "ngettext:1,2"]
NAMES = {"Ctrl", "Contact Hub"}
EXPRESSION = "jinjaexpression"
SILENT = {"trans", "page_class", "width"}
"""What is translated as a whole, and blocks that hold classes."""
ATTRIBUTE = re.compile(r"[\w-]+=\"[^\"]*\"?>?|\b(?:required|disabled|checked|selected|hidden)\b")


def catalogue(path: Path) -> Catalog:
    with path.open("rb") as file:
        return read_po(file)


def ids(found: Catalog) -> set[str]:
    return {str(message.id) for message in found if message.id}


def test_the_template_of_catalogues_is_fresh(tmp_path: Path):
    fresh = tmp_path / "hub.pot"
    babel = [sys.executable, "-m", "babel.messages.frontend", "--quiet", "extract", "-F", "pyproject.toml"]
    subprocess.run([*babel, *KEYWORDS, "-o", str(fresh), "."], cwd=ROOT, check=True)
    missing = ids(catalogue(fresh)) ^ ids(catalogue(LOCALE / "hub.pot"))
    assert missing == set(), "run `make messages`"


@pytest.mark.parametrize("path", sorted(LOCALE.glob("*/LC_MESSAGES/hub.po")), ids=lambda path: path.parts[-3])
def test_catalogues_are_complete(path: Path):
    wanted = ids(catalogue(LOCALE / "hub.pot"))
    done = {str(message.id) for message in catalogue(path) if message.string and not message.fuzzy}
    assert wanted - done == set()


class Spoken(HTMLParser):
    """Collects what a reader would see or hear of a template's own text."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._silent += tag in ("script", "style")
        self.found += [value for name, value in attrs if name in SPOKEN and value]

    def handle_endtag(self, tag: str) -> None:
        self._silent -= tag in ("script", "style")

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.found.append(data)


def own_text(path: Path) -> str:
    """The template without its Jinja parts, each replaced by one mark."""
    text, words, blocks = "", [], []
    for _line, kind, value in jinja2.Environment().lex(path.read_text(encoding="utf-8")):
        if kind == "block_begin":
            words = []
        elif kind == "name":
            words.append(value)
        elif kind == "block_end":
            blocks = nested(blocks, words)
        elif kind == "data":
            text += EXPRESSION if SILENT & set(blocks) else value
        elif kind == "variable_end":
            text += EXPRESSION
    return text


def nested(blocks: list[str], words: list[str]) -> list[str]:
    """The blocks that are open after one more tag: `trans`, or the name of a `block`."""
    match words:
        case ["trans", *_]:
            return [*blocks, "trans"]
        case ["block", name, *_]:
            return [*blocks, name]
        case ["endtrans" | "endblock", *_]:
            return blocks[:-1]
    return blocks


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_templates_speak_through_gettext(path: Path):
    parser = Spoken()
    parser.feed(own_text(path))
    # A macro may hold nothing but attributes.
    texts = [ATTRIBUTE.sub("", found.replace(EXPRESSION, " ")) for found in parser.found]
    assert [text for text in texts if re.search(r"[^\W\d_]{2,}", text) and text.strip() not in NAMES] == []
