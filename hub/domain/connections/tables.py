"""The tables of connections: configuration, what changes while they work, and what an operator should see."""

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from hub.base.db import Base, UuidKey, str40, str200


class Side(StrEnum):
    """Whose tool is behind a connection; only customer rows ever go to a customer's."""

    OWN = "own"
    TEAM = "team"
    SUPPLIER = "supplier"
    CUSTOMER = "customer"


class Connection(Base):
    """One configured instance of a connector. `slug` stands in `/in/<slug>`."""

    __tablename__ = "connections"
    __table_args__ = ({"info": {"rls": "open"}},)

    id: Mapped[UuidKey]
    slug: Mapped[str40] = mapped_column(unique=True)
    connector: Mapped[str40]
    name: Mapped[str200]
    side: Mapped[str40]
    settings: Mapped[dict[str, Any]]
    secrets: Mapped[bytes | None] = mapped_column(LargeBinary)
    token_digest: Mapped[str | None]
    body_limit: Mapped[int]
    allowed_networks: Mapped[list[str]]
    status_map: Mapped[dict[str, Any]]
    enabled: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime]
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}


class ConnectionState(Base):
    """What changes while a connection works: the connector's own state, cursors and health.

    `hung` is how many calls of a worker hung when it looked last, at `hung_at`.
    """

    __tablename__ = "connection_states"
    __table_args__ = ({"info": {"rls": "open"}},)

    connection_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("connections.id"), primary_key=True)
    state: Mapped[dict[str, Any]]
    cursor: Mapped[str | None]
    polled_at: Mapped[datetime | None]
    last_ok_at: Mapped[datetime | None]
    failing_since: Mapped[datetime | None]
    failures: Mapped[int] = mapped_column(default=0)
    last_error: Mapped[str | None]
    slow_parse_until: Mapped[datetime | None]
    hung: Mapped[int] = mapped_column(default=0)
    hung_at: Mapped[datetime | None]
    lease_until: Mapped[datetime | None]


class HealthEvent(Base):
    """Something about a connection that an operator should see: a body too large, a bad reply, a hang."""

    __tablename__ = "health_events"
    __table_args__ = (Index(None, "connection_id", "at"), {"info": {"rls": "open"}})

    id: Mapped[UuidKey]
    connection_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("connections.id"))
    at: Mapped[datetime]
    kind: Mapped[str40]
    sentence: Mapped[str]
