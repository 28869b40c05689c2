"""Words for people: Markdown to safe HTML, and translations with an explicit locale."""

import gettext
import re
import unicodedata
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

import nh3
from markdown_it import MarkdownIt

from hub.base.messages import N_ as N_

LANGUAGES = ("en", "de", "ru", "pl", "nl")

_markdown = MarkdownIt("js-default", {"html": False, "linkify": False, "breaks": True})
_TAGS = {
    *("p", "br", "strong", "em", "s", "code", "pre", "blockquote", "ul", "ol", "li", "a", "hr"),
    *("h1", "h2", "h3", "h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td"),
}
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
# Embeddings, overrides and isolates. The plain marks U+200E and U+200F stay: they turn only themselves.
_TURNS = re.compile(r"[\u202a-\u202e\u2066-\u2069]")


def markdown(text: str) -> str:
    """Safe HTML of what a person or a foreign system wrote; raw HTML is shown as text, images are links."""
    return nh3.clean(
        _markdown.render(text),
        tags=_TAGS,
        attributes={"a": {"href", "title"}},
        url_schemes={"http", "https", "mailto", "tel"},
        link_rel="noopener noreferrer nofollow",
    )


def clean(text: str) -> str:
    """Text as we keep it: line ends unified, control characters dropped, NFC, outer blanks cut."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return unicodedata.normalize("NFC", _CONTROL.sub("", text)).strip()


def one_line(text: str, limit: int = 200) -> str:
    """The first `limit` characters of a text on one line, cut with an ellipsis.

    A line stands among others, so nothing in it turns the reading direction of what follows.
    """
    line = " ".join(clean(_TURNS.sub("", text)).split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "\u2026"


def fold(text: str) -> str:
    """Text for comparing: case folded, accents dropped, blanks unified."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    return " ".join("".join(c for c in plain if not unicodedata.combining(c)).split())


def slug(text: str) -> str:
    """A name for addresses: lower-case ASCII letters, digits and dashes; may be empty."""
    ascii_text = fold(text).replace("ß", "ss").encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", ascii_text).strip("-")[:60]


@lru_cache(maxsize=len(LANGUAGES) + 1)
def translations(language: str) -> gettext.NullTranslations:
    """The catalogue of one language; English when it is unknown or not yet compiled."""
    return gettext.translation("hub", str(_catalogues()), [language], fallback=True)


def _catalogues() -> Path:
    return Path(str(files("hub"))) / "locale"


def translate(language: str, message: str, **values: object) -> str:
    """One message in one language, with its named values filled in."""
    text = translations(language).gettext(message)
    return text % values if values else text
