"""What came in and could not be used: kept whole, shown in a queue, never dropped."""

import uuid
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, LargeBinary, text
from sqlalchemy.orm import Mapped, mapped_column

from hub.base.db import Base, UuidKey, str40, str200


class QuarantineKind(StrEnum):
    """`WAITING` bodies are good ones that the worker will parse (a connector whose parse is slow)."""

    BODY = "body"
    ITEM = "item"
    UPDATE = "update"
    MAIL = "mail"
    WAITING = "waiting"


class Quarantined(Base):
    """One body, item of a body, or mail that waits for a person (or the worker)."""

    __tablename__ = "quarantine"
    __table_args__ = (
        Index(
            "ix_quarantine_open",
            "kind",
            "received_at",
            postgresql_where=text("handled_at IS NULL"),
            sqlite_where=text("handled_at IS NULL"),
        ),
        {"info": {"rls": "staff_only"}},
    )

    connection_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("connections.id"), primary_key=True)
    id: Mapped[UuidKey]
    kind: Mapped[str40]
    reason: Mapped[str]
    received_at: Mapped[datetime]
    content_type: Mapped[str200]
    subject: Mapped[str]
    sender: Mapped[str]
    body: Mapped[bytes | None] = mapped_column(LargeBinary)
    handled_at: Mapped[datetime | None]
    handled_by: Mapped[uuid.UUID | None]
    outcome: Mapped[str | None]
