"""Signals: what a monitoring system said, stored once per episode, whoever says it however often."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    ForeignKey,
    Index,
    Table,
    UniqueConstraint,
    and_,
    bindparam,
    case,
    false,
    func,
    or_,
    select,
    text,
    true,
    tuple_,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, Session, mapped_column

from hub.base import clock, hot, ids, rows
from hub.base.db import Base, Utc, UuidKey, str40
from hub.domain.accounts import identified
from hub.plugin.contracts import SignalEvent

SEVERITIES = ("critical", "major", "minor", "warning", "info")
"""From worst to least. "unknown" counts as major, so that an unmapped word never hides a fault."""

_UNHANDLED = "NOT matched AND handled_at IS NULL"


class Signal(Base):
    """Unique by connection, natural key and start of the episode; belongs to no account.

    `changed_in` names the webhook that last changed it; a mere repeat leaves it alone, which is how a batch
    knows what is new to it. `matched` is false while no service is known by its identifiers. `first` says
    that no other episode was known when it was stored, `stale` that something about it came too late to be
    applied.
    """

    __tablename__ = "signals"
    __table_args__ = (
        UniqueConstraint("connection_id", "natural_key", "episode_start"),
        Index(
            # Not by a time that every repeat moves: PostgreSQL would write all indexes of the row anew.
            "ix_signals_unmatched",
            "state",
            "id",
            postgresql_where=text(_UNHANDLED),
            sqlite_where=text(_UNHANDLED),
        ),
        {"info": {"rls": "staff_only"}},
    )

    connection_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("connections.id"), primary_key=True)
    id: Mapped[UuidKey]
    natural_key: Mapped[str]
    episode_start: Mapped[datetime]
    state: Mapped[str40]
    source_at: Mapped[datetime]
    severity: Mapped[str40]
    severity_text: Mapped[str]
    title: Mapped[str]
    text: Mapped[str]
    link: Mapped[str | None]
    labels: Mapped[dict[str, Any]]
    identifiers: Mapped[list[Any]]
    first_seen_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    repeats: Mapped[int]
    changed_in: Mapped[uuid.UUID]
    stale: Mapped[bool]
    first: Mapped[bool]
    matched: Mapped[bool]
    handled_at: Mapped[datetime | None]
    handled_by: Mapped[uuid.UUID | None]


SIGNALS: Table = Signal.__table__  # type: ignore[assignment]

_GIVEN = (
    *("connection_id", "id", "natural_key", "episode_start", "state", "source_at", "severity"),
    *("severity_text", "title", "text", "link", "labels", "identifiers", "first_seen_at", "last_seen_at"),
    *("repeats", "changed_in"),
)
_REPLACED = ("state", "source_at", "severity", "severity_text", "text", "labels", "identifiers")


@dataclass(frozen=True, slots=True)
class Stored:
    """What a batch changed: one signal as it is now. `late` ones were recorded and not applied.

    `fresh`: nothing at all was known before under its natural key, so there is nothing that it could end.
    """

    id: uuid.UUID
    natural_key: str
    episode_start: datetime
    state: str
    late: bool
    fresh: bool
    matched: bool


def rank(severity: str) -> int:
    """0 is worst; "unknown" ranks with "major"."""
    return SEVERITIES.index("major" if severity == "unknown" else severity)


def latest(events: Sequence[SignalEvent]) -> list[SignalEvent]:
    """One event per signal: of several in one body the newest, a clear winning a tie; in key order.

    The order is the order of locks: two bodies with the same signals never wait for each other.
    """
    newest: dict[tuple[str, datetime], SignalEvent] = {}
    for event in events:
        key = (event.natural_key, event.episode_start)
        known = newest.get(key)
        if known is None or (event.at, event.state == "clear") >= (known.at, known.state == "clear"):
            newest[key] = event
    return [newest[key] for key in sorted(newest)]


def store(session: Session, connection_id: uuid.UUID, events: Sequence[SignalEvent]) -> list[Stored]:
    """Upsert the signals of `latest(events)` in one statement; answers only those that this batch changed.

    The same body twice changes nothing, also when it arrives in two processes at once: the second waits on
    the row and finds that nothing is new.
    """
    batch, now = ids.new_id(), clock.now()
    given = [_row(connection_id, batch, now, event) for event in events]
    statement = _upsert(session.get_bind().dialect.name)
    bound = {"rows": rows.encode(given), "batch": batch, "connection": connection_id, "now": now}
    return [Stored(*values) for *values, changed in hot.run(session, statement, bound) if changed]


def correct_matched(session: Session, connection_id: uuid.UUID, matched: Mapping[uuid.UUID, bool]) -> None:
    """Set of which signals (by id) a service is known, where that changed since they were stored."""
    for known in {True, False} & set(matched.values()):
        wanted = [signal_id for signal_id, found in matched.items() if found is known]
        changed = update(SIGNALS).where(SIGNALS.c.connection_id == connection_id, SIGNALS.c.id.in_(wanted))
        session.execute(changed.values(matched=known))


def _row(connection_id: uuid.UUID, batch: uuid.UUID, now: datetime, event: SignalEvent) -> dict[str, Any]:
    return {
        "connection_id": connection_id,
        "id": ids.new_id(),
        "natural_key": event.natural_key,
        "episode_start": event.episode_start,
        "state": event.state,
        "source_at": event.at,
        "severity": event.severity,
        "severity_text": event.severity_text,
        "title": event.title,
        "text": event.text,
        "link": event.link or None,
        "labels": dict(event.labels),
        "identifiers": [list(pair) for pair in event.identifiers],
        "first_seen_at": now,
        "last_seen_at": now,
        "repeats": 0,
        "changed_in": batch,
    }


@lru_cache(maxsize=2)
def _upsert(dialect: str) -> Any:
    """The one statement of `store`. A signal changes when the event is newer than what is known, when it
    comes too late for the first time, or when its service has become known since."""
    insert = _insert(postgresql if dialect == "postgresql" else sqlite)
    new, old = insert.excluded, SIGNALS.c
    # At the same instant a clear ends a firing: "clear" sorts before "firing", so the states are compared the
    # other way round.
    newer = tuple_(new.source_at, old.state) > tuple_(old.source_at, new.state)
    late = new.state != old.state  # unless it is newer, which is asked first
    found = and_(~old.matched, new.matched)
    changed = or_(newer, and_(late, ~old.stale), found)
    values: dict[str, Any] = {name: case((newer, new[name]), else_=old[name]) for name in _REPLACED}
    # The end of an episode keeps its title: some senders give it another one, or none.
    named = and_(newer, or_(old.title == "", new.state == "firing"))
    values |= {
        "title": case((named, new.title), else_=old.title),
        "link": case((old.link.is_(None), new.link), else_=old.link),
        "last_seen_at": new.last_seen_at,
        "repeats": old.repeats + 1,
        "stale": case((newer, false()), (late, true()), else_=old.stale),
        "matched": or_(old.matched, new.matched),
        "changed_in": case((changed, new.changed_in), else_=old.changed_in),
    }
    upsert = insert.on_conflict_do_update(
        index_elements=["connection_id", "natural_key", "episode_start"], set_=values
    )
    this_batch = old.changed_in == bindparam("batch", type_=old.changed_in.type)
    return upsert.returning(
        old.id,
        old.natural_key,
        old.episode_start,
        old.state,
        old.stale,
        and_(old.repeats == 0, old.first),
        old.matched,
        this_batch,
    )


def _insert(module: Any) -> Any:
    source = rows.items()
    return module.insert(SIGNALS).from_select(
        (*_GIVEN, "stale", "first", "matched"),
        select(
            *(rows.field(source, name, SIGNALS.c[name].type) for name in _GIVEN),
            _superseded(source),
            _latest_episode(source).is_(None),
            _is_known(source),
        )
        .select_from(source)
        .where(true()),
    )


def _is_known(source: Any) -> ColumnElement[bool]:
    """Whether a service is known by any of the signal's identifiers."""
    names = rows.items_of(rows.field(source, "identifiers", SIGNALS.c.identifiers.type), "n")
    return identified.is_known(names, rows.item(names, 0), rows.item(names, 1))


def _superseded(source: Any) -> ColumnElement[bool]:
    """Whether a new firing is older than an episode that is already known of the same thing."""
    firing = rows.field(source, "state", SIGNALS.c.state.type) == "firing"
    return and_(
        firing, func.coalesce(_latest_episode(source) > rows.field(source, "episode_start", Utc()), false())
    )


def _latest_episode(source: Any) -> ColumnElement[datetime | None]:
    """When the latest known episode of the same thing began.

    In the order of the unique index, so that no planner takes another one (or EXISTS for a join).
    """
    known = SIGNALS.alias("k").c
    return (
        select(known.episode_start)
        .where(known.connection_id == bindparam("connection", type_=known.connection_id.type))
        .where(known.natural_key == rows.field(source, "natural_key", known.natural_key.type))
        .order_by(known.episode_start.desc())
        .limit(1)
        .scalar_subquery()
    )
