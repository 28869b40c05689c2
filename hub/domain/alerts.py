"""Alerts: a signal on one service of one account."""

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import Index, Select, Table, and_, bindparam, select, text, true
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, Session, mapped_column

from hub.base import hot, rows
from hub.base.db import Base, str40
from hub.domain.signals import SIGNALS

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
        # The statement of `active` must not be led by all alerts that are active, of which there may be many.
        Index("ix_alerts_signal", "signal_id", postgresql_where=text(_ACTIVE), sqlite_where=text(_ACTIVE)),
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


def active(session: Session, connection_id: uuid.UUID, natural_keys: Collection[str]) -> list[Active]:
    """The alerts of some natural keys that have not cleared, of any episode.

    Call it after `signals.store`: the batch's own signals are locked then, and nobody clears them meanwhile.
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
