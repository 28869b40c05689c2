"""Cases: the container that a customer can follow."""

import uuid
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, ForeignKeyConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from hub.base.db import Base, UuidKey, str40, str200


class CaseType(StrEnum):
    """What kind of matter it is."""

    INCIDENT = "incident"
    SERVICE_REQUEST = "service_request"
    QUESTION = "question"
    PLANNED_WORK = "planned_work"
    PROBLEM = "problem"
    COMPLAINT = "complaint"


class CaseState(StrEnum):
    """Maps to TMF621 and MEF 124 life cycles; see docs/decisions."""

    REGISTERED = "registered"
    IN_PROGRESS = "in_progress"
    WAITING = "waiting"
    RESOLVED = "resolved"
    CLOSED = "closed"
    CANCELLED = "cancelled"


class WaitReason(StrEnum):
    """For whom or what a case waits."""

    CUSTOMER = "customer"
    SUPPLIER = "supplier"
    PROVIDER_TEAM = "provider_team"
    PLANNED_DATE = "planned_date"
    APPROVAL = "approval"


class Level(StrEnum):
    """Impact and urgency."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class Priority(StrEnum):
    """What impact and urgency make together; see `priority.MATRIX`."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


OPEN_STATES = (CaseState.REGISTERED, CaseState.IN_PROGRESS, CaseState.WAITING)
ENDED_STATES = (CaseState.CLOSED, CaseState.CANCELLED)
_OPEN = "state IN ('registered', 'in_progress', 'waiting')"


class Case(Base):
    """One matter of one account. `number` is for life; staff-only until `shared_at`."""

    __tablename__ = "cases"
    __table_args__ = (
        UniqueConstraint("account_id", "number"),
        Index(None, "number"),
        Index(None, "id"),  # reply addresses carry the id alone
        Index(
            "uq_cases_correlation",
            "account_id",
            "correlation_key",
            unique=True,
            postgresql_where=text(f"correlation_key IS NOT NULL AND {_OPEN}"),
            sqlite_where=text(f"correlation_key IS NOT NULL AND {_OPEN}"),
        ),
        # An alert looks for the resolved ones too, which the unique key leaves out.
        Index(
            "ix_cases_correlation",
            "account_id",
            "correlation_key",
            postgresql_where=text("correlation_key IS NOT NULL AND closed_at IS NULL"),
            sqlite_where=text("correlation_key IS NOT NULL AND closed_at IS NULL"),
        ),
        Index(
            "ix_cases_open",
            "account_id",
            "opened_at",
            postgresql_where=text("closed_at IS NULL"),
            sqlite_where=text("closed_at IS NULL"),
        ),
        Index(
            "ix_cases_share_due",
            "share_at",
            postgresql_where=text("share_at IS NOT NULL"),
            sqlite_where=text("share_at IS NOT NULL"),
        ),
        Index(
            "ix_cases_close_due",
            "resolved_at",
            postgresql_where=text("state = 'resolved'"),
            sqlite_where=text("state = 'resolved'"),
        ),
        {"info": {"rls": "shared"}},
    )

    account_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("accounts.id"), primary_key=True)
    id: Mapped[UuidKey]
    number: Mapped[str40]
    case_type: Mapped[str40]
    state: Mapped[str40]
    wait_reason: Mapped[str | None]
    title: Mapped[str200]
    customer_title: Mapped[str | None]
    category: Mapped[str40]
    impact: Mapped[str40]
    urgency: Mapped[str40]
    priority: Mapped[str40]
    priority_reason: Mapped[str | None]
    service_id: Mapped[uuid.UUID | None]
    site_id: Mapped[uuid.UUID | None]
    requester_id: Mapped[uuid.UUID | None]
    handler_id: Mapped[uuid.UUID | None]
    next_step: Mapped[str | None]
    next_update_by: Mapped[datetime | None]
    target_at: Mapped[datetime | None]
    customer_reference: Mapped[str | None]
    correlation_key: Mapped[str | None]
    follows_id: Mapped[uuid.UUID | None]
    solution: Mapped[str | None]
    opened_at: Mapped[datetime]
    share_at: Mapped[datetime | None]
    shared_at: Mapped[datetime | None]
    resolved_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]
    reopened: Mapped[int] = mapped_column(default=0)
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}

    @property
    def is_shared(self) -> bool:
        """Whether the customer knows of it."""
        return self.shared_at is not None

    @property
    def is_open(self) -> bool:
        """Whether work on it goes on: neither solved nor ended."""
        return self.state in OPEN_STATES

    def shown_state(self, lens: str) -> str:
        """The state as a word of `kinds.WORDS`, a wait with its reason.

        Customers learn what we wait for from them; whom we wait for among ourselves is our affair, and
        to them we are at work.
        """
        if self.state != CaseState.WAITING:
            return self.state
        if lens == "customer" and self.wait_reason in _INWARD_WAITS:
            return CaseState.IN_PROGRESS
        return f"waiting_{self.wait_reason}"


_INWARD_WAITS = (WaitReason.SUPPLIER, WaitReason.PROVIDER_TEAM)


class Watcher(Base):
    """A customer's person who follows a case that is not their own."""

    __tablename__ = "case_watchers"
    __table_args__ = (
        ForeignKeyConstraint(["account_id", "case_id"], ["cases.account_id", "cases.id"]),
        {"info": {"rls": "account"}},
    )

    account_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    case_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    person_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("people.id"), primary_key=True)
    since: Mapped[datetime]


class FormKey(Base):
    """A form that was already taken: the same person's second submit gets the first one's result."""

    __tablename__ = "form_keys"
    __table_args__ = ({"info": {"rls": "account"}},)

    account_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("accounts.id"), primary_key=True)
    person_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("people.id"), primary_key=True)
    key: Mapped[str200] = mapped_column(primary_key=True)
    object_id: Mapped[uuid.UUID]
    seq: Mapped[int]
    created_at: Mapped[datetime]
