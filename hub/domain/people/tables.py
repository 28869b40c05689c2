"""The tables of people: contact points, identities, staff roles, absences."""

import uuid
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from hub.base.db import Base, UuidKey, str40, str200


class PersonKind(StrEnum):
    """A function gets mail and cannot sign in."""

    HUMAN = "human"
    FUNCTION = "function"


class StaffRole(StrEnum):
    """What one of us may do; a person may hold several."""

    CONTACT = "contact"
    ONCALL = "oncall"
    LEAD = "lead"
    ADMIN = "admin"
    AUDITOR = "auditor"


WORKERS = (StaffRole.CONTACT, StaffRole.ONCALL, StaffRole.LEAD, StaffRole.ADMIN)
"""Those of us who work on accounts; an auditor only reads."""


class PointKind(StrEnum):
    """Kinds of contact points."""

    EMAIL = "email"
    PHONE = "phone"
    SMS = "sms"


class Person(Base):
    """A human or a function. Never has one e-mail column: see `ContactPoint`."""

    __tablename__ = "people"
    __table_args__ = ({"info": {"rls": "open"}},)

    id: Mapped[UuidKey]
    kind: Mapped[str40]
    name: Mapped[str200]
    language: Mapped[str40]
    zone: Mapped[str40]
    external_key: Mapped[str | None] = mapped_column(unique=True)
    created_at: Mapped[datetime]
    disabled_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}


class ContactPoint(Base):
    """One way to reach a person; `normalised` is what incoming mail and calls are matched with."""

    __tablename__ = "contact_points"
    __table_args__ = (
        UniqueConstraint("person_id", "kind", "normalised"),
        Index(None, "kind", "normalised"),
        {"info": {"rls": "open"}},
    )

    id: Mapped[UuidKey]
    person_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("people.id"))
    kind: Mapped[str40]
    value: Mapped[str]
    normalised: Mapped[str]
    position: Mapped[int] = mapped_column(default=0)
    verified_at: Mapped[datetime | None]
    valid_from: Mapped[datetime]
    valid_until: Mapped[datetime | None]


class Identity(Base):
    """How a person is known to an issuer; the issuer "local" is the hub's own password policy."""

    __tablename__ = "identities"
    __table_args__ = (Index(None, "person_id"), {"info": {"rls": "open"}})

    issuer: Mapped[str] = mapped_column(primary_key=True)
    subject: Mapped[str] = mapped_column(primary_key=True)
    person_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("people.id"))
    password_hash: Mapped[str | None]
    password_changed_at: Mapped[datetime | None]
    created_at: Mapped[datetime]


class StaffMember(Base):
    """One role of one of us."""

    __tablename__ = "staff_roles"
    __table_args__ = ({"info": {"rls": "open"}},)

    person_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("people.id"), primary_key=True)
    role: Mapped[str40] = mapped_column(primary_key=True)


class Absence(Base):
    """When one of us is away, half-open `[starts_at, ends_at)`; their assignments are skipped meanwhile."""

    __tablename__ = "absences"
    __table_args__ = (Index(None, "person_id", "starts_at"), {"info": {"rls": "open"}})

    id: Mapped[UuidKey]
    person_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("people.id"))
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    reason: Mapped[str] = mapped_column(server_default=text("''"))
    cancelled_at: Mapped[datetime | None]
