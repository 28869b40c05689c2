"""The tables of coverage: assignments, the ledger of who held the duty, and how far it is written."""

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from hub.base.db import Base, UuidKey, str40, str200


class AssignmentRole(StrEnum):
    """How one of us stands to an account."""

    NAMED = "named"
    DEPUTY = "deputy"
    ROTATION = "rotation"
    ESCALATION = "escalation"


class Assignment(Base):
    """One of us for one account. Never edited: a change ends one row and starts another.

    `hours` is empty for always, or a list of `{"days": [0..6], "from": "09:00", "until": "17:30"}` in
    `zone` (0 is Monday; `until` may be "24:00"). `reach_*` is what customers may see.
    """

    __tablename__ = "assignments"
    __table_args__ = (Index(None, "person_id"), {"info": {"rls": "account"}})

    account_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("accounts.id"), primary_key=True)
    id: Mapped[UuidKey]
    role: Mapped[str40]
    person_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("people.id"))
    level: Mapped[int] = mapped_column(default=0)
    position: Mapped[int] = mapped_column(default=0)
    hours: Mapped[list[Any]]
    zone: Mapped[str40]
    reach_name: Mapped[str200]
    reach_phone: Mapped[str40]
    reach_email: Mapped[str200]
    valid_from: Mapped[datetime]
    valid_until: Mapped[datetime | None]
    created_at: Mapped[datetime]


class Duty(Base):
    """The ledger: from `effective_at` on, this person was responsible. The past is answered from here."""

    __tablename__ = "duties"
    __table_args__ = ({"info": {"rls": "account"}},)

    account_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("accounts.id"), primary_key=True)
    effective_at: Mapped[datetime] = mapped_column(primary_key=True)
    recorded_at: Mapped[datetime]
    person_id: Mapped[uuid.UUID]
    assignment_id: Mapped[uuid.UUID | None]
    role: Mapped[str40]
    until: Mapped[datetime | None]
    reach: Mapped[dict[str, Any]]


class DutyReason(Base):
    """Why it was this person: the reason chain of one row of the ledger.

    A table of its own, because it names colleagues who are away: the row itself a customer may read.
    """

    __tablename__ = "duty_reasons"
    __table_args__ = ({"info": {"rls": "staff_only"}},)

    account_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("accounts.id"), primary_key=True)
    effective_at: Mapped[datetime] = mapped_column(primary_key=True)
    reasons: Mapped[list[Any]]


class DutyMark(Base):
    """How far an account's ledger is written: the present plan counts from `planned_from` on, and says that
    the next change is due at `due_at` (empty: never)."""

    __tablename__ = "duty_marks"
    __table_args__ = (Index(None, "due_at"), {"info": {"rls": "account"}})

    account_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("accounts.id"), primary_key=True)
    planned_from: Mapped[datetime]
    due_at: Mapped[datetime | None]
