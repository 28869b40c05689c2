"""How a change of a row becomes a line on the account's timeline."""

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from hub.base.db import Base
from hub.base.errors import Invalid
from hub.base.text import N_, one_line
from hub.domain import timeline
from hub.domain.audit import Actor
from hub.domain.kinds import Kind


def apply(row: Base, wanted: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Set what differs and answer it as plain facts: `{field: {"from": ..., "to": ...}}`."""
    changed: dict[str, dict[str, Any]] = {}
    for field, value in wanted.items():
        before = getattr(row, field)
        if before != value:
            changed[field] = {"from": plain(before), "to": plain(value)}
            setattr(row, field, value)
    return changed


def plain(value: Any) -> Any:
    """A column's value as JSON keeps it."""
    if isinstance(value, uuid.UUID):
        return str(value)
    return value.isoformat() if isinstance(value, datetime) else value


def record(
    session: Session,
    account_id: uuid.UUID,
    kind: Kind,
    actor: Actor,
    facts: Mapping[str, Any],
    *,
    weight: str = "detail",
    service_id: uuid.UUID | None = None,
    site_id: uuid.UUID | None = None,
) -> None:
    """One staff entry about the account's own data."""
    session.flush()  # the entry is written by a Core statement, which does not flush the row it speaks of
    timeline.append(
        session,
        timeline.NewEntry(
            account_id, kind, actor, facts, weight=weight, service_id=service_id, site_id=site_id
        ),
    )


def named(value: str, field: str = "name") -> str:
    """A name on one line; `Invalid` when it is empty."""
    line = one_line(value)
    if not line:
        raise Invalid.field(field, N_("Please enter a name."))
    return line
