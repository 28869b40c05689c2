"""Who did something, and the lines of changes that belong to no account."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, Session

from hub.base import clock, ids
from hub.base.db import Base, UuidKey, str40


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts. `kind` is "staff", "customer", "team", "connection" or "hub" (the machine itself).

    `name` is what staff may read; `public` is the name that customers may see (a contact's reach).
    """

    kind: str
    name: str
    id: uuid.UUID | None = None
    public: str = ""

    @property
    def shown_to_customers(self) -> str:
        """The name for the customer's lens; empty when the hub speaks in nobody's name."""
        return self.name if self.kind == "customer" else self.public


HUB = Actor("hub", "Contact Hub")


class AuditLine(Base):
    """One change, view or refusal that is not on an account's timeline. Never edited."""

    __tablename__ = "audit_lines"
    __table_args__ = (Index(None, "object_kind", "object_id", "at"), {"info": {"rls": "open"}})

    id: Mapped[UuidKey]
    at: Mapped[datetime]
    actor_kind: Mapped[str40]
    actor_id: Mapped[uuid.UUID | None]
    actor_name: Mapped[str]
    action: Mapped[str40]
    object_kind: Mapped[str40]
    object_id: Mapped[uuid.UUID | None]
    sentence: Mapped[str]
    data: Mapped[dict[str, Any]]


def write(
    session: Session,
    actor: Actor,
    action: str,
    object_kind: str,
    object_id: uuid.UUID | None,
    sentence: str,
    **data: Any,
) -> None:
    """Add one line; `data` holds plain JSON values and never a secret."""
    session.add(
        AuditLine(
            id=ids.new_id(),
            at=clock.now(),
            actor_kind=actor.kind,
            actor_id=actor.id,
            actor_name=actor.name,
            action=action,
            object_kind=object_kind,
            object_id=object_id,
            sentence=sentence,
            data=data,
        )
    )


def fields(names: Iterable[str]) -> str:
    """Names of columns as a sentence of the audit log lists them."""
    return ", ".join(name.removesuffix("_id").replace("_", " ") for name in names)
