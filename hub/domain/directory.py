"""What a directory (CRM, files) said last of each record.

Of three values (said before, kept in the hub, said now) the hub tells whose change a difference is: what
someone changed here by hand is the hub's from then on and no source overwrites it.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Table, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from hub.base import clock
from hub.base.db import Base, str40

Values = Mapping[str, Any]


class DirectoryRecord(Base):
    """One record of a source as it was imported last; `kind` is account, site, service or person."""

    __tablename__ = "directory_records"
    __table_args__ = ({"info": {"rls": "staff_only"}},)

    connection_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("connections.id"), primary_key=True)
    kind: Mapped[str40] = mapped_column(primary_key=True)
    external_id: Mapped[str] = mapped_column(primary_key=True)
    said: Mapped[dict[str, Any]]
    imported_at: Mapped[datetime]


_RECORDS: Table = DirectoryRecord.__table__  # type: ignore[assignment]


@dataclass(slots=True)
class Verdict:
    """What becomes of a record: `change` is to be set, `kept` differs because it was changed by hand."""

    change: dict[str, Any] = field(default_factory=dict)
    kept: list[str] = field(default_factory=list)


def said_before(session: Session, connection_id: uuid.UUID) -> dict[tuple[str, str], dict[str, Any]]:
    """Everything that a source said last, by (kind, external id); one statement."""
    columns = (_RECORDS.c.kind, _RECORDS.c.external_id, _RECORDS.c.said)
    query = select(*columns).where(_RECORDS.c.connection_id == connection_id)
    return {(kind, external_id): said for kind, external_id, said in session.execute(query)}


def remember(session: Session, connection_id: uuid.UUID, kind: str, external_id: str, said: Values) -> None:
    """Keep what the source says now."""
    record = session.get(DirectoryRecord, (connection_id, kind, external_id))
    if record is None:
        record = DirectoryRecord(connection_id=connection_id, kind=kind, external_id=external_id)
        session.add(record)
    record.said, record.imported_at = dict(said), clock.now()


def weigh(before: Values | None, here: Values, now: Values) -> Verdict:
    """Whose value counts, field by field.

    What the source does not say (empty) changes nothing. What was never imported before is taken only where
    the hub has nothing; otherwise the source's value is taken where the hub still has the source's last one.
    """
    verdict = Verdict()
    for name, value in now.items():
        mine = here.get(name)
        if value in ("", None, [], ()) or value == mine:
            continue
        untouched = mine in ("", None, [], ()) if before is None else before.get(name) == mine
        if untouched:
            verdict.change[name] = value
        elif before is None or before.get(name) != value:
            verdict.kept.append(name)
    return verdict
