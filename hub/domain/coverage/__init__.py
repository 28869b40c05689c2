"""Who is responsible for an account: assignments, the plan, and the ledger of who held the duty."""

from hub.domain.coverage.answers import Responsible, ladder, responsible, responsible_for
from hub.domain.coverage.last_resort import fallback, is_fallback, known_fallback, last_resort
from hub.domain.coverage.leaving import change_roles, disable, enable
from hub.domain.coverage.ledger import record_due
from hub.domain.coverage.listing import (
    absences_of,
    assigned_idle,
    assigned_to,
    assignments_of,
    has_contact,
    idle_last_resort,
    uncovered,
)
from hub.domain.coverage.plan import LAST_RESORT, Reach, Rung
from hub.domain.coverage.planning import (
    accounts_of,
    add_absence,
    assign,
    cancel_absence,
    end_assignment,
    move_account,
    set_last_resort,
)
from hub.domain.coverage.tables import Assignment, AssignmentRole, Duty, DutyMark

__all__ = [
    "LAST_RESORT",
    "Assignment",
    "AssignmentRole",
    "Duty",
    "DutyMark",
    "Reach",
    "Responsible",
    "Rung",
    "absences_of",
    "accounts_of",
    "add_absence",
    "assign",
    "assigned_idle",
    "assigned_to",
    "assignments_of",
    "cancel_absence",
    "change_roles",
    "disable",
    "enable",
    "end_assignment",
    "fallback",
    "has_contact",
    "idle_last_resort",
    "is_fallback",
    "known_fallback",
    "ladder",
    "last_resort",
    "move_account",
    "record_due",
    "responsible",
    "responsible_for",
    "set_last_resort",
    "uncovered",
]
