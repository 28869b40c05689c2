"""What a team's own tool, or its mail, says about a work order."""

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from hub.base import clock
from hub.base.errors import Invalid
from hub.base.text import N_, clean, one_line
from hub.domain.audit import Actor
from hub.domain.cases.changing import MAX_TEXT
from hub.domain.kinds import Kind
from hub.domain.workorders.ours import TakenOrder, take_order, write
from hub.domain.workorders.tables import OPEN_STATES, OrderState, WorkOrder


def apply_state(
    session: Session,
    actor: Actor,
    order: WorkOrder,
    state: str | None,
    foreign_status: str,
    mapped: bool,
    *,
    reason: str | None = None,
    at: datetime | None = None,
) -> int | None:
    """The team's tool shows a status; answers the entry's `seq`, or None where nothing is new.

    An unmapped status is kept verbatim and flagged, and the state stays. The team's word counts, also when
    it takes up an ended order again; only `placed` is ours, and nothing goes back to it. Whether an update
    is older than one already applied is the caller's to know. `at` is the source's time.
    """
    wanted = _state(state) if mapped else None
    foreign = one_line(foreign_status)
    taken = take_order(session, order)
    if wanted == OrderState.PLACED:
        wanted = OrderState(order.state)
    if not _is_new(order, wanted, foreign):
        return None
    if wanted is None:
        order.foreign_status, order.foreign_status_mapped = foreign, False
        line = taken.entry(Kind.ORDER_UNMAPPED, actor, {"status": foreign}, occurred_at=at)
        return write(session, taken, line)
    return _move(session, taken, actor, wanted, foreign, reason, at)


def _state(state: str | None) -> OrderState:
    try:
        return OrderState(state or "")
    except ValueError:
        raise Invalid.field("state", N_("This is no state of a work order.")) from None


def _is_new(order: WorkOrder, wanted: OrderState | None, foreign: str) -> bool:
    known = order.foreign_status == foreign and order.foreign_status_mapped == (wanted is not None)
    return not known or (wanted is not None and wanted != order.state)


def _move(
    session: Session,
    taken: TakenOrder,
    actor: Actor,
    wanted: OrderState,
    foreign: str,
    reason: str | None,
    at: datetime | None,
) -> int:
    order, body = taken.order, clean(reason or "") or None
    weight = "headline" if wanted != order.state else "detail"
    if wanted != order.state:
        order.finished_at = None if wanted in OPEN_STATES else at or clock.now()
        order.refused_reason = body if wanted == OrderState.REFUSED else None
    order.state, order.foreign_status, order.foreign_status_mapped = wanted, foreign, True
    facts = {"state": wanted, "status": foreign}
    line = taken.entry(Kind.ORDER_STATE, actor, facts, weight=weight, body=body, occurred_at=at)
    line.direction = "in"
    return write(session, taken, line)


def apply_message(
    session: Session,
    actor: Actor,
    order: WorkOrder,
    author: str,
    text: str,
    audience: str = "customer",
    *,
    at: datetime | None = None,
    channel: str | None = None,
    via: str = "",
) -> int | None:
    """The team wrote; answers the entry's `seq`, or None for an empty message.

    `audience` is the far side's: "staff" is what the team wrote among themselves, kept as a detail. Either
    way it is staff-only here; what of it the customer learns, the contact publishes. `channel` is the
    machine's name of the way it came, `via` what people call it.
    """
    body = clean(text)[:MAX_TEXT]
    if not body:
        return None
    taken = take_order(session, order)
    among_themselves = audience == "staff"
    if not among_themselves:
        order.last_word, order.last_word_at = one_line(body, 500), at or clock.now()
    facts: dict[str, Any] = {
        "person": one_line(author) or taken.team.name,
        "among_themselves": among_themselves,
    }
    facts |= {"via": via} if via else {}
    weight = "detail" if among_themselves else "headline"
    line = taken.entry(Kind.ORDER_MESSAGE, actor, facts, weight=weight, body=body, occurred_at=at)
    line.channel, line.direction = channel, "in"
    return write(session, taken, line)
