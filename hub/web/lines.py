"""A page of the timeline made ready to be drawn: days, sentences with links, texts, files."""

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from itertools import groupby
from typing import Any

from markupsafe import Markup, escape
from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.base.text import translations
from hub.domain import reading
from hub.domain.attachments import Attachment
from hub.domain.cases import OPEN_STATES, Case
from hub.domain.kinds import ANY_NEWS, NEWS, WORDS, Kind, message_of
from hub.domain.reading import Line
from hub.web.filters import day_heading, local, size, text_html
from hub.web.state_words import CHANNELS, DUTIES
from hub.web.words import _, language

LATE = timedelta(minutes=10)
CaseLink = Callable[[str], str]
FileLink = Callable[[uuid.UUID, str | None], str]
LineLink = Callable[[str, int], str]
_BOLD = frozenset({"person", "team", "source", "title", "name"})
FACT_WORDS = frozenset({"state", "priority", "severity", "what", "way", "roles"})
_SPEAKS = frozenset({"staff", "customer", "team"})
_OURS = frozenset({Kind.NOTE, Kind.CALL_LOGGED})
_TEAMS = frozenset({Kind.ORDER_MESSAGE, Kind.ORDER_STATE})


@dataclass(frozen=True, slots=True)
class Shown:
    """One entry as the page draws it; `opened` are the details that were asked for under it.

    `publish` leads to the composer that tells the customer of it, `source` to the line it was made from.
    """

    line: Line
    sentence: Markup
    body: Markup | str
    foot: str
    late: bool
    case_number: str | None
    files: list[tuple[str, str, str]]
    publish: str | None
    source: str | None
    opened: list["Shown"] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Day:
    """The entries of one local day, newest first."""

    heading: str
    entries: list[Shown]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the lines of a page refer to: numbers of cases, files by entry, and how to link to them.

    `answerable` are the cases on which the customer may be answered. Only the desk gives `publish_link` and
    `source_link`, which take a case's number and a line of it.
    """

    numbers: Mapping[uuid.UUID, str]
    files: Mapping[int, list[Any]]
    case_link: CaseLink
    file_link: FileLink
    own: str | None = None
    answerable: frozenset[uuid.UUID] = frozenset()
    publish_link: LineLink | None = None
    source_link: LineLink | None = None


def around(
    session: Session,
    account_id: uuid.UUID,
    lines: Sequence[Line],
    lens: str,
    case_link: CaseLink,
    file_link: FileLink,
) -> Surroundings:
    """Look up what some lines refer to, in two statements for any number of lines."""
    cases = {line.case_id for line in lines if line.case_id}
    query = select(Case.id, Case.number, Case.state).where(Case.account_id == account_id, Case.id.in_(cases))
    found = session.execute(query).all()
    numbers = {row.id: row.number for row in found}
    answerable = frozenset(row.id for row in found if row.state in OPEN_STATES)
    wanted = select(Attachment.id, Attachment.entry_seq, Attachment.name, Attachment.size).where(
        Attachment.account_id == account_id, Attachment.entry_seq.in_([line.seq for line in lines])
    )
    if lens == "customer":
        wanted = wanted.where(Attachment.audience == "customer")
    files: dict[int, list[Any]] = {}
    for row in session.execute(wanted.order_by(Attachment.id)):
        files.setdefault(row.entry_seq, []).append(row)
    return Surroundings(numbers, files, case_link, file_link, answerable=answerable)


def days(
    lines: Sequence[Line], there: Surroundings, opened: Mapping[int, Sequence[Line]] | None = None
) -> list[Day]:
    """The lines by the reader's days, each made ready; `opened` holds details by the position above them."""
    shown = [_shown(line, there, (opened or {}).get(line.position, ())) for line in lines]
    return [Day(day_heading(day), list(group)) for day, group in groupby(shown, key=_day)]


def _day(entry: Shown) -> date:
    return local(entry.line.recorded_at).date()


def _shown(line: Line, there: Surroundings, opened: Sequence[Line]) -> Shown:
    number = there.numbers.get(line.case_id) if line.case_id else None
    return Shown(
        line=line,
        sentence=_sentence(line, number, there),
        body="" if line.erased else text_html(line.body) if line.body else "",
        foot=_foot(line),
        late=line.recorded_at - line.occurred_at > LATE,
        case_number=None if number in (None, there.own) or (number or "") in line.sentence else number,
        files=[
            (there.file_link(item.id, number), item.name, size(item.size))
            for item in there.files.get(line.seq, ())
        ],
        publish=_publish(line, number, there),
        source=_source(line, number, there),
        opened=[_shown(detail, there, ()) for detail in opened],
    )


def _publish(line: Line, number: str | None, there: Surroundings) -> str | None:
    """Where the customer is told of what a team or one of us said, while they can be."""
    said = line.kind in _OURS or (line.kind in _TEAMS and line.direction != "out")
    if not said or line.audience != "staff" or line.erased or not line.body:
        return None
    if number is None or there.publish_link is None or line.case_id not in there.answerable:
        return None
    return there.publish_link(number, line.seq)


def _source(line: Line, number: str | None, there: Surroundings) -> str | None:
    """Where the line stands that a published one was made from."""
    if line.kind != Kind.PUBLISHED or line.source_seq is None or number is None or there.source_link is None:
        return None
    return there.source_link(number, line.source_seq)


def _foot(line: Line) -> str:
    """Who did it, where the sentence does not say so, and by which way."""
    said = line.actor_kind not in _SPEAKS or line.actor_name in line.sentence
    who = "" if said else line.actor_name
    return " \u00b7 ".join(part for part in (who, _way(line)) if part)


def _way(line: Line) -> str:
    """How it came, in words. Of what we publish only that is said: by which ways it reached whom is in the
    details, once it has."""
    if line.channel == "portal" and line.direction == "out":
        return _("published")
    if line.channel in CHANNELS:
        return _(CHANNELS[line.channel])
    via = line.data.get("via") or line.channel
    return _("by %(name)s", name=via) if via else ""


class _Facts(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return "\u2026"


def _sentence(line: Line, number: str | None, there: Surroundings) -> Markup:
    """The sentence in the reader's language, its facts escaped, linked and in words."""
    message = message_of(line.kind, line.data)
    if line.erased or message is None:
        return escape(line.sentence)
    facts = _Facts({key: _fact(key, value, number, there) for key, value in line.data.items()})
    return Markup(escape(translations(language()).gettext(message))) % facts  # noqa: S704 - facts are escaped


def _fact(key: str, value: Any, number: str | None, there: Surroundings) -> Any:
    if key == "role" and isinstance(value, str):
        return _(DUTIES.get(value, value))
    if key in FACT_WORDS:
        return _in_words(value)
    if key == "news":
        return _news(str(value), number, there)
    if key == "number" and number == value:
        return Markup('<a class="case" href="{}">{}</a>').format(there.case_link(str(value)), value)
    if key == "order" and number is not None:
        link = f"{there.case_link(number)}#{value}"
        return Markup('<a class="case" href="{}">{}</a>').format(link, value)
    if key in _BOLD:
        return Markup("<b>{}</b>").format(value)
    return value


def _news(event: str, number: str | None, there: Surroundings) -> Markup:
    """What somebody was told of, in words, with the case as a link."""
    message = escape(translations(language()).gettext(NEWS.get(event, ANY_NEWS)))
    case = _fact("number", number, number, there) if number else ""
    return Markup(message) % {"number": case}  # noqa: S704 - the message is escaped, the number by `_fact`


def _in_words(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(_in_words(item) for item in value)
    return _(WORDS.get(str(value), str(value)))


def unfolded(
    session: Session, account_id: uuid.UUID, page: reading.Page, view: reading.View, position: int | None
) -> dict[int, list[Line]]:
    """The entries that a page left out below one of its lines, when asked for: at most one statement."""
    at = next((i for i, line in enumerate(page.lines) if line.position == position and line.folded), None)
    if at is None:
        return {}
    above = page.lines[at].position
    below = page.lines[at + 1].position if at + 1 < len(page.lines) else above - page.lines[at].folded - 1
    stretch = replace(view, before=above, after=max(below, 0), headlines=False)
    return {above: reading.page(session, account_id, stretch).lines}
