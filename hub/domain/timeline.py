"""The timeline: one append-only log per account, read through two lenses."""

import hashlib
import secrets
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any

import orjson
from sqlalchemy import ForeignKey, Index, Select, Table, Update, insert, select, text, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from hub.base import clock, hot, rows
from hub.base.db import Base, str40
from hub.domain.audit import Actor
from hub.domain.kinds import Kind, sentence_of


class Head(Base):
    """The counters of an account's log. Whoever writes an entry holds this row's lock until the commit.

    `customer_seq` counts what customers may see, so that nothing tells them of staff entries between.
    """

    __tablename__ = "account_heads"
    __table_args__ = ({"info": {"rls": "account"}},)

    account_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("accounts.id"), primary_key=True)
    seq: Mapped[int] = mapped_column(default=0)
    customer_seq: Mapped[int] = mapped_column(default=0)
    language: Mapped[str40]


def _partial(name: str, condition: str, *columns: str) -> Index:
    return Index(name, *columns, postgresql_where=text(condition), sqlite_where=text(condition))


class Entry(Base):
    """One line. Never updated but by an erasure, never deleted."""

    __tablename__ = "entries"
    __table_args__ = (
        _partial("ix_entries_headline", "weight = 'headline'", "account_id", "seq"),
        _partial("ix_entries_customer", "customer_seq IS NOT NULL", "account_id", "customer_seq"),
        _partial(
            "ix_entries_customer_headline",
            "customer_seq IS NOT NULL AND weight = 'headline'",
            "account_id",
            "customer_seq",
        ),
        _partial("ix_entries_case", "case_id IS NOT NULL", "account_id", "case_id", "seq"),
        {"info": {"rls": "audience"}},
    )

    account_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    customer_seq: Mapped[int | None]
    kind: Mapped[str40]
    weight: Mapped[str40]
    audience: Mapped[str40]
    occurred_at: Mapped[datetime]
    recorded_at: Mapped[datetime]
    actor_kind: Mapped[str40]
    actor_id: Mapped[uuid.UUID | None]
    actor_name: Mapped[str]
    channel: Mapped[str | None]
    direction: Mapped[str | None]
    sentence: Mapped[str]
    body: Mapped[str | None]
    data: Mapped[dict[str, Any]]
    case_id: Mapped[uuid.UUID | None]
    service_id: Mapped[uuid.UUID | None]
    site_id: Mapped[uuid.UUID | None]
    source_seq: Mapped[int | None]
    salt: Mapped[str]
    digest: Mapped[str]
    erased_at: Mapped[datetime | None]


HEADS: Table = Head.__table__  # type: ignore[assignment]
ENTRIES: Table = Entry.__table__  # type: ignore[assignment]


@dataclass(slots=True)
class NewEntry:
    """What a verb says about a change; `append` adds the numbers, the sentence and the digest.

    `audience` is decided here and never changes. `body` is Markdown. `facts` are plain JSON values:
    the sentence is made of them, now in the account's language, later in the reader's.
    """

    account_id: uuid.UUID
    kind: Kind
    actor: Actor
    facts: Mapping[str, Any] = field(default_factory=dict)
    audience: str = "staff"
    weight: str = "headline"
    occurred_at: datetime | None = None
    channel: str | None = None
    direction: str | None = None
    body: str | None = None
    case_id: uuid.UUID | None = None
    service_id: uuid.UUID | None = None
    site_id: uuid.UUID | None = None
    source_seq: int | None = None


@dataclass(frozen=True, slots=True)
class HeadState:
    """A locked head as it was before this transaction's entries."""

    seq: int
    customer_seq: int
    language: str


def open_log(session: Session, account_id: uuid.UUID, language: str) -> None:
    """Start the log of a new account."""
    session.execute(insert(HEADS).values(account_id=account_id, seq=0, customer_seq=0, language=language))


def set_language(session: Session, account_id: uuid.UUID, language: str) -> None:
    """From its next entry on, the account's plain sentences are in this language."""
    session.execute(update(HEADS).where(HEADS.c.account_id == account_id).values(language=language))


def lock(session: Session, account_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, HeadState]:
    """Lock the heads of some accounts, in ascending order so that no two writers wait for each other.

    Every change of an account writes an entry, so this lock also orders all changes of its cases.
    On SQLite the transaction already holds the one write lock.
    """
    bound = {"accounts": rows.encode(set(account_ids))}
    return {
        account_id: HeadState(seq, customer_seq, language)
        for account_id, seq, customer_seq, language in hot.run(session, _locking(), bound)
    }


@lru_cache(maxsize=1)
def _locking() -> Select[Any]:
    return (
        select(HEADS.c.account_id, HEADS.c.seq, HEADS.c.customer_seq, HEADS.c.language)
        .where(rows.among(HEADS.c.account_id, "accounts"))
        .order_by(HEADS.c.account_id)
        .with_for_update()
    )


def append(session: Session, *entries: NewEntry) -> list[int]:
    """Write entries and answer their `seq`s, in the order given.

    Three statements for any number of entries and accounts: lock, insert, bump.
    """
    heads = lock(session, [entry.account_id for entry in entries])
    return append_locked(session, heads, entries)


def append_locked(
    session: Session,
    heads: Mapping[uuid.UUID, HeadState],
    entries: Sequence[NewEntry],
    beside: Sequence[rows.Write] = (),
) -> list[int]:
    """`append` for a caller that already holds the heads' locks (once per transaction and account).

    `beside` are changes of other tables that can be written in the same breath (see `rows.write`).
    """
    now = clock.now()
    counters = {account: [head.seq, head.customer_seq] for account, head in heads.items()}
    written = [
        _row(entry, counters[entry.account_id], heads[entry.account_id].language, now) for entry in entries
    ]
    rows.write(session, *beside, rows.inserting(ENTRIES, written), _bump(counters, written))
    return [row["seq"] for row in written]


def append_one(session: Session, entry: NewEntry) -> int:
    """`append` for a single entry: its `seq`."""
    return append(session, entry)[0]


def _row(entry: NewEntry, counter: list[int], language: str, now: datetime) -> dict[str, Any]:
    counter[0] += 1
    customer_seq = None
    if entry.audience == "customer":
        counter[1] += 1
        customer_seq = counter[1]
    actor = entry.actor
    row: dict[str, Any] = {
        "account_id": entry.account_id,
        "seq": counter[0],
        "customer_seq": customer_seq,
        "kind": str(entry.kind),
        "weight": entry.weight,
        "audience": entry.audience,
        "occurred_at": clock.utc(entry.occurred_at) if entry.occurred_at else now,
        "recorded_at": now,
        "actor_kind": actor.kind,
        "actor_id": actor.id,
        "actor_name": actor.name if entry.audience == "staff" else actor.shown_to_customers,
        "channel": entry.channel,
        "direction": entry.direction,
        "sentence": sentence_of(str(entry.kind), entry.facts, language),
        "body": entry.body,
        "data": dict(entry.facts),
        "case_id": entry.case_id,
        "service_id": entry.service_id,
        "site_id": entry.site_id,
        "source_seq": entry.source_seq,
    }
    row["salt"] = secrets.token_hex(16)
    row["digest"] = digest_of(row)
    return row


SEALED = (
    *("account_id", "seq", "customer_seq", "kind", "weight", "audience", "occurred_at", "recorded_at"),
    *("actor_kind", "actor_id", "actor_name", "channel", "direction", "sentence", "body", "data"),
    *("case_id", "service_id", "site_id", "source_seq", "salt"),
)


def digest_of(row: Mapping[str, Any]) -> str:
    """SHA-256 over every field of an entry and its salt: shows later whether the row was touched.

    The salt keeps the digest of an erased entry from confirming a guess of what it said.
    """
    # Instants are in UTC here and in what the database answers, so each has one written form.
    sealed = [row[name] for name in SEALED]
    return hashlib.sha256(orjson.dumps(sealed, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _bump(counters: Mapping[uuid.UUID, list[int]], written: Sequence[rows.Row]) -> rows.Write:
    touched = {row["account_id"] for row in written}
    new = [{"account_id": a, "seq": s, "customer_seq": c} for a, (s, c) in counters.items() if a in touched]
    return rows.Write(_bumping(), HEADS.name, new)


@lru_cache(maxsize=1)
def _bumping() -> Update:
    source = rows.fields(HEADS, ("account_id", "seq", "customer_seq"), HEADS.name).subquery("bumped")
    return (
        update(HEADS)
        .where(HEADS.c.account_id == source.c.account_id)
        .values(seq=source.c.seq, customer_seq=source.c.customer_seq)
    )
