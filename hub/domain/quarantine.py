"""What came in and could not be used: kept whole, shown in a queue, never dropped."""

import json
import re
import uuid
from collections.abc import Collection, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, LargeBinary, func, select, text
from sqlalchemy.orm import Mapped, Session, deferred, mapped_column

from hub.base import clock, ids
from hub.base.db import Base, UuidKey, str40, str200
from hub.base.errors import Conflict, NotFound
from hub.base.text import N_, one_line
from hub.domain import audit
from hub.domain.audit import Actor
from hub.plugin.contracts import Incoming

_CREDENTIAL = re.compile(r"signature|token|secret|password|cookie|auth(?!or\b)|(?<!event-)key", re.IGNORECASE)
"""Names of headers and parameters that may prove who sends; parsing needs none. Some tools say in a header
like X-Event-Key what happened."""


class QuarantineKind(StrEnum):
    """`WAITING` bodies the worker will parse (a connector whose parse is slow, or somebody asked for it), and
    so it will an item that is to be read `AGAIN`.

    An `UPLOAD` is a directory's files that wait for an admin's yes.
    """

    BODY = "body"
    ITEM = "item"
    UPDATE = "update"
    MAIL = "mail"
    WAITING = "waiting"
    AGAIN = "again"
    UPLOAD = "upload"


class Quarantined(Base):
    """One body, item of a body, or mail that waits for a person (or the worker).

    Of a mail that was put onto a case `filed_account` and `filed_seq` name the entry: an erasure of that
    entry empties what is left here. `request` is how a webhook came, as JSON,
    without what proves who sent it.
    """

    __tablename__ = "quarantine"
    __table_args__ = (
        Index(
            "ix_quarantine_open",
            "kind",
            "received_at",
            postgresql_where=text("handled_at IS NULL"),
            sqlite_where=text("handled_at IS NULL"),
        ),
        Index(
            "ix_quarantine_filed",
            "filed_account",
            "filed_seq",
            postgresql_where=text("filed_account IS NOT NULL"),
            sqlite_where=text("filed_account IS NOT NULL"),
        ),
        {"info": {"rls": "staff_only"}},
    )

    connection_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("connections.id"), primary_key=True)
    id: Mapped[UuidKey]
    kind: Mapped[str40]
    reason: Mapped[str]
    received_at: Mapped[datetime]
    content_type: Mapped[str200]
    subject: Mapped[str]
    sender: Mapped[str]
    body: Mapped[bytes | None] = deferred(mapped_column(LargeBinary))
    request: Mapped[str | None] = deferred(mapped_column())
    handled_at: Mapped[datetime | None]
    handled_by: Mapped[uuid.UUID | None]
    outcome: Mapped[str | None]
    filed_account: Mapped[uuid.UUID | None]
    filed_seq: Mapped[int | None]


def keep(
    session: Session,
    connection_id: uuid.UUID,
    kind: QuarantineKind,
    reason: str,
    body: bytes,
    *,
    content_type: str = "application/json",
    subject: str = "",
    sender: str = "",
    came: Incoming | None = None,
) -> uuid.UUID:
    """Keep something whole, with the reason in plain words; answers its id.

    `came`: the request that it is of, if it is to be read again as it was sent.
    """
    kept = Quarantined(
        connection_id=connection_id,
        id=ids.new_id(),
        kind=kind,
        reason=reason,
        received_at=came.received_at if came else clock.now(),
        content_type=one_line(content_type),
        subject=one_line(subject, 500),
        sender=one_line(sender, 500),
        body=body,
        request=_request(came, None if came.body is body else content_type) if came else None,
    )
    session.add(kept)
    return kept.id


def _request(came: Incoming, part: str | None) -> str:
    """How it came. A part of a body has neither its length nor its encoding, and the type `part`."""
    headers = _harmless(came.headers)
    if part is not None:
        headers = {name: value for name, value in headers.items() if not name.startswith("content-")}
        headers["content-type"] = part
    said = {"method": came.method, "path": came.path, "query": _harmless(came.query), "headers": headers}
    return json.dumps(said)  # in ASCII: no database minds what strangers wrote


def _harmless(sent: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in sent.items() if not _CREDENTIAL.search(name)}


def as_incoming(kept: Quarantined) -> Incoming:
    """The request again, or as much of it as was kept, for a connector to parse."""
    said: dict[str, Any] = {
        "method": "POST",
        "path": "",
        "query": {},
        "headers": {"content-type": kept.content_type},
    }
    if kept.request:
        said = json.loads(kept.request)
    return Incoming(body=kept.body or b"", received_at=kept.received_at, **said)


def waiting(
    session: Session, kinds: Collection[QuarantineKind], *, after: uuid.UUID | None = None, limit: int = 50
) -> list[Quarantined]:
    """What nobody has handled yet, oldest first, without the bodies (they load on use)."""
    query = select(Quarantined).where(Quarantined.kind.in_(kinds), Quarantined.handled_at.is_(None))
    if after is not None:
        query = query.where(Quarantined.id > after)
    return list(session.scalars(query.order_by(Quarantined.id).limit(limit)))


def sources(session: Session, kinds: Collection[QuarantineKind]) -> list[uuid.UUID]:
    """The connections that something waits of."""
    query = select(Quarantined.connection_id).where(Quarantined.kind.in_(kinds))
    return list(session.scalars(query.where(Quarantined.handled_at.is_(None)).distinct()))


def in_turn(
    session: Session, kinds: Collection[QuarantineKind], connections: Collection[uuid.UUID], limit: int
) -> list[tuple[uuid.UUID, uuid.UUID]]:
    """(connection, id) of what waits of some connections: the oldest of each, then the next of each."""
    turn = func.row_number().over(partition_by=Quarantined.connection_id, order_by=Quarantined.id)
    waits = select(Quarantined.connection_id, Quarantined.id, turn.label("turn")).where(
        Quarantined.connection_id.in_(connections),
        Quarantined.kind.in_(kinds),
        Quarantined.handled_at.is_(None),
    )
    each = waits.subquery()
    query = select(each.c.connection_id, each.c.id).order_by(each.c.turn, each.c.id).limit(limit)
    return [(row.connection_id, row.id) for row in session.execute(query)]


def claim(
    session: Session, kinds: Collection[QuarantineKind], quarantined_id: uuid.UUID
) -> Quarantined | None:
    """What waits, held until the end of the transaction; None where another holds it or was faster."""
    query = select(Quarantined).where(
        Quarantined.id == quarantined_id, Quarantined.kind.in_(kinds), Quarantined.handled_at.is_(None)
    )
    return session.scalar(query.with_for_update(skip_locked=True))


def get(session: Session, quarantined_id: uuid.UUID) -> Quarantined:
    """One kept item; NotFound."""
    kept = session.scalar(select(Quarantined).where(Quarantined.id == quarantined_id))
    if kept is None:
        raise NotFound(N_("There is no such item in quarantine."))
    return kept


def handle(session: Session, actor: Actor, kept: Quarantined, outcome: str) -> None:
    """Take an item off the queue. `outcome` says in plain words what became of it; it goes to the audit log.

    Conflict when someone has handled it already, or does so now and is faster.
    """
    session.flush()
    session.refresh(kept, ["handled_at", "outcome"], with_for_update=True)
    if kept.handled_at is not None:
        raise Conflict(N_("This was handled already: %(outcome)s"), outcome=kept.outcome)
    kept.handled_at, kept.handled_by, kept.outcome = clock.now(), actor.id, outcome
    sentence = f"{kept.kind.capitalize()} in quarantine was handled: {outcome}"
    audit.write(session, actor, "quarantine.handled", "quarantine", kept.id, sentence, reason=kept.reason)
