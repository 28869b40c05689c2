"""What we do with work orders: place, say something, cancel, find."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.base import clock, ids
from hub.base.errors import Conflict, Invalid, NotFound
from hub.base.text import N_
from hub.domain import numbers, outbox, teams, timeline
from hub.domain.access import Viewer
from hub.domain.audit import Actor
from hub.domain.cases.changing import needed, one_line, require, take
from hub.domain.cases.changing import say as say_on
from hub.domain.cases.tables import OPEN_STATES as OPEN_CASE
from hub.domain.cases.tables import Case
from hub.domain.kinds import Kind
from hub.domain.teams import Team
from hub.domain.timeline import HeadState, NewEntry
from hub.domain.workorders.tables import OrderState, WorkOrder


@dataclass(frozen=True, slots=True)
class TakenOrder:
    """A work order that nobody else can change before this transaction ends, with its team and case."""

    order: WorkOrder
    team: Team
    case: Case
    heads: Mapping[uuid.UUID, HeadState]

    def entry(self, kind: Kind, actor: Actor, facts: Mapping[str, Any], **more: Any) -> NewEntry:
        """A staff entry about the order: customers never learn of orders."""
        return NewEntry(
            self.order.account_id,
            kind,
            actor,
            {"order": self.order.number, "team": self.team.name, **facts},
            case_id=self.case.id,
            service_id=self.case.service_id,
            site_id=self.case.site_id,
            **more,
        )


def take_order(session: Session, order: WorkOrder) -> TakenOrder:
    """Lock the log of the order's account, which orders all changes of it, and read the order afresh."""
    heads = timeline.lock(session, [order.account_id])
    session.refresh(order)
    team = session.get_one(Team, order.team_id)
    return TakenOrder(order, team, session.get_one(Case, (order.account_id, order.case_id)), heads)


def write(session: Session, taken: TakenOrder, line: NewEntry) -> int:
    """Write the one line of a verb; answers its `seq`."""
    session.flush()  # an order that changed meanwhile must stop here, and Core statements flush nothing
    return timeline.append_locked(session, taken.heads, [line])[0]


def place(
    session: Session,
    actor: Actor,
    case: Case,
    team: Team,
    title: str,
    text: str,
    due_at: datetime | None = None,
) -> WorkOrder:
    """Give a team a task under an open case; it reaches them through their connection or by mail."""
    title = one_line("title", title, N_("Please say what is to be done."))
    body = needed("text", text, N_("Please describe what is to be done."))
    if due_at is not None and clock.utc(due_at) <= clock.now():
        raise Invalid.field("due_at", N_("Please choose a time that is still to come."))
    teams.require_taking(team)
    taken = take(session, case)
    require(case, *OPEN_CASE)
    order = WorkOrder(
        account_id=case.account_id,
        id=ids.new_id(),
        number=f"WO-{numbers.take(session, numbers.ORDERS)[0]}",
        case_id=case.id,
        team_id=team.id,
        state=OrderState.PLACED,
        title=title,
        text=body,
        placed_by=actor.id,
        placed_at=clock.now(),
        due_at=clock.utc(due_at) if due_at else None,
        foreign_status_mapped=True,
    )
    session.add(order)
    about = TakenOrder(order, team, case, taken.heads)
    seq = say_on(session, taken, about.entry(Kind.ORDER_PLACED, actor, {"title": title}, body=body))
    _put(session, about, "order.open", seq, {})
    return order


def say(session: Session, actor: Actor, order: WorkOrder, text: str) -> int:
    """Write to the team on its work order; answers the entry's `seq`."""
    body = needed("text", text, N_("Please write something."))
    taken = take_order(session, order)
    if order.state == OrderState.CANCELLED:
        raise Conflict(N_("This work order was cancelled."))
    line = taken.entry(Kind.ORDER_MESSAGE, actor, {"person": actor.name}, body=body, direction="out")
    seq = write(session, taken, line)
    _put(session, taken, "order.push", seq, {"kind": "message", "text": body, "author": actor.name})
    return seq


def cancel(session: Session, actor: Actor, order: WorkOrder, reason: str) -> int:
    """Tell the team that the task is not needed any more."""
    body = needed("reason", reason, N_("Please say why it is cancelled."))
    taken = take_order(session, order)
    if not order.is_open:
        raise Conflict(N_("This work order has already ended."))
    order.state, order.finished_at = OrderState.CANCELLED, clock.now()
    line = taken.entry(Kind.ORDER_STATE, actor, {"state": order.state}, body=body, direction="out")
    seq = write(session, taken, line)
    _put(session, taken, "order.close", seq, {"text": body, "author": actor.name})
    return seq


def _put(session: Session, taken: TakenOrder, kind: str, seq: int, more: Mapping[str, Any]) -> None:
    order = taken.order
    body = {
        "order_id": str(order.id),
        "account_id": str(order.account_id),
        "case_id": str(order.case_id),
        "entry_seq": seq,
        **more,
    }
    outbox.put(
        session,
        kind,
        body,
        account_id=order.account_id,
        connection_id=taken.team.connection_id,
        order_key=f"order:{order.id}",
        unique_key=f"{kind}:{order.id}:{seq}",
    )


def find(session: Session, viewer: Viewer, number: str) -> WorkOrder:
    """The work order of a number, for staff who may see its account; `NotFound` otherwise."""
    query = select(WorkOrder).where(WorkOrder.number == number.strip().upper())
    order = session.scalars(query).one_or_none()
    if order is None or not viewer.is_staff or order.account_id in viewer.hidden:
        raise NotFound(N_("There is no such work order."))
    return order


def get_order(session: Session, order_id: uuid.UUID) -> WorkOrder | None:
    """The order of an id that a delivery, a link or a reply address carries."""
    return session.scalars(select(WorkOrder).where(WorkOrder.id == order_id)).one_or_none()
