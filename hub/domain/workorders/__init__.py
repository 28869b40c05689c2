"""Work orders: a task to one team under a case. Staff only."""

from hub.domain.workorders.ours import cancel, find, get_order, place, say
from hub.domain.workorders.tables import OPEN_STATES, OrderState, WorkOrder
from hub.domain.workorders.theirs import apply_message, apply_state

__all__ = [
    "OPEN_STATES",
    "OrderState",
    "WorkOrder",
    "apply_message",
    "apply_state",
    "cancel",
    "find",
    "get_order",
    "place",
    "say",
]
