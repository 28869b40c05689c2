"""How pages show times, sizes and texts: in the reader's language and zone; the zone is told once a page."""

from datetime import date, datetime, timedelta

from babel import Locale
from babel.dates import format_skeleton, format_timedelta
from flask import Flask
from markupsafe import Markup

from hub.base import clock
from hub.base.text import markdown
from hub.web.words import _, gettext_plain, language, ngettext_plain, zone

_SOON = timedelta(minutes=15)


def install(app: Flask) -> None:
    """Teach the templates their filters and the words of every language."""
    app.jinja_env.add_extension("jinja2.ext.i18n")
    app.jinja_env.install_gettext_callables(  # type: ignore[attr-defined]
        gettext_plain, ngettext_plain, newstyle=True
    )
    for made in (
        *(at_time, moment, full, iso, ago, left, overdue, soon, local_input),
        *(size, capital, labelled, text_html),
    ):
        app.jinja_env.filters[made.__name__] = made


def local(instant: datetime) -> datetime:
    """The instant on the reader's clock."""
    return clock.local(instant, zone())


def at_time(instant: datetime) -> str:
    """Hours and minutes, e.g. 14:05."""
    return f"{local(instant):%H:%M}"


def moment(instant: datetime | None) -> str:
    """As short as it can be said: 14:05, tomorrow 09:00, Tue 09:00, 27 Nov 09:00, 3 Mar 2025."""
    if instant is None:
        return ""
    there, today = local(instant), local(clock.now()).date()
    days = (there.date() - today).days
    if days == 0:
        return f"{there:%H:%M}"
    named = {1: _("tomorrow %(time)s"), -1: _("yesterday %(time)s")}
    if days in named:
        return named[days] % {"time": f"{there:%H:%M}"}
    if abs(days) < 7:
        return f"{_format(there, 'EEE')} {there:%H:%M}"
    if there.year == today.year:
        return f"{_format(there, 'MMMd')} {there:%H:%M}"
    return _format(there, "yMMMd")


def full(instant: datetime) -> str:
    """Date, time and zone, for where nothing may be left to guess."""
    there = local(instant)
    return f"{_format(there, 'yMMMEd')} {there:%H:%M:%S} {there.tzinfo}"


def iso(instant: datetime) -> str:
    """For the `datetime` attribute."""
    return clock.utc(instant).isoformat(timespec="seconds")


def day_heading(day: date) -> str:
    """\u201cToday, Monday 23 November\u201d; the year only when it is another one."""
    today = local(clock.now()).date()
    skeleton = "MMMMEEEEd" if day.year == today.year else "yMMMMEEEEd"
    words = _format(datetime(day.year, day.month, day.day), skeleton)  # noqa: DTZ001 - a date, no instant
    if day == today:
        return _("Today, %(day)s", day=words)
    if day == today - timedelta(days=1):
        return _("Yesterday, %(day)s", day=words)
    return words


def ago(instant: datetime) -> str:
    """How far away in words: in 8 minutes, 3 hours ago."""
    distance = instant - clock.now()
    return str(format_timedelta(distance, add_direction=True, locale=_locale(), threshold=1.2))


def left(instant: datetime) -> str:
    """What is left until then, or by how much it is over, in words."""
    distance = instant - clock.now()
    words = str(format_timedelta(abs(distance), locale=_locale(), threshold=1.2))
    return _("%(time)s left", time=words) if distance > timedelta(0) else _("%(time)s over", time=words)


def overdue(instant: datetime) -> bool:
    """Whether that time has passed."""
    return instant < clock.now()


def soon(instant: datetime) -> bool:
    """Whether that time is so near that one had better turn to it now."""
    return instant - clock.now() < _SOON


def local_input(instant: datetime | None) -> str:
    """For a field of type datetime-local."""
    return f"{local(instant):%Y-%m-%dT%H:%M}" if instant else ""


def size(count: int) -> str:
    """Bytes in the unit that people use; limits are powers of two, and 16 MB means those."""
    for unit, step in (("MB", 1024 * 1024), ("kB", 1024)):
        if count >= step:
            return f"{count / step:.0f} {unit}" if count >= 10 * step else f"{count / step:.1f} {unit}"
    return f"{count} B"


def labelled(text: str, label: str) -> str:
    """What is wrong with a field, after what the field is called; a question needs no colon."""
    return f"{label} {text}" if label.endswith(("?", ".", "!")) else f"{label}: {text}"


def capital(text: str | None) -> str:
    """A reason that a machine gave, as a sentence begins."""
    return text[:1].upper() + text[1:] if text else ""


def text_html(text: str | None) -> Markup:
    """What somebody wrote, as safe HTML."""
    return Markup(markdown(text or ""))  # noqa: S704 - markdown() cleans it


def _format(there: datetime, skeleton: str) -> str:
    return str(format_skeleton(skeleton, there, locale=_locale())).replace(",", "", 1)


def _locale() -> Locale:
    return Locale.parse("en_GB" if language() == "en" else language())
