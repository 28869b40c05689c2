"""Notices: telling one person something, once per event, over their channels."""

import uuid
from datetime import datetime

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from hub.base.db import Base, UuidKey, str40, str200


class Notice(Base):
    """One person is told of one event. `event` names it, e.g. `case-opened:<case id>`."""

    __tablename__ = "notices"
    __table_args__ = (
        Index("uq_notices_event", "account_id", "person_id", "event", unique=True),
        {"info": {"rls": "staff_or_insert"}},
    )

    account_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    id: Mapped[UuidKey]
    person_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("people.id"))
    event: Mapped[str200]
    kind: Mapped[str40]
    case_id: Mapped[uuid.UUID | None]
    entry_seq: Mapped[int | None]
    created_at: Mapped[datetime]
    delivered_at: Mapped[datetime | None]
    acknowledged_at: Mapped[datetime | None]
