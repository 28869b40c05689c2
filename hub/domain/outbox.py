"""The outbox: every outside effect is a row first."""

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Index, text
from sqlalchemy.orm import Mapped

from hub.base.db import Base, UuidKey, str40


class DeliveryState(StrEnum):
    """`SENDING` is committed before the call; a lease that runs out makes it `UNKNOWN`."""

    DUE = "due"
    SENDING = "sending"
    UNKNOWN = "unknown"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


_OPEN = "state IN ('due', 'sending', 'unknown')"


class Delivery(Base):
    """One attempt-able outside effect. Its id travels as the idempotency key.

    Only rows with the same `order_key` wait for each other, in the order of their ids; `unique_key` makes
    a second `put` of the same effect a no-op. `failed` rows are visible work until someone handles them.
    """

    __tablename__ = "deliveries"
    __table_args__ = (
        Index("ix_deliveries_due", "due_at", postgresql_where=text(_OPEN), sqlite_where=text(_OPEN)),
        Index(
            "ix_deliveries_order",
            "order_key",
            "id",
            postgresql_where=text(_OPEN),
            sqlite_where=text(_OPEN),
        ),
        Index(
            "ix_deliveries_failed",
            "finished_at",
            postgresql_where=text("state = 'failed' AND handled_at IS NULL"),
            sqlite_where=text("state = 'failed' AND handled_at IS NULL"),
        ),
        Index("uq_deliveries_unique_key", "unique_key", unique=True),
        {"info": {"rls": "staff_or_insert"}},
    )

    id: Mapped[UuidKey]
    account_id: Mapped[uuid.UUID | None]
    connection_id: Mapped[uuid.UUID | None]
    kind: Mapped[str40]
    order_key: Mapped[str | None]
    unique_key: Mapped[str | None]
    body: Mapped[dict[str, Any]]
    state: Mapped[str40]
    due_at: Mapped[datetime]
    attempts: Mapped[int]
    possible_repeat: Mapped[bool]
    lease_owner: Mapped[uuid.UUID | None]
    lease_until: Mapped[datetime | None]
    last_error: Mapped[str | None]
    result: Mapped[dict[str, Any] | None]
    created_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    handled_at: Mapped[datetime | None]
    handled_by: Mapped[uuid.UUID | None]
