"""When the last alert of a case has cleared and no work order is open, the case resolves itself."""

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Table, case, select, update
from sqlalchemy.orm import Session

from hub.base import clock
from hub.domain import alerts, outbox, timeline, workorders
from hub.domain.audit import HUB
from hub.domain.cases import OPEN_STATES, Case, CaseState, named, telling
from hub.domain.kinds import Kind
from hub.domain.timeline import NewEntry
from hub.domain.workorders import WorkOrder

CASES: Table = Case.__table__  # type: ignore[assignment]
_SAID = ("account_id", "id", "number", "title", "customer_title", "shared_at", "service_id")


@dataclass(slots=True)
class Consequences:
    """What a flow still has to write: entries under the heads' locks, then outbox rows."""

    entries: list[NewEntry] = field(default_factory=list)
    effects: list[dict[str, Any]] = field(default_factory=list)


def resolve_quiet(session: Session, account_id: uuid.UUID, case_id: uuid.UUID) -> None:
    """Resolve one case if nothing of it is open any more; for flows that ended a work order."""
    heads = timeline.lock(session, [account_id])
    follows = quiet_cases(session, {case_id: account_id})
    timeline.append_locked(session, heads, follows.entries)
    outbox.put_many(session, follows.effects)


def quiet_cases(session: Session, cases: Mapping[uuid.UUID, uuid.UUID]) -> Consequences:
    """Resolve those of some cases (id -> account) that have become quiet; the caller holds the heads' locks.

    Only cases that alerts opened resolve by themselves. A shared one asks the customer to confirm; one that
    was never shared is closed at once, since nobody outside waits for it.
    """
    follows = Consequences()
    accounts = sorted(set(cases.values()))
    noisy = alerts.still_active(session, cases.keys(), accounts)
    noisy |= _with_orders(session, cases.keys(), accounts)
    quiet = [case_id for case_id in cases if case_id not in noisy]
    if not quiet:
        return follows
    found = session.execute(
        select(*(CASES.c[name] for name in _SAID))
        .where(CASES.c.account_id.in_(accounts), CASES.c.id.in_(quiet))
        .where(CASES.c.state.in_(OPEN_STATES), CASES.c.correlation_key.is_not(None))
    ).all()
    _resolve(session, accounts, [row.id for row in found])
    for row in found:
        _say_resolved(follows, row)
    return follows


def _with_orders(
    session: Session, case_ids: Collection[uuid.UUID], accounts: Sequence[uuid.UUID]
) -> set[uuid.UUID]:
    order = WorkOrder.__table__.c
    query = select(order.case_id).where(
        order.account_id.in_(accounts), order.case_id.in_(case_ids), order.state.in_(workorders.OPEN_STATES)
    )
    return set(session.scalars(query))


def _resolve(session: Session, accounts: Sequence[uuid.UUID], case_ids: Sequence[uuid.UUID]) -> None:
    if not case_ids:
        return
    now, shared = clock.now(), CASES.c.shared_at.is_not(None)
    session.execute(
        update(CASES)
        .where(CASES.c.account_id.in_(accounts), CASES.c.id.in_(case_ids))
        .values(
            state=case((shared, CaseState.RESOLVED), else_=CaseState.CLOSED),
            closed_at=case((shared, None), else_=now),
            resolved_at=now,
            wait_reason=None,
            next_step=None,
            next_update_by=None,
            share_at=None,
            version=CASES.c.version + 1,
        )
    )


def _say_resolved(follows: Consequences, row: Any) -> None:
    shared = row.shared_at is not None
    follows.entries.append(
        NewEntry(
            row.account_id,
            Kind.CASE_RESOLVED,
            HUB,
            {**named(row), "by": "alerts"},
            audience="customer" if shared else "staff",
            case_id=row.id,
            service_id=row.service_id,
        )
    )
    if shared:
        event = f"resolved:{row.id}:{clock.now():%Y%m%d%H%M%S%f}"
        follows.effects.append(telling("customers", row.account_id, row.id, event))
