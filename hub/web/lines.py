"""A page of the timeline made ready to be drawn: days, sentences with links, texts, files."""

import re
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Any

from markupsafe import Markup
from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.base import clock
from hub.domain import notices, reading
from hub.domain.attachments import Attachment
from hub.domain.cases import OPEN_STATES, Case
from hub.domain.kinds import Kind
from hub.domain.notices import Told
from hub.domain.reading import Line
from hub.web.filters import day_heading, local, moment, size, text_html
from hub.web.sentences import CaseLink, Place, sentence
from hub.web.state_words import CHANNELS
from hub.web.words import _, ngettext

LATE = timedelta(minutes=10)
FileLink = Callable[[uuid.UUID, str | None], str]
LineLink = Callable[[str, int], str]
_SPEAKS = frozenset({"staff", "customer", "team"})
_OURS = frozenset({Kind.NOTE, Kind.CALL_LOGGED})
_TEAMS = frozenset({Kind.ORDER_MESSAGE, Kind.ORDER_STATE})
_WHO = ("person", "team")
"""The facts by which a sentence names whoever did it."""

_FEW = 4


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

    `lens` is the reader's, `own` the number of the case whose page it is. `told` are those whom the hub told
    of an entry, by its `seq`; only staff read it. `answerable` are the cases on which the customer may be
    answered. Only the desk gives `publish_link` and `source_link`, which take a case's number and a line.
    """

    numbers: Mapping[uuid.UUID, str]
    files: Mapping[int, list[Any]]
    case_link: CaseLink
    file_link: FileLink
    lens: str
    own: str | None = None
    told: Mapping[int, Sequence[Told]] = field(default_factory=dict)
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
    """Look up what some lines refer to, in three statements for any number of lines; two for customers."""
    cases = {line.case_id for line in lines if line.case_id}
    query = select(Case.id, Case.number, Case.state).where(Case.account_id == account_id, Case.id.in_(cases))
    found = session.execute(query).all()
    seqs = [line.seq for line in lines]
    return Surroundings(
        numbers={row.id: row.number for row in found},
        files=_files(session, account_id, seqs, lens),
        case_link=case_link,
        file_link=file_link,
        lens=lens,
        told={} if lens == "customer" else notices.told_of(session, account_id, seqs),
        answerable=frozenset(row.id for row in found if row.state in OPEN_STATES),
    )


def _files(session: Session, account_id: uuid.UUID, seqs: Sequence[int], lens: str) -> dict[int, list[Any]]:
    wanted = select(Attachment.id, Attachment.entry_seq, Attachment.name, Attachment.size).where(
        Attachment.account_id == account_id,
        Attachment.entry_seq.in_(seqs),
        Attachment.content.is_not(None),  # an erased one is nothing that can be opened
    )
    if lens == "customer":
        wanted = wanted.where(Attachment.audience == "customer")
    files: dict[int, list[Any]] = {}
    for row in session.execute(wanted.order_by(Attachment.id)):
        files.setdefault(row.entry_seq, []).append(row)
    return files


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
    words = sentence(line, number, Place(there.lens, there.case_link, there.own))
    said = words.striptags()
    return Shown(
        line=line,
        sentence=words,
        body="" if line.erased else text_html(line.body) if line.body else "",
        foot=_foot(line, said, there),
        late=line.recorded_at - line.occurred_at > LATE,
        case_number=None if number in (None, there.own) or _says(said, number or "") else number,
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


def _foot(line: Line, said: str, there: Surroundings) -> str:
    """Who did it, where the sentence does not say so, by which way, and whom the hub told of it."""
    named = line.actor_name in (line.data.get(fact) for fact in _WHO) and _says(said, line.actor_name)
    known = line.actor_kind not in _SPEAKS or named
    who = "" if known else line.actor_name
    reached = _reached(there.told.get(line.seq, ()), line.recorded_at)
    return " \u00b7 ".join(part for part in (who, _way(line, there.lens), *reached) if part)


def _says(said: str, name: str) -> bool:
    """Whether a sentence has the name as words of its own, not as a part of another word."""
    return re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", said) is not None


def _way(line: Line, lens: str) -> str:
    """How it came, in words. Of what we publish only that is said, and to staff: it also went by the ways
    by which people were told."""
    if line.channel == "portal" and line.direction == "out":
        return "" if lens == "customer" else _("published")
    if line.channel in CHANNELS:
        return _(CHANNELS[line.channel])
    if via := line.data.get("via"):
        return _("by %(name)s", name=via)
    # A channel that a connector named is a word of its own, which people do not know.
    return _("through a connected tool") if line.channel else ""


def _reached(told: Sequence[Told], since: datetime) -> list[str]:
    """Whom the hub told of an entry, and of whom it cannot say that yet; what takes long is said plainly."""
    done = [each for each in told if each.delivered_at is not None]
    waits = [each.name for each in told if each.delivered_at is None]
    words = []
    if done:
        at = max(each.delivered_at for each in done if each.delivered_at is not None)
        names = _names([each.name for each in done])
        words.append(_("mailed %(time)s to %(names)s", time=moment(at), names=names))
    if waits:
        late = clock.now() - since > LATE
        said = _("not delivered so far to %(names)s") if late else _("on its way to %(names)s")
        words.append(said % {"names": _names(waits)})
    return words


def _names(names: Sequence[str]) -> str:
    each = sorted(set(names))
    few, more = ", ".join(each[:_FEW]), len(each) - _FEW
    return (
        few
        if more <= 0
        else ngettext("%(names)s and %(num)d more", "%(names)s and %(num)d more", more, names=few)
    )


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
