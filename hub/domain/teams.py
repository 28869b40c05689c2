"""Teams: who solves. An internal provider team or a supplier, reached by a connection or by mail."""

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from hub.base.db import Base, UuidKey, str40, str200


class TeamKind(StrEnum):
    """Ours, or somebody we pay."""

    INTERNAL = "internal"
    SUPPLIER = "supplier"


class Team(Base):
    """`options` go to the connector with each order (a queue, a project); drawn from its declaration."""

    __tablename__ = "teams"
    __table_args__ = ({"info": {"rls": "open"}},)

    id: Mapped[UuidKey]
    slug: Mapped[str40] = mapped_column(unique=True)
    name: Mapped[str200]
    kind: Mapped[str40]
    connection_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("connections.id"))
    email: Mapped[str200]
    options: Mapped[dict[str, Any]]
    hours: Mapped[list[Any]]
    zone: Mapped[str40]
    language: Mapped[str40]
    closed_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}
