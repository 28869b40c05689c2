"""Reading a timeline: one page through one lens, found by position, never by counting."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, select, text
from sqlalchemy.orm import Session

from hub.domain.kinds import SENTENCES, sentence_of
from hub.domain.timeline import ENTRIES

PAGE = 50
_SHOWN = (
    *("seq", "customer_seq", "kind", "weight", "audience", "occurred_at", "recorded_at", "actor_kind"),
    *("actor_id", "actor_name", "channel", "direction", "sentence", "body", "data", "case_id", "service_id"),
    *("site_id", "source_seq", "erased_at"),
)


@dataclass(frozen=True, slots=True)
class Line:
    """One entry as a reader sees it. `position` is what pages and followers go by: `seq` for staff,
    `customer_seq` for customers. `folded` counts the entries between this line and the next older one that
    the page leaves out because they are details; 0 where other conditions hide entries too, since then the
    distance would tell of what is not for this reader, or not asked for."""

    position: int
    seq: int
    kind: str
    weight: str
    audience: str
    occurred_at: datetime
    recorded_at: datetime
    actor_kind: str
    actor_id: uuid.UUID | None
    actor_name: str
    channel: str | None
    direction: str | None
    sentence: str
    body: str | None
    data: dict[str, Any]
    case_id: uuid.UUID | None
    service_id: uuid.UUID | None
    site_id: uuid.UUID | None
    source_seq: int | None
    erased: bool
    folded: int


@dataclass(frozen=True, slots=True)
class Page:
    """Lines, newest first. `older` and `newer` are positions to go on from, None where nothing is left."""

    lines: list[Line]
    older: int | None
    newer: int | None


@dataclass(frozen=True, slots=True)
class View:
    """What a reader asked for. `before` and `after` are positions, exclusive; at most one of them is given
    unless a folded stretch is opened (both). `audience` narrows the staff lens to what customers see or not.
    `cases` narrows to these cases, for members who do not see all of an account.
    """

    lens: str
    language: str
    before: int | None = None
    after: int | None = None
    headlines: bool = True
    case_id: uuid.UUID | None = None
    cases: tuple[uuid.UUID, ...] | None = None
    kinds: tuple[str, ...] = ()
    audience: str | None = None
    limit: int = PAGE


def page(session: Session, account_id: uuid.UUID, view: View) -> Page:
    """One page in one statement, an index read whose cost does not depend on the length of the log."""
    upward = view.after is not None and view.before is None
    found = list(session.execute(_query(account_id, view, upward)))
    more = len(found) > view.limit
    found = found[: view.limit]
    if upward:
        found.reverse()
    position = "customer_seq" if view.lens == "customer" else "seq"
    positions = [getattr(row, position) for row in found]
    older = positions[-1] if positions and (upward or more) else None
    newer = positions[0] if positions and (more if upward else view.before is not None) else None
    return Page(_lines(found, positions, view, older), older, newer)


def _query(account_id: uuid.UUID, view: View, upward: bool) -> Select[Any]:
    entry = ENTRIES.c
    position = entry.customer_seq if view.lens == "customer" else entry.seq
    query = select(*(entry[name] for name in _SHOWN)).where(entry.account_id == account_id)
    if view.lens == "customer":
        query = query.where(entry.customer_seq.is_not(None))
    elif view.audience:
        query = query.where(entry.audience == view.audience)
    if view.headlines:
        # Written out, not bound: a partial index is only used where the planner sees its condition.
        query = query.where(text("entries.weight = 'headline'"))
    if view.case_id is not None:
        query = query.where(entry.case_id == view.case_id)
    if view.cases is not None:
        query = query.where(entry.case_id.in_(view.cases))
    if view.kinds:
        query = query.where(entry.kind.in_(view.kinds))
    if view.before is not None:
        query = query.where(position < view.before)
    if view.after is not None:
        query = query.where(position > view.after)
    return query.order_by(position.asc() if upward else position.desc()).limit(view.limit + 1)


def _lines(found: Sequence[Any], positions: Sequence[int], view: View, older: int | None) -> list[Line]:
    end = view.after or 0
    if _is_filtered(view):
        return [_line(row, position, 0, view) for row, position in zip(found, positions, strict=True)]
    following = [*positions[1:], positions[-1] - 1 if older is not None else end] if positions else []
    return [
        _line(row, position, position - next_ - 1, view)
        for row, position, next_ in zip(found, positions, following, strict=True)
    ]


def _is_filtered(view: View) -> bool:
    return bool(view.cases is not None or view.case_id or view.kinds or view.audience)


def _line(row: Any, position: int, folded: int, view: View) -> Line:
    known = row.kind in SENTENCES and row.erased_at is None
    return Line(
        position=position,
        seq=row.seq,
        kind=row.kind,
        weight=row.weight,
        audience=row.audience,
        occurred_at=row.occurred_at,
        recorded_at=row.recorded_at,
        actor_kind=row.actor_kind,
        actor_id=row.actor_id,
        actor_name=row.actor_name,
        channel=row.channel,
        direction=row.direction,
        sentence=sentence_of(row.kind, row.data, view.language) if known else row.sentence,
        body=row.body,
        data=row.data,
        case_id=row.case_id,
        service_id=row.service_id,
        site_id=row.site_id,
        # What is published points at what only staff read: customers must not learn that there is something.
        source_seq=None if view.lens == "customer" else row.source_seq,
        erased=row.erased_at is not None,
        folded=folded,
    )
