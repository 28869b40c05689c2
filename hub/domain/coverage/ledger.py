"""The ledger of duty: its rows are the past. Automatic changes are added when due, edits from now on."""

import uuid
from collections import deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import Insert, Select, Table, and_, bindparam, case, func, or_, select, true
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session, aliased

from hub.base import clock, rows
from hub.base.db import Utc, as_system
from hub.domain import timeline
from hub.domain.accounts import Account
from hub.domain.audit import HUB, Actor
from hub.domain.coverage import plan as planning
from hub.domain.coverage.last_resort import settle_fallback
from hub.domain.coverage.loading import account_rows, plans, wanted
from hub.domain.coverage.plan import Answer, Plan
from hub.domain.coverage.tables import Duty, DutyMark, DutyReason
from hub.domain.coverage.why import sentence
from hub.domain.kinds import Kind
from hub.domain.people import Person
from hub.domain.timeline import HeadState, NewEntry

DUTIES: Table = Duty.__table__  # type: ignore[assignment]
REASONS: Table = DutyReason.__table__  # type: ignore[assignment]
MARKS: Table = DutyMark.__table__  # type: ignore[assignment]
BATCH = 500


@dataclass(frozen=True, slots=True)
class Written:
    """What the ledger says of one account at some instant: the row that covers it, if one does yet.

    The account's plan counts from `planned_from` on and changes next at `due_at`; `replaced_at` is when a
    later row changed the holder. `reasons` are empty in a customer's scope.
    """

    created_at: datetime
    closed_at: datetime | None
    planned_from: datetime | None
    due_at: datetime | None
    duty: Duty | None
    person_name: str
    replaced_at: datetime | None
    reasons: tuple[dict[str, Any], ...]

    def within_life(self, at: datetime) -> datetime:
        """The instant, or the nearest at which the account existed and was open."""
        at = max(at, self.created_at)
        return at if self.closed_at is None else min(at, self.closed_at)

    def misses(self, at: datetime) -> bool:
        """Whether a change up to `at` is not written yet."""
        return self.planned_from is None or (self.due_at is not None and self.due_at <= at)


@lru_cache(maxsize=1)
def _written() -> Select[Any]:
    later, earlier = aliased(Duty), aliased(Duty)
    at = bindparam("at", type_=Utc())
    covering = (
        select(func.max(earlier.effective_at))
        .where(
            earlier.account_id == Account.id,
            earlier.effective_at <= case((at < Account.created_at, Account.created_at), else_=at),
        )
        .scalar_subquery()
    )
    replaced = (
        select(func.min(later.effective_at))
        .where(later.account_id == Account.id, later.effective_at > Duty.effective_at)
        .where(
            or_(
                later.person_id != Duty.person_id,
                later.assignment_id.is_distinct_from(Duty.assignment_id),
            )
        )
        .scalar_subquery()
    )
    return (
        select(Account.id, Account.created_at, Account.closed_at)
        .add_columns(DutyMark.planned_from, DutyMark.due_at, Duty, Person.name, replaced.label("replaced_at"))
        .add_columns(DutyReason.reasons)
        .outerjoin(DutyMark, DutyMark.account_id == Account.id)
        .outerjoin(Duty, and_(Duty.account_id == Account.id, Duty.effective_at == covering))
        .outerjoin(Person, Person.id == Duty.person_id)
        .outerjoin(
            DutyReason,
            and_(DutyReason.account_id == Duty.account_id, DutyReason.effective_at == Duty.effective_at),
        )
        .where(Account.id.in_(wanted()))
    )


def written(session: Session, account_ids: Collection[uuid.UUID], at: datetime) -> dict[uuid.UUID, Written]:
    """What the ledger says at an instant; accounts out of sight are left out. One statement."""
    bound = {"rows": account_rows(account_ids), "at": at}
    found = session.execute(_written(), bound, execution_options={"populate_existing": True})
    return {
        row.id: Written(
            row.created_at,
            row.closed_at,
            row.planned_from,
            row.due_at,
            row.Duty,
            row.name or "",
            row.replaced_at,
            tuple(row.reasons or ()),
        )
        for row in found
    }


def due(session: Session, limit: int = BATCH) -> list[uuid.UUID]:
    """Some of the accounts whose ledger misses a change that is due, or that have none yet."""
    overdue = select(DutyMark.account_id).where(DutyMark.due_at <= clock.now()).order_by(DutyMark.due_at)
    found = list(session.scalars(overdue.limit(limit)))
    unwritten = select(Account.id).outerjoin(DutyMark, DutyMark.account_id == Account.id)
    fresh = unwritten.where(DutyMark.account_id.is_(None)).limit(limit - len(found))
    return found + list(session.scalars(fresh))


def record_due(session: Session, account_ids: Collection[uuid.UUID] | None = None) -> int:
    """Write the automatic changes that are due, each with its entry; answers for how many accounts.

    Without `account_ids` up to `BATCH` accounts that are due: call it again until it answers 0. While there
    is nobody who could answer in the end, ledgers do not begin.
    """
    with as_system(session):
        if not settle_fallback(session):
            return 0
        some = sorted(due(session) if account_ids is None else account_ids)
        return sum(_record(session, some[at : at + BATCH]) for at in range(0, len(some), BATCH))


def _record(session: Session, account_ids: Sequence[uuid.UUID]) -> int:
    heads = timeline.lock(session, account_ids)
    now = clock.now()
    # Read after the lock: another worker may have written meanwhile.
    known = {key: old for key, old in written(session, account_ids, now).items() if old.misses(now)}
    if not known:
        return 0
    since = min(old.planned_from or old.created_at for old in known.values())
    duties: list[dict[str, Any]] = []
    marks: list[dict[str, Any]] = []
    entries: list[NewEntry] = []
    for account_id, plan in plans(session, sorted(known), since).items():
        old = known[account_id]
        until = old.within_life(now)
        changes = list(_missing(old, plan, until))
        duties += [_row(account_id, at, found) for at, found in changes]
        last = changes[-1][1].until if changes else old.due_at
        marks.append(_mark(account_id, max(until, old.planned_from or until), last, old))
        entries += _entries(account_id, old, changes, HUB, heads[account_id])
    _save(session, duties, marks)
    timeline.append_locked(session, heads, entries)
    return len(known)


def _missing(old: Written, plan: Plan, until: datetime) -> Iterator[tuple[datetime, Answer]]:
    """The changes that the ledger of an account lacks up to an instant, each with what it changed to."""
    since = old.planned_from
    if since is None:
        since = old.created_at
        yield since, planning.answer(plan, since)
    yield from planning.changes(plan, since, until)


def answer_now(old: Written, plan: Plan, at: datetime) -> tuple[datetime, Answer] | None:
    """The last change up to `at` that is not written yet; None where the last row still holds."""
    return next(iter(deque(_missing(old, plan, at), maxlen=1)), None)


@contextmanager
def replanned(session: Session, actor: Actor, account_ids: Collection[uuid.UUID]) -> Iterator[None]:
    """An edit of planning: what was due before it is written first, what it changes counts from now on."""
    with as_system(session):
        record_due(session, account_ids)
    yield
    with as_system(session):
        session.flush()  # plans are read by Core statements too
        if not settle_fallback(session):
            return
        ids = sorted(account_ids)
        for at in range(0, len(ids), BATCH):
            _replan(session, actor, ids[at : at + BATCH])


def _replan(session: Session, actor: Actor, account_ids: Sequence[uuid.UUID]) -> None:
    heads = timeline.lock(session, account_ids)
    now = clock.now()
    known = {
        key: old for key, old in written(session, account_ids, now).items() if old.within_life(now) >= now
    }
    duties: list[dict[str, Any]] = []
    marks: list[dict[str, Any]] = []
    entries: list[NewEntry] = []
    for account_id, plan in plans(session, sorted(known), now).items():
        old = known[account_id]
        # Another node's clock may be ahead: the ledger never goes back.
        at = max(now, old.planned_from or now)
        found = planning.answer(plan, at)
        marks.append(_mark(account_id, at, found.until, old))
        if old.duty is None or not _says_the_same(old.duty, old.reasons, found):
            duties.append(_row(account_id, at, found))
            entries += _entries(account_id, old, [(at, found)], actor, heads[account_id])
    _save(session, duties, marks)
    timeline.append_locked(session, heads, entries)


def _says_the_same(duty: Duty, reasons: tuple[dict[str, Any], ...], found: Answer) -> bool:
    return (
        (duty.person_id, duty.assignment_id) == found.holder
        and duty.reach == asdict(found.reach)
        and reasons == found.reasons
    )


def _row(account_id: uuid.UUID, at: datetime, found: Answer) -> dict[str, Any]:
    return {
        "account_id": account_id,
        "effective_at": at,
        "recorded_at": clock.now(),
        "person_id": found.person_id,
        "assignment_id": found.assignment_id,
        "role": found.role,
        "until": found.until,
        "reach": asdict(found.reach),
        "reasons": list(found.reasons),
    }


def _mark(
    account_id: uuid.UUID, planned_from: datetime, due_at: datetime | None, old: Written
) -> dict[str, Any]:
    closed = old.closed_at is not None and due_at is not None and due_at > old.closed_at
    return {"account_id": account_id, "planned_from": planned_from, "due_at": None if closed else due_at}


def _entries(
    account_id: uuid.UUID,
    old: Written,
    changes: Sequence[tuple[datetime, Answer]],
    actor: Actor,
    head: HeadState,
) -> Iterator[NewEntry]:
    """One entry for each change of person; the first row of a ledger is told by the account's creation."""
    before = None if old.duty is None else old.duty.person_id
    for at, found in changes:
        if before is not None and found.person_id != before:
            facts = {
                "person": found.person_name,
                "person_id": str(found.person_id),
                "role": found.role,
                "why": sentence(found.reasons, head.language),
                "reasons": list(found.reasons),
            }
            weight = "detail" if actor == HUB else "headline"
            yield NewEntry(account_id, Kind.DUTY_CHANGED, actor, facts, weight=weight, occurred_at=at)
        before = found.person_id


@lru_cache(maxsize=6)
def _upsert(dialect: str, table: Table) -> Insert:
    """Replace a row of the same key: two edits within one microsecond leave what the second one said."""
    module: Any = postgresql if dialect == "postgresql" else sqlite
    columns = tuple(table.c.keys())
    insert = module.insert(table).from_select(columns, rows.fields(table, columns).where(true()))
    keys = [column.name for column in table.primary_key]
    changed: Insert = insert.on_conflict_do_update(
        index_elements=keys, set_={name: insert.excluded[name] for name in columns if name not in keys}
    )
    return changed


def _save(session: Session, duties: Sequence[Mapping[str, Any]], marks: Sequence[Mapping[str, Any]]) -> None:
    dialect = session.get_bind().dialect.name
    for table, changed in ((DUTIES, duties), (REASONS, duties), (MARKS, marks)):
        if changed:
            columns = table.c.keys()
            written = [{name: row[name] for name in columns} for row in changed]
            session.execute(_upsert(dialect, table), {"rows": rows.encode(written)})
