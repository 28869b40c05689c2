"""Alerts: a signal on one service of one account."""

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import Index, Integer, Select, Table, Text, and_, bindparam, func, or_, select, text, true
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, Session, mapped_column

from hub.base import clock, hot, rows
from hub.base.db import Base, str40
from hub.domain.accounts import Account, Identifier, Service
from hub.domain.signals import SIGNALS
from hub.plugin.contracts import SignalEvent

_ACTIVE = "cleared_at IS NULL"


class Alert(Base):
    """One per account that a signal matched; `case_id` is the case that it opened or joined."""

    __tablename__ = "alerts"
    __table_args__ = (
        Index(
            "ix_alerts_active",
            "account_id",
            "case_id",
            postgresql_where=text(_ACTIVE),
            sqlite_where=text(_ACTIVE),
        ),
        Index("ix_alerts_signal", "signal_id"),
        {"info": {"rls": "staff_only"}},
    )

    account_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    signal_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    service_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    connection_id: Mapped[uuid.UUID]
    case_id: Mapped[uuid.UUID | None]
    severity: Mapped[str40]
    raised_at: Mapped[datetime]
    cleared_at: Mapped[datetime | None]


ALERTS: Table = Alert.__table__  # type: ignore[assignment]
_COLUMNS = tuple(ALERTS.c.keys())


@dataclass(frozen=True, slots=True)
class Place:
    """A service that an event was matched to, with what its account wants done about alerts."""

    account_id: uuid.UUID
    service_id: uuid.UUID
    service_name: str
    site_id: uuid.UUID | None
    prefix: str
    threshold: str
    share_severity: str | None
    share_after_minutes: int | None


@dataclass(frozen=True, slots=True)
class Active:
    """An alert that has not cleared, with the natural key and title of its signal."""

    account_id: uuid.UUID
    signal_id: uuid.UUID
    service_id: uuid.UUID
    natural_key: str
    episode_start: datetime
    case_id: uuid.UUID | None
    severity: str
    raised_at: datetime
    title: str


@lru_cache(maxsize=1)
def _matching() -> Select[Any]:
    source = rows.items()
    wanted = select(
        rows.field(source, "number", Integer()),
        rows.field(source, "kind", Text()),
        rows.field(source, "value", Text()),
    ).select_from(source)
    wanted_rows = wanted.subquery("wanted")
    # Tables, not classes: the ORM would take its part of every execution.
    identifiers, services, accounts = Identifier.__table__, Service.__table__, Account.__table__
    known, service, account = identifiers.c, services.c, accounts.c
    now = bindparam("now", type_=known.valid_from.type)
    return (
        select(
            wanted_rows.c.number,
            known.account_id,
            known.service_id,
            service.name,
            service.site_id,
            account.prefix,
            account.alert_threshold,
            func.coalesce(service.share_severity, account.share_severity).label("share_severity"),
            func.coalesce(service.share_after_minutes, account.share_after_minutes).label("share_after"),
        )
        .select_from(wanted_rows)
        .join(identifiers, and_(known.value == wanted_rows.c.value, known.kind == wanted_rows.c.kind))
        .join(services, and_(service.account_id == known.account_id, service.id == known.service_id))
        .join(accounts, account.id == known.account_id)
        .where(known.valid_from <= now, or_(known.valid_until.is_(None), known.valid_until > now))
        .where(service.closed_at.is_(None), account.closed_at.is_(None))
        .order_by(wanted_rows.c.number, known.account_id, known.service_id)
    )


def match(session: Session, events: Sequence[SignalEvent]) -> list[tuple[Place, ...]]:
    """For each event the services it is about: one per account, found by its first identifier that is known.

    One statement for any number of events. An identifier of three accounts gives three places.
    """
    wanted = list({pair for event in events for pair in event.identifiers})
    if not wanted:
        return [() for _ in events]
    rows_wanted = (
        {"number": number, "kind": kind, "value": value} for number, (kind, value) in enumerate(wanted)
    )
    bound = {"rows": rows.encode(rows_wanted), "now": clock.now()}
    found: dict[tuple[str, str], dict[uuid.UUID, Place]] = {}
    for number, account_id, *rest in hot.run(session, _matching(), bound):
        # The first of an account's services wins where several have the same identifier.
        found.setdefault(wanted[number], {}).setdefault(account_id, Place(account_id, *rest))
    places = {pair: tuple(by_account.values()) for pair, by_account in found.items()}
    return [next((places[pair] for pair in event.identifiers if pair in places), ()) for event in events]


def active(session: Session, connection_id: uuid.UUID, natural_keys: Collection[str]) -> list[Active]:
    """The alerts of some natural keys that have not cleared, of any episode.

    Call it while the signals' rows are locked (after `signals.store`), so that nobody clears them meanwhile.
    """
    if not natural_keys:
        return []
    bound = {"connection": connection_id, "keys": rows.encode(natural_keys)}
    return [Active(*row) for row in hot.run(session, _active(), bound)]


@lru_cache(maxsize=1)
def _active() -> Select[Any]:
    alert, signal = ALERTS.c, SIGNALS.c
    connection = bindparam("connection", type_=signal.connection_id.type)
    return (
        select(
            *(alert[name] for name in ("account_id", "signal_id", "service_id")),
            *(signal[name] for name in ("natural_key", "episode_start")),
            *(alert[name] for name in ("case_id", "severity", "raised_at")),
            signal.title,
        )
        .join(SIGNALS, and_(signal.connection_id == connection, signal.id == alert.signal_id))
        .where(rows.among(signal.natural_key, "keys"), alert.cleared_at.is_(None))
    )


@lru_cache(maxsize=2)
def _upsert(dialect: str) -> Any:
    module: Any = postgresql if dialect == "postgresql" else sqlite
    source = rows.fields(ALERTS, _COLUMNS, ALERTS.name).where(true())
    insert = module.insert(ALERTS).from_select(_COLUMNS, source)
    return insert.on_conflict_do_update(
        index_elements=["account_id", "signal_id", "service_id"],
        set_={name: insert.excluded[name] for name in ("case_id", "severity", "raised_at", "cleared_at")},
    )


def saving(dialect: str, changed: Sequence[Mapping[str, Any]]) -> rows.Write:
    """The write of alerts as they are now, new and changed ones alike."""
    return rows.Write(_upsert(dialect), ALERTS.name, changed)


def still_active(
    session: Session, case_ids: Collection[uuid.UUID], account_ids: Collection[uuid.UUID]
) -> set[uuid.UUID]:
    """Which of some cases still have an alert that has not cleared."""
    query = (
        select(ALERTS.c.case_id)
        .where(
            ALERTS.c.account_id.in_(account_ids),
            ALERTS.c.case_id.in_(case_ids),
            ALERTS.c.cleared_at.is_(None),
        )
        .distinct()
    )
    return set(session.scalars(query))
