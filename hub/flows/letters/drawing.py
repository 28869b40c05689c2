"""From a letter's parts to text and HTML. The HTML is for old mail programs: tables and inline style."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_skeleton
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

import hub
from hub.base import clock
from hub.base.text import markdown, translate, translations


@dataclass(frozen=True, slots=True)
class Letter:
    """What a mail says, in the reader's language. `quote` is what somebody wrote, as Markdown.

    `rows` are pairs of a name and a value; `action` and `link` are the one thing to press; `reach` is how
    the reader gets hold of somebody (name, phone, e-mail; empty where unknown).
    """

    language: str
    provider: str
    colour: str
    number: str
    heading: str
    lead: str = ""
    quote: str = ""
    rows: tuple[tuple[str, str], ...] = ()
    next_step: str = ""
    next_update: str = ""
    action: str = ""
    link: str = ""
    reach: tuple[str, str, str] = ("", "", "")
    reason: str = ""
    answerable: bool = True


def as_text(letter: Letter) -> str:
    """The plain part."""
    return _environment(letter.language).get_template("mail/letter.txt").render(letter=letter).strip() + "\n"


def as_html(letter: Letter) -> str:
    """The HTML part; everything that people wrote is escaped or cleaned."""
    template = _environment(letter.language).get_template("mail/letter.html")
    return template.render(letter=letter, ink=_ink(letter.colour))


def moment(instant: datetime, zone: str, language: str) -> str:
    """A time as a reader needs it: weekday, date, time, and the zone that it is in."""
    there = clock.local(instant, ZoneInfo(zone))
    day = format_skeleton("yMMMEd", there, locale=Locale.parse("en_GB" if language == "en" else language))
    # Some languages put a comma after the weekday; one before the time is enough.
    return f"{str(day).replace(',', '', 1)}, {there:%H:%M} {there:%Z}"


def speaking(language: str) -> Callable[..., str]:
    """`translate` bound to one language."""
    return lambda message, **values: translate(language, message, **values)


@lru_cache(maxsize=16)
def _environment(language: str) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_folder()),
        extensions=["jinja2.ext.i18n"],
        autoescape=select_autoescape(("html",)),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.install_gettext_translations(translations(language), newstyle=True)  # type: ignore[attr-defined]
    environment.filters["markdown"] = lambda text: Markup(markdown(text))  # noqa: S704 - markdown() cleans it
    return environment


def _folder() -> Path:
    """The templates, which a wheel carries inside `hub` and a checkout beside it."""
    package = Path(str(hub.__file__)).parent
    inside = package / "templates"
    return inside if inside.is_dir() else package.parent / "templates"


def _ink(colour: str) -> str:
    """Black or white, whichever is easier to read on a colour (WCAG 2.2, relative luminance)."""
    channels = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    luminance = sum(part * share for part, share in zip(linear, (0.2126, 0.7152, 0.0722), strict=True))
    return "#ffffff" if 1.05 / (luminance + 0.05) >= (luminance + 0.05) / 0.05 else "#000000"
