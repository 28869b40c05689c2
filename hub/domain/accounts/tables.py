"""The tables of accounts: sites, services, identifiers, memberships, and the settings of the hub itself."""

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, ForeignKeyConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from hub.base.db import Base, UuidKey, str40, str200


class MemberRole(StrEnum):
    """What a customer's person may do in the portal."""

    PORTAL_ADMIN = "portal_admin"
    REQUESTER = "requester"
    APPROVER = "approver"
    TECHNICAL = "technical"
    BILLING = "billing"
    VIEWER = "viewer"


class Account(Base):
    """The business customer. `prefix` heads the numbers of its new cases."""

    __tablename__ = "accounts"
    __table_args__ = (
        Index(None, "parent_id"),
        Index(
            "ix_accounts_restricted",
            "id",
            postgresql_where=text("restricted"),
            sqlite_where=text("restricted"),
        ),
        {"info": {"rls": "account_self"}},
    )

    id: Mapped[UuidKey]
    slug: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str200]
    prefix: Mapped[str40]
    parent_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("accounts.id"))
    language: Mapped[str40]
    zone: Mapped[str40]
    restricted: Mapped[bool] = mapped_column(default=False)
    alert_threshold: Mapped[str40] = mapped_column(server_default=text("'major'"))
    share_severity: Mapped[str | None]
    share_after_minutes: Mapped[int | None]
    password_login: Mapped[bool] = mapped_column(default=True)
    external_key: Mapped[str | None] = mapped_column(unique=True)
    created_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}


class Site(Base):
    """A place of an account, with its own zone."""

    __tablename__ = "sites"
    __table_args__ = (UniqueConstraint("account_id", "external_key"), {"info": {"rls": "account"}})

    account_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("accounts.id"), primary_key=True)
    id: Mapped[UuidKey]
    name: Mapped[str200]
    address: Mapped[str]
    zone: Mapped[str40]
    external_key: Mapped[str | None]
    closed_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}


class Service(Base):
    """What the account buys: circuit, transit port, rack, host, mailbox, desk ..."""

    __tablename__ = "services"
    __table_args__ = (
        ForeignKeyConstraint(["account_id", "site_id"], ["sites.account_id", "sites.id"]),
        ForeignKeyConstraint(["account_id", "partner_id"], ["services.account_id", "services.id"]),
        UniqueConstraint("account_id", "external_key"),
        {"info": {"rls": "account"}},
    )

    account_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("accounts.id"), primary_key=True)
    id: Mapped[UuidKey]
    site_id: Mapped[uuid.UUID | None]
    partner_id: Mapped[uuid.UUID | None]
    kind: Mapped[str40]
    name: Mapped[str200]
    share_severity: Mapped[str | None]
    share_after_minutes: Mapped[int | None]
    external_key: Mapped[str | None]
    closed_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}


class Identifier(Base):
    """A name by which the world knows a service. The same one may belong to services of several accounts."""

    __tablename__ = "identifiers"
    __table_args__ = (
        ForeignKeyConstraint(["account_id", "service_id"], ["services.account_id", "services.id"]),
        Index(None, "value", "kind"),
        {"info": {"rls": "audience"}},
    )

    account_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    id: Mapped[UuidKey]
    service_id: Mapped[uuid.UUID]
    kind: Mapped[str40]
    value: Mapped[str200]
    audience: Mapped[str40] = mapped_column(server_default=text("'staff'"))
    valid_from: Mapped[datetime]
    valid_until: Mapped[datetime | None]


class Membership(Base):
    """A person of the customer in an account; `limits` may narrow it to some sites or services.

    `limits` is empty for all, or `{"sites": [id, ...], "services": [id, ...]}`;
    `subscriptions` maps a kind of news to a list of channels, e.g. `{"case_update": ["email"]}`.
    """

    __tablename__ = "memberships"
    __table_args__ = (
        UniqueConstraint("account_id", "person_id"),
        Index(None, "person_id"),
        {"info": {"rls": "membership"}},
    )

    account_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("accounts.id"), primary_key=True)
    id: Mapped[UuidKey]
    person_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("people.id"))
    roles: Mapped[list[str]]
    limits: Mapped[dict[str, Any]]
    subscriptions: Mapped[dict[str, Any]]
    valid_from: Mapped[datetime]
    valid_until: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}


class Setting(Base):
    """A value of the hub itself that is kept with the data: last resort, instance name, brand."""

    __tablename__ = "hub_settings"
    __table_args__ = ({"info": {"rls": "open"}},)

    key: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[dict[str, Any]]
