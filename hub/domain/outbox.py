"""The outbox: every outside effect is a row first."""

import uuid
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Any, cast

from sqlalchemy import ColumnElement, CursorResult, Index, Table, TextClause, case, or_, select, text, update
from sqlalchemy.orm import Mapped, Session

from hub.base import clock, ids, rows
from hub.base.db import Base, UuidKey, str40
from hub.base.errors import Conflict
from hub.base.text import N_


class DeliveryState(StrEnum):
    """`SENDING` is committed before the call; a lease that runs out makes it `UNKNOWN`."""

    DUE = "due"
    SENDING = "sending"
    UNKNOWN = "unknown"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


OPEN_STATES = (DeliveryState.DUE, DeliveryState.SENDING, DeliveryState.UNKNOWN)
# Written out, not bound: a partial index is only used where the planner sees its condition. What was done is
# kept as evidence, so that whatever looks for work must never read past it.
_OPEN = "state IN ('due', 'sending', 'unknown')"
_CLAIMABLE = "state IN ('due', 'unknown')"
_SENDING = "state = 'sending'"
_GIVEN_UP = "state = 'failed' AND handled_at IS NULL"
GIVEN_UP: TextClause = text(f"deliveries.{_GIVEN_UP}")
"""What was given up and nobody has handled yet, as a condition of a query."""
NO_LONGER = N_("This delivery is no longer waiting for anyone.")


def _partial(name: str, condition: str, *columns: str) -> Index:
    return Index(name, *columns, postgresql_where=text(condition), sqlite_where=text(condition))


class Delivery(Base):
    """One attempt-able outside effect. Its id travels as the idempotency key.

    Only rows with the same `order_key` wait for each other, in the order of their ids; `unique_key` makes
    a second `put` of the same effect a no-op. `failed` rows are visible work until someone handles them.

    `uncertain`: an attempt may have arrived. `repeated`: it was sent once more although nobody could tell,
    which the hub does once by itself and once for each `retry`; `possible_repeat` says so for good.
    """

    __tablename__ = "deliveries"
    __table_args__ = (
        _partial("ix_deliveries_due", _CLAIMABLE, "due_at"),
        _partial("ix_deliveries_order", _OPEN, "order_key", "id"),
        _partial("ix_deliveries_lease", _SENDING, "lease_until"),
        _partial("ix_deliveries_failed", _GIVEN_UP, "id"),
        Index("uq_deliveries_unique_key", "unique_key", unique=True),
        {"info": {"rls": "staff_or_insert"}},
    )

    id: Mapped[UuidKey]
    account_id: Mapped[uuid.UUID | None]
    connection_id: Mapped[uuid.UUID | None]
    kind: Mapped[str40]
    order_key: Mapped[str | None]
    unique_key: Mapped[str | None]
    body: Mapped[dict[str, Any]]
    state: Mapped[str40]
    due_at: Mapped[datetime]
    attempts: Mapped[int]
    patience_from: Mapped[datetime]
    uncertain: Mapped[bool]
    repeated: Mapped[bool]
    possible_repeat: Mapped[bool]
    lease_owner: Mapped[uuid.UUID | None]
    lease_until: Mapped[datetime | None]
    last_error: Mapped[str | None]
    result: Mapped[dict[str, Any] | None]
    created_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    handled_at: Mapped[datetime | None]
    handled_by: Mapped[uuid.UUID | None]


Lane = uuid.UUID | str
"""What deliveries share their places in: their connection, or their kind where they have none."""
DELIVERIES: Table = Delivery.__table__  # type: ignore[assignment]
_COLUMNS = DELIVERIES.c


@dataclass(frozen=True, slots=True)
class Claimed:
    """A delivery that this worker holds until its lease runs out.

    `uncertain` is true when an earlier attempt may have arrived: ask the far side before sending again.
    `repeated` and `possible_repeat` are as they stood when it was claimed.
    """

    id: uuid.UUID
    account_id: uuid.UUID | None
    connection_id: uuid.UUID | None
    kind: str
    body: dict[str, Any]
    attempts: int
    patience_from: datetime
    possible_repeat: bool
    repeated: bool
    uncertain: bool
    lease_owner: uuid.UUID
    lease_until: datetime

    @property
    def lane(self) -> Lane:
        """Where it takes a place while it runs."""
        return self.connection_id or self.kind


def put(
    session: Session,
    kind: str,
    body: Mapping[str, Any],
    *,
    account_id: uuid.UUID | None = None,
    connection_id: uuid.UUID | None = None,
    order_key: str | None = None,
    unique_key: str | None = None,
    due_at: datetime | None = None,
) -> uuid.UUID:
    """Ask for one outside effect, in the caller's transaction. A second `unique_key` is a no-op."""
    new = {
        "kind": kind,
        "body": dict(body),
        "account_id": account_id,
        "connection_id": connection_id,
        "order_key": order_key,
        "unique_key": unique_key,
        "due_at": due_at,
    }
    return put_many(session, [new])[0]


def put_many(session: Session, wanted: Sequence[Mapping[str, Any]]) -> list[uuid.UUID]:
    """`put` for many effects in one statement; each item has the arguments of `put` as keys."""
    new = putting(session.get_bind().dialect.name, wanted)
    rows.write(session, new)
    return [row["id"] for row in new.rows]


def putting(dialect: str, wanted: Sequence[Mapping[str, Any]]) -> rows.Write:
    """The write that `put_many` does, for a flow that writes several tables in one breath."""
    now = clock.now()
    new = [
        {
            "id": ids.new_id(),
            "account_id": item.get("account_id"),
            "connection_id": item.get("connection_id"),
            "kind": item["kind"],
            "order_key": item.get("order_key"),
            "unique_key": item.get("unique_key"),
            "body": item["body"],
            "state": DeliveryState.DUE,
            "due_at": item.get("due_at") or now,
            "attempts": 0,
            "patience_from": item.get("due_at") or now,
            "uncertain": False,
            "repeated": False,
            "possible_repeat": False,
            "created_at": now,
        }
        for item in wanted
    ]
    return rows.inserting_new(dialect, DELIVERIES, new)


def expire_leases(session: Session) -> int:
    """Attempts whose worker died become `unknown` and due at once. Answers how many."""
    now = clock.now()
    lost = (
        update(DELIVERIES)
        .where(text(f"deliveries.{_SENDING}"), _COLUMNS.lease_until < now)
        .values(state=DeliveryState.UNKNOWN, uncertain=True, due_at=now, lease_owner=None, lease_until=None)
    )
    return cast("CursorResult[Any]", session.execute(lost)).rowcount


def claim(
    session: Session, limit: int, lease: timedelta, *, left: Mapping[Lane, int] = MappingProxyType({})
) -> list[Claimed]:
    """Take up to `limit` due deliveries, oldest first; the caller commits before it calls anyone.

    A row waits for older open rows of its `order_key`. `left` says how many places some lanes still have;
    no more is taken of them. On PostgreSQL rows that another worker is claiming are skipped, so that no
    worker waits for another.
    """
    now = clock.now()
    older = DELIVERIES.alias("older")
    waits = (
        select(older.c.id)
        .where(older.c.order_key == _COLUMNS.order_key, older.c.id < _COLUMNS.id, text(f"older.{_OPEN}"))
        .exists()
    )
    due = (
        select(_COLUMNS.id, _COLUMNS.connection_id, _COLUMNS.kind)
        .where(text(f"deliveries.{_CLAIMABLE}"), _COLUMNS.due_at <= now)
        .where(*_passing({lane for lane, places in left.items() if places <= 0}))
        .where(or_(_COLUMNS.order_key.is_(None), ~waits))
        .order_by(_COLUMNS.due_at, _COLUMNS.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    found: list[uuid.UUID] = []
    taken: Counter[Lane] = Counter()
    for row in session.execute(due):
        lane = row.connection_id or row.kind
        if taken[lane] < left.get(lane, limit):
            taken[lane] += 1
            found.append(row.id)
    return _take(session, found, now, lease) if found else []


def _passing(full: Collection[Lane]) -> list[ColumnElement[bool]]:
    """Conditions that pass the full lanes by; none where none is full."""
    connection, kinds = _COLUMNS.connection_id, [lane for lane in full if isinstance(lane, str)]
    ids_of = [lane for lane in full if isinstance(lane, uuid.UUID)]
    conditions = []
    if ids_of:
        conditions.append(or_(connection.is_(None), connection.not_in(ids_of)))
    if kinds:
        conditions.append(or_(connection.is_not(None), _COLUMNS.kind.not_in(kinds)))
    return conditions


_KEPT = ("id", "account_id", "connection_id", "kind", "body", "patience_from", "possible_repeat", "repeated")
"""What is handed over of a claimed row as it stands."""


def _take(session: Session, found: Sequence[uuid.UUID], now: datetime, lease: timedelta) -> list[Claimed]:
    owner, until = ids.new_id(), now + lease
    query = select(*(_COLUMNS[name] for name in _KEPT), _COLUMNS.attempts, _COLUMNS.state)
    taken = [
        Claimed(
            **{name: getattr(row, name) for name in _KEPT},
            attempts=row.attempts + 1,
            uncertain=row.state == DeliveryState.UNKNOWN,
            lease_owner=owner,
            lease_until=until,
        )
        for row in session.execute(query.where(_COLUMNS.id.in_(found)).order_by(_COLUMNS.due_at, _COLUMNS.id))
    ]
    session.execute(
        update(DELIVERIES)
        .where(_COLUMNS.id.in_(found))
        .values(
            state=DeliveryState.SENDING,
            attempts=_COLUMNS.attempts + 1,
            lease_owner=owner,
            lease_until=until,
        )
    )
    return taken


def settle(session: Session, claimed: Claimed, state: DeliveryState, **values: Any) -> bool:
    """Record how an attempt ended; false when the lease was lost meanwhile and nothing was changed."""
    finished = clock.now() if state in (DeliveryState.DONE, DeliveryState.FAILED) else None
    return _change_held(
        session, claimed, state=state, finished_at=finished, lease_owner=None, lease_until=None, **values
    )


def renew(session: Session, claimed: Claimed, lease: timedelta) -> bool:
    """Hold on to a delivery for the whole of `lease` from now; false when it was lost meanwhile."""
    return _change_held(session, claimed, lease_until=clock.now() + lease)


def mark_repeat(session: Session, claimed: Claimed) -> bool:
    """Say that the next attempt may be a repeat; false when the lease was lost meanwhile."""
    return _change_held(session, claimed, possible_repeat=True, repeated=True)


def _change_held(session: Session, claimed: Claimed, **values: Any) -> bool:
    changed = (
        update(DELIVERIES)
        .where(_COLUMNS.id == claimed.id, _COLUMNS.lease_owner == claimed.lease_owner)
        .values(**values)
    )
    return cast("CursorResult[Any]", session.execute(changed)).rowcount == 1


def attention(session: Session, *, after: uuid.UUID | None = None, limit: int = 50) -> list[Delivery]:
    """Deliveries that were given up and that nobody has handled yet, oldest first."""
    query = select(Delivery).where(GIVEN_UP)
    if after is not None:
        query = query.where(Delivery.id > after)
    return list(session.scalars(query.order_by(Delivery.id).limit(limit)))


def oldest_due(session: Session) -> datetime | None:
    """When the delivery that has waited longest should have been sent; None while none is overdue."""
    query = select(Delivery.due_at).where(text(f"deliveries.{_CLAIMABLE}"), Delivery.due_at <= clock.now())
    return session.scalars(query.order_by(Delivery.due_at).limit(1)).first()


def retry(session: Session, delivery_id: uuid.UUID) -> None:
    """Try a given-up delivery once more, with a patience that begins now.

    Where an attempt may have arrived the far side is asked first; where it cannot tell, the delivery is sent
    once more and marked, because somebody wants it so.
    """
    state = case((_COLUMNS.uncertain, DeliveryState.UNKNOWN), else_=DeliveryState.DUE)
    now = clock.now()
    _handle(
        session,
        delivery_id,
        state=state,
        due_at=now,
        patience_from=now,
        attempts=0,
        repeated=False,
        finished_at=None,
    )


def give_up(session: Session, delivery_id: uuid.UUID, person_id: uuid.UUID) -> None:
    """Take a given-up delivery off the queue for good."""
    _handle(session, delivery_id, handled_at=clock.now(), handled_by=person_id)


def _handle(session: Session, delivery_id: uuid.UUID, **values: Any) -> None:
    changed = (
        update(DELIVERIES)
        .where(
            _COLUMNS.id == delivery_id, _COLUMNS.state == DeliveryState.FAILED, _COLUMNS.handled_at.is_(None)
        )
        .values(**values)
    )
    if cast("CursorResult[Any]", session.execute(changed)).rowcount != 1:
        raise Conflict(NO_LONGER)
