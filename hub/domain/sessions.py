"""Signed-in sessions, kept on our side so that they can be listed and ended; and rate windows."""

import uuid
from datetime import datetime

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from hub.base.db import Base, UuidKey, str200


class WebSession(Base):
    """One browser that is signed in; the cookie holds the token, we hold its digest."""

    __tablename__ = "web_sessions"
    __table_args__ = (
        Index(None, "token_digest", unique=True),
        Index(None, "person_id"),
        {"info": {"rls": "open"}},
    )

    id: Mapped[UuidKey]
    token_digest: Mapped[str]
    person_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("people.id"))
    issuer: Mapped[str]
    created_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    user_agent: Mapped[str200]


class RateWindow(Base):
    """How often something was tried in one fixed window; shared by all nodes."""

    __tablename__ = "rate_windows"
    __table_args__ = ({"info": {"rls": "open"}},)

    key: Mapped[str] = mapped_column(primary_key=True)
    starts_at: Mapped[datetime] = mapped_column(primary_key=True)
    count: Mapped[int]
