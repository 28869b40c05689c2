"""Work orders: a task to one team under a case. Staff only."""

import uuid
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, ForeignKeyConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from hub.base.db import Base, UuidKey, str40, str200


class OrderState(StrEnum):
    """Foreign statuses are mapped to these as data; an unmapped one is shown verbatim."""

    PLACED = "placed"
    ACCEPTED = "accepted"
    IN_PROGRESS = "in_progress"
    QUESTION = "question"
    DONE = "done"
    REFUSED = "refused"
    CANCELLED = "cancelled"


OPEN_STATES = (OrderState.PLACED, OrderState.ACCEPTED, OrderState.IN_PROGRESS, OrderState.QUESTION)
_OPEN = "state IN ('placed', 'accepted', 'in_progress', 'question')"


class WorkOrder(Base):
    """One task. `foreign_status` is the team's own word; `last_word` the last thing they said."""

    __tablename__ = "work_orders"
    __table_args__ = (
        ForeignKeyConstraint(["account_id", "case_id"], ["cases.account_id", "cases.id"]),
        UniqueConstraint("account_id", "number"),
        Index(None, "number"),
        Index(None, "id"),  # reply addresses carry the id alone
        Index(None, "account_id", "case_id"),
        Index(
            "ix_work_orders_open",
            "team_id",
            "placed_at",
            postgresql_where=text(_OPEN),
            sqlite_where=text(_OPEN),
        ),
        {"info": {"rls": "staff_or_insert"}},
    )

    account_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    id: Mapped[UuidKey]
    number: Mapped[str40]
    case_id: Mapped[uuid.UUID]
    team_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("teams.id"))
    state: Mapped[str40]
    title: Mapped[str200]
    text: Mapped[str]
    placed_by: Mapped[uuid.UUID | None]
    placed_at: Mapped[datetime]
    due_at: Mapped[datetime | None]
    foreign_status: Mapped[str | None]
    foreign_status_mapped: Mapped[bool] = mapped_column(default=True)
    refused_reason: Mapped[str | None]
    last_word: Mapped[str | None]
    last_word_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}

    @property
    def is_open(self) -> bool:
        """Whether the team still has something to do."""
        return self.state in OPEN_STATES
