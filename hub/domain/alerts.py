"""Signals (what a monitoring system said) and alerts (a signal on one account)."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from hub.base.db import Base, UuidKey, str40

SEVERITIES = ("critical", "major", "minor", "warning", "info", "unknown")
"""From worst to least; "unknown" is treated as major until someone maps it, so that nothing is missed."""


class Signal(Base):
    """Unique by connection, natural key and start of the episode; belongs to no account.

    `changed_in` is the webhook that last changed it: a repeat leaves it alone, which is how a batch knows
    what is new. `matched` is false while no service of any account is known by its identifiers.
    """

    __tablename__ = "signals"
    __table_args__ = (
        UniqueConstraint("connection_id", "natural_key", "episode_start"),
        Index(
            "ix_signals_unmatched",
            "last_seen_at",
            postgresql_where=text("NOT matched AND handled_at IS NULL"),
            sqlite_where=text("NOT matched AND handled_at IS NULL"),
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
    matched: Mapped[bool]
    handled_at: Mapped[datetime | None]
    handled_by: Mapped[uuid.UUID | None]


class Alert(Base):
    """A signal on one service of one account."""

    __tablename__ = "alerts"
    __table_args__ = (
        Index(
            "ix_alerts_active",
            "account_id",
            "case_id",
            postgresql_where=text("cleared_at IS NULL"),
            sqlite_where=text("cleared_at IS NULL"),
        ),
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
