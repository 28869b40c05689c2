"""Links between our objects and foreign ones, and what we need to recognise our own echo."""

import uuid
from datetime import datetime

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from hub.base.db import Base, str40


class Link(Base):
    """One of our objects is one foreign object, over one connection."""

    __tablename__ = "links"
    __table_args__ = (
        Index(None, "connection_id", "object_kind", "object_id", unique=True),
        {"info": {"rls": "staff_or_insert"}},
    )

    connection_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("connections.id"), primary_key=True)
    external_id: Mapped[str] = mapped_column(primary_key=True)
    account_id: Mapped[uuid.UUID | None]
    object_kind: Mapped[str40]
    object_id: Mapped[uuid.UUID]
    url: Mapped[str | None]
    version: Mapped[str | None]
    origin: Mapped[str40]
    created_at: Mapped[datetime]


class LinkUpdate(Base):
    """One foreign change, seen (`applied`) or made by us (`ours`), so that none acts twice."""

    __tablename__ = "link_updates"
    __table_args__ = (
        Index(None, "connection_id", "external_id", "content_hash"),
        {"info": {"rls": "staff_or_insert"}},
    )

    connection_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("connections.id"), primary_key=True)
    external_id: Mapped[str] = mapped_column(primary_key=True)
    update_id: Mapped[str] = mapped_column(primary_key=True)
    account_id: Mapped[uuid.UUID | None]
    origin: Mapped[str40]
    content_hash: Mapped[str | None]
    delivery_id: Mapped[uuid.UUID | None]
    seen_at: Mapped[datetime]
