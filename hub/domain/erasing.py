"""The one change that an entry may ever see, and the way to put one right without changing it."""

import uuid
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Table, select, update
from sqlalchemy.orm import Session

from hub.base import clock
from hub.base.db import as_system
from hub.base.errors import Conflict, Invalid, NotFound
from hub.base.text import N_, one_line
from hub.domain import timeline
from hub.domain.attachments import Attachment
from hub.domain.audit import Actor
from hub.domain.cases import Case
from hub.domain.kinds import Kind
from hub.domain.outbox import DELIVERIES, OPEN_STATES, DeliveryState
from hub.domain.quarantine import Quarantined
from hub.domain.timeline import ENTRIES, NewEntry
from hub.domain.workorders import WorkOrder

ATTACHMENTS: Table = Attachment.__table__  # type: ignore[assignment]
QUARANTINE: Table = Quarantined.__table__  # type: ignore[assignment]

_TITLES = {"title": "title", "customer_title": "title"}
_ON_CASE: Mapping[str, Mapping[str, str]] = {
    Kind.CASE_OPENED: _TITLES,
    Kind.CASE_REPORTED: _TITLES,
    Kind.CASE_FOLLOWED: _TITLES,
    Kind.CASE_SHARED: _TITLES,
    Kind.CASE_RESOLVED: {"solution": "body"},
    Kind.CASE_PRIORITY: {"priority_reason": "body"},
    Kind.CASE_NEXT: {"next_step": "next_step"},
    Kind.PUBLISHED: {"next_step": "next_step"},
    Kind.CASE_REFERENCE: {"customer_reference": "reference"},
}
"""The fields of a case that an entry of a kind fills, each with the fact, or the body, it comes from."""

_ON_ORDER: Mapping[str, Mapping[str, str]] = {
    Kind.ORDER_PLACED: {"title": "title", "text": "body"},
    Kind.ORDER_STATE: {"refused_reason": "body"},
    Kind.ORDER_MESSAGE: {"last_word": "body"},
}
"""The same of a work order."""

_EMPTY = {"solution": "", "text": ""}
"""What is left of a field that may not be none, or is not to look as if it had never been filled."""


def erase(session: Session, actor: Actor, account_id: uuid.UUID, seq: int, why: str) -> int:
    """Empty an entry of everything it said, with its files, its copies on their way out or in quarantine, and
    what its case or work order has from it.

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
        _empty_fields(session, entry)
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
        .values(body=None, request=None, subject="", sender="")
    )


def _empty_fields(session: Session, entry: Any) -> None:
    """Take from the case and the work order what the entry brought there and they still say."""
    if filled := _ON_CASE.get(entry.kind):
        of_case = select(Case).where(Case.account_id == entry.account_id, Case.id == entry.case_id)
        _empty_row(session, of_case, entry, filled)
    if filled := _ON_ORDER.get(entry.kind):
        named = WorkOrder.number == entry.data.get("order")
        of_order = select(WorkOrder).where(WorkOrder.account_id == entry.account_id, named)
        _empty_row(session, of_order, entry, filled)


def _empty_row(session: Session, query: Any, entry: Any, filled: Mapping[str, str]) -> None:
    row: Any = session.scalars(query.execution_options(populate_existing=True)).one_or_none()
    if row is None:
        return
    said = {**entry.data, "body": entry.body}
    for field, source in filled.items():
        words = str(said.get(source) or "")
        # The last word is kept on one line, and short.
        if words and getattr(row, field) in (words, one_line(words, 500)):
            setattr(row, field, row.number if field.endswith("title") else _EMPTY.get(field))
