"""Links between our objects and foreign ones, and what we need to recognise our own echo."""

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, ForeignKey, Index, Table, and_, or_, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from hub.base import clock, rows
from hub.base.db import Base, str40
from hub.base.errors import Conflict
from hub.base.text import N_
from hub.plugin.contracts import ExternalRef

OURS = "ours"
"""Origin of what we made or wrote; `THEIRS` of what came from the far side."""
THEIRS = "theirs"
STATUS = "status"
"""What stands for a status where the hash of a message would stand."""


class Link(Base):
    """One of our objects is one foreign object, over one connection."""

    __tablename__ = "links"
    __table_args__ = (
        Index(None, "connection_id", "object_kind", "object_id", unique=True),
        {"info": {"rls": "staff_or_insert"}},
    )

    connection_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("connections.id"), primary_key=True)
    external_id: Mapped[str] = mapped_column(primary_key=True)
    account_id: Mapped[uuid.UUID | None]
    object_kind: Mapped[str40]
    object_id: Mapped[uuid.UUID]
    url: Mapped[str | None]
    version: Mapped[str | None]
    origin: Mapped[str40]
    created_at: Mapped[datetime]


class LinkUpdate(Base):
    """One foreign change, seen (`applied`) or made by us (`ours`), so that none acts twice."""

    __tablename__ = "link_updates"
    __table_args__ = (
        Index(None, "connection_id", "external_id", "content_hash"),
        {"info": {"rls": "staff_or_insert"}},
    )

    connection_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("connections.id"), primary_key=True)
    external_id: Mapped[str] = mapped_column(primary_key=True)
    update_id: Mapped[str] = mapped_column(primary_key=True)
    account_id: Mapped[uuid.UUID | None]
    origin: Mapped[str40]
    content_hash: Mapped[str | None]
    delivery_id: Mapped[uuid.UUID | None]
    seen_at: Mapped[datetime]


@dataclass(frozen=True, slots=True)
class Target:
    """Which of our objects a foreign one is."""

    external_id: str
    account_id: uuid.UUID | None
    object_kind: str
    object_id: uuid.UUID
    version: str | None


LINKS: Table = Link.__table__  # type: ignore[assignment]
UPDATES: Table = LinkUpdate.__table__  # type: ignore[assignment]
_TARGET = tuple(LINKS.c[name] for name in Target.__dataclass_fields__)


def link(
    session: Session,
    connection_id: uuid.UUID,
    ref: ExternalRef,
    object_kind: str,
    object_id: uuid.UUID,
    *,
    account_id: uuid.UUID | None = None,
    origin: str = OURS,
) -> bool:
    """Say that a foreign object is ours; false when that was known (the version is then brought up to date).

    Conflict when it is linked to something else, or our object to something else over this connection.
    """
    new = {
        "connection_id": connection_id,
        "external_id": ref.external_id,
        "account_id": account_id,
        "object_kind": object_kind,
        "object_id": object_id,
        "url": ref.url or None,
        "version": ref.version,
        "origin": origin,
        "created_at": clock.now(),
    }
    # Two workers may learn of the same foreign object at once: one inserts, the other finds it.
    known = of_external(session, connection_id, ref.external_id)
    if known is None:
        rows.insert_new_rows(session, LINKS, [new])
        known = of_external(session, connection_id, ref.external_id)
        if known is not None and known.object_id == object_id:
            return True
    if known is None or known.object_id != object_id:
        message = N_("%(name)s or what it should be linked to is linked to something else.")
        raise Conflict(message, name=ref.external_id)
    note_version(session, connection_id, ref.external_id, ref.version)
    return False


def of_external(session: Session, connection_id: uuid.UUID, external_id: str) -> Target | None:
    """What a foreign object is to us."""
    return of_externals(session, connection_id, [external_id]).get(external_id)


def of_externals(
    session: Session, connection_id: uuid.UUID, external_ids: Collection[str]
) -> dict[str, Target]:
    """What some foreign objects are to us; one statement. Unlinked ones are missing in the answer."""
    query = select(*_TARGET).where(
        LINKS.c.connection_id == connection_id, LINKS.c.external_id.in_(external_ids)
    )
    return {row.external_id: Target(*row) for row in session.execute(query)}


def of_object(
    session: Session, connection_id: uuid.UUID, object_kind: str, object_id: uuid.UUID
) -> ExternalRef | None:
    """What one of our objects is over a connection."""
    query = select(LINKS.c.external_id, LINKS.c.url, LINKS.c.version).where(
        LINKS.c.connection_id == connection_id,
        LINKS.c.object_kind == object_kind,
        LINKS.c.object_id == object_id,
    )
    row = session.execute(query).first()
    return ExternalRef(row.external_id, row.url or "", row.version) if row else None


def note_version(session: Session, connection_id: uuid.UUID, external_id: str, version: str | None) -> None:
    """Keep the foreign object's version that we saw last."""
    if version is not None:
        session.execute(
            update(LINKS)
            .where(LINKS.c.connection_id == connection_id, LINKS.c.external_id == external_id)
            .values(version=version)
        )


def note_update(
    session: Session,
    connection_id: uuid.UUID,
    external_id: str,
    update_id: str,
    origin: str,
    *,
    account_id: uuid.UUID | None = None,
    content_hash: str | None = None,
    delivery_id: uuid.UUID | None = None,
) -> bool:
    """Remember one foreign change; false when it was known. Whoever gets true is the one to act on it."""
    new = {
        "connection_id": connection_id,
        "external_id": external_id,
        "update_id": update_id,
        "account_id": account_id,
        "origin": origin,
        "content_hash": content_hash,
        "delivery_id": delivery_id,
        "seen_at": clock.now(),
    }
    known = seen(session, connection_id, external_id, [update_id])
    if not known:
        rows.insert_new_rows(session, UPDATES, [new])
    return not known


def note_ours(
    session: Session,
    connection_id: uuid.UUID,
    external_id: str,
    delivery_id: uuid.UUID,
    content_hash: str | None,
    account_id: uuid.UUID | None = None,
) -> None:
    """Remember what we are about to write, before we write it: its echo may be faster than the answer.

    Without a hash, whatever carries the delivery's id is ours.
    """
    note_update(
        session,
        connection_id,
        external_id,
        f"delivery:{delivery_id}:{(content_hash or 'any')[:12]}",
        OURS,
        account_id=account_id,
        content_hash=content_hash,
        delivery_id=delivery_id,
    )


def seen(
    session: Session, connection_id: uuid.UUID, external_id: str, update_ids: Collection[str]
) -> set[str]:
    """Which of some changes of a foreign object were dealt with before."""
    query = select(UPDATES.c.update_id).where(
        UPDATES.c.connection_id == connection_id,
        UPDATES.c.external_id == external_id,
        UPDATES.c.update_id.in_(update_ids),
    )
    return set(session.scalars(query))


def we_wrote(
    session: Session,
    connection_id: uuid.UUID,
    external_id: str,
    content_hash: str | None,
    delivery_id: uuid.UUID | None = None,
) -> bool:
    """Whether we wrote on the foreign object what has this hash, or what carries this delivery and any."""
    # A None compared in SQL would mean "is null" and match what it must not.
    alike: list[ColumnElement[bool]] = []
    if content_hash is not None:
        alike.append(UPDATES.c.content_hash == content_hash)
    if delivery_id is not None:
        alike.append(and_(UPDATES.c.delivery_id == delivery_id, UPDATES.c.content_hash.is_(None)))
    if not alike:
        return False
    ours = select(UPDATES.c.update_id).where(
        UPDATES.c.connection_id == connection_id,
        UPDATES.c.external_id == external_id,
        UPDATES.c.origin == OURS,
        or_(*alike),
    )
    return session.execute(ours.limit(1)).first() is not None


def updates_like(
    session: Session, connection_id: uuid.UUID, external_id: str, content_hash: str
) -> list[str]:
    """The ids of the foreign object's known changes with that content, but for what we only planned."""
    query = select(UPDATES.c.update_id).where(
        UPDATES.c.connection_id == connection_id,
        UPDATES.c.external_id == external_id,
        UPDATES.c.content_hash == content_hash,
        UPDATES.c.delivery_id.is_(None),
    )
    return list(session.scalars(query))
