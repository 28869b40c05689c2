"""The one change that an entry may ever see, and the way to put one right without changing it."""

import uuid
from typing import Any

from sqlalchemy import Table, select, update
from sqlalchemy.orm import Session

from hub.base import clock
from hub.base.db import as_system
from hub.base.errors import Conflict, Invalid, NotFound
from hub.base.text import N_
from hub.domain import timeline
from hub.domain.attachments import Attachment
from hub.domain.audit import Actor
from hub.domain.kinds import Kind
from hub.domain.outbox import DELIVERIES, OPEN_STATES, DeliveryState
from hub.domain.quarantine import Quarantined
from hub.domain.timeline import ENTRIES, NewEntry

ATTACHMENTS: Table = Attachment.__table__  # type: ignore[assignment]
QUARANTINE: Table = Quarantined.__table__  # type: ignore[assignment]


def erase(session: Session, actor: Actor, account_id: uuid.UUID, seq: int, why: str) -> int:
    """Empty an entry of everything it said, with its files and its copies on their way out or in quarantine.

    The line itself stays, with its time and kind, and so does its digest, which without the salt confirms
    nothing. Answers the `seq` of the entry that says so. `Invalid` without a reason, `NotFound` for no such
    entry, `Conflict` for one that is empty already.
    """
    if not why.strip():
        raise Invalid.field(
            "why", N_("Say why this is erased, for example a request of the person it is about.")
        )
    timeline.lock(session, [account_id])
    entry = _entry(session, account_id, seq)
    if entry.erased_at is not None:
        raise Conflict(N_("This entry was erased already."))
    with as_system(session):  # the pages' role may not touch an entry at all
        _empty_entry(session, account_id, seq)
        _empty_copies(session, account_id, seq)
    said = NewEntry(
        account_id, Kind.ERASED, actor, {"why": why.strip()}, case_id=entry.case_id, source_seq=seq
    )
    return timeline.append_one(session, said)


def correct(session: Session, actor: Actor, account_id: uuid.UUID, seq: int, what: str) -> int:
    """Put an entry right by another one, for the same readers; the first stays as it is."""
    if not what.strip():
        raise Invalid.field("what", N_("Say what is right."))
    entry = _entry(session, account_id, seq)
    said = NewEntry(
        account_id,
        Kind.CORRECTED,
        actor,
        {"what": what.strip()},
        audience=entry.audience,
        case_id=entry.case_id,
        service_id=entry.service_id,
        site_id=entry.site_id,
        source_seq=seq,
    )
    return timeline.append_one(session, said)


def _entry(session: Session, account_id: uuid.UUID, seq: int) -> Any:
    found = session.execute(
        select(ENTRIES).where(ENTRIES.c.account_id == account_id, ENTRIES.c.seq == seq)
    ).first()
    if found is None:
        raise NotFound(N_("There is no such entry."))
    return found


def _empty_entry(session: Session, account_id: uuid.UUID, seq: int) -> None:
    session.execute(
        update(ENTRIES)
        .where(ENTRIES.c.account_id == account_id, ENTRIES.c.seq == seq)
        .values(sentence="", body=None, data={}, actor_name="", actor_id=None, salt="", erased_at=clock.now())
    )


def _empty_copies(session: Session, account_id: uuid.UUID, seq: int) -> None:
    session.execute(
        update(ATTACHMENTS)
        .where(ATTACHMENTS.c.account_id == account_id, ATTACHMENTS.c.entry_seq == seq)
        .values(content=None, name="", sha256="", size=0)
    )
    copies = (DELIVERIES.c.account_id == account_id, DELIVERIES.c.body["entry_seq"].as_integer() == seq)
    # What is still to be sent would say what must not be said any more.
    session.execute(
        update(DELIVERIES)
        .where(*copies, DELIVERIES.c.state.in_(OPEN_STATES))
        .values(state=DeliveryState.CANCELLED, finished_at=clock.now(), lease_owner=None)
    )
    session.execute(update(DELIVERIES).where(*copies).values(body={"entry_seq": seq}, result=None))
    session.execute(
        update(QUARANTINE)
        .where(QUARANTINE.c.filed_account == account_id, QUARANTINE.c.filed_seq == seq)
        .values(body=None, subject="", sender="")
    )
