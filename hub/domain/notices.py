"""Notices: telling one person something, once per event, over their channels."""

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ForeignKey, Index, Table, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from hub.base import clock, ids, rows
from hub.base.db import Base, UuidKey, str40, str200
from hub.domain.people import Person


class Notice(Base):
    """One person is told of one event. `event` names it, e.g. `case-opened:<case id>`."""

    __tablename__ = "notices"
    __table_args__ = (
        Index("uq_notices_event", "account_id", "person_id", "event", unique=True),
        Index(None, "account_id", "entry_seq"),
        {"info": {"rls": "staff_or_insert"}},
    )

    account_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    id: Mapped[UuidKey]
    person_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("people.id"))
    event: Mapped[str200]
    kind: Mapped[str40]
    case_id: Mapped[uuid.UUID | None]
    entry_seq: Mapped[int | None]
    created_at: Mapped[datetime]
    delivered_at: Mapped[datetime | None]
    missed_at: Mapped[datetime | None]
    acknowledged_at: Mapped[datetime | None]


NOTICES: Table = Notice.__table__  # type: ignore[assignment]


def already_told(session: Session, account_id: uuid.UUID, event: str) -> set[uuid.UUID]:
    """Who has a notice of this event; exact while the caller holds the account's lock."""
    query = select(NOTICES.c.person_id).where(NOTICES.c.account_id == account_id, NOTICES.c.event == event)
    return set(session.scalars(query))


def add(
    session: Session,
    account_id: uuid.UUID,
    person_ids: Collection[uuid.UUID],
    event: str,
    *,
    case_id: uuid.UUID | None = None,
    entry_seq: int | None = None,
) -> Sequence[uuid.UUID]:
    """A notice for each person, who must have none of this event yet; answers their ids in that order."""
    now = clock.now()
    new = [
        {
            "account_id": account_id,
            "id": ids.new_id(),
            "person_id": person_id,
            "event": event,
            "kind": event.partition(":")[0],
            "case_id": case_id,
            "entry_seq": entry_seq,
            "created_at": now,
        }
        for person_id in person_ids
    ]
    rows.insert_rows(session, NOTICES, new)
    return [row["id"] for row in new]  # type: ignore[misc]


def delivered(session: Session, account_id: uuid.UUID, notice_id: uuid.UUID) -> None:
    """The notice has left the hub on one of the person's channels."""
    session.execute(
        update(NOTICES)
        .where(NOTICES.c.account_id == account_id, NOTICES.c.id == notice_id)
        .where(NOTICES.c.delivered_at.is_(None))
        .values(delivered_at=clock.now())
    )


def missed(session: Session, account_id: uuid.UUID, person_id: uuid.UUID, event: str) -> None:
    """The person could not be told after all, whatever it looked like when the notice left the hub."""
    session.execute(
        update(NOTICES)
        .where(NOTICES.c.account_id == account_id, NOTICES.c.person_id == person_id, NOTICES.c.event == event)
        .values(missed_at=clock.now())
    )


@dataclass(frozen=True, slots=True)
class Told:
    """Somebody was told of an entry; `delivered_at` is empty until it has left the hub."""

    name: str
    delivered_at: datetime | None


def told_of(session: Session, account_id: uuid.UUID, seqs: Collection[int]) -> dict[int, list[Told]]:
    """Whom the hub told of some entries of an account, by their `seq`; one statement for any number.

    Who was missed is not among them: a line of its own says so.
    """
    query = (
        select(NOTICES.c.entry_seq, Person.name, NOTICES.c.delivered_at)
        .join(Person, Person.id == NOTICES.c.person_id)
        .where(NOTICES.c.account_id == account_id, NOTICES.c.entry_seq.in_(seqs))
        .where(NOTICES.c.missed_at.is_(None))
        .order_by(Person.name)
    )
    found: dict[int, list[Told]] = {}
    for row in session.execute(query):
        found.setdefault(row.entry_seq, []).append(Told(row.name, row.delivered_at))
    return found
