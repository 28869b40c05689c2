"""Who is responsible for an account: assignments, the plan, and the ledger of who held the duty."""

from hub.domain.coverage.answers import Responsible, ladder, responsible, responsible_for
from hub.domain.coverage.last_resort import fallback, is_fallback, last_resort
from hub.domain.coverage.ledger import record_due
from hub.domain.coverage.listing import absences_of, assignments_of, has_contact, uncovered
from hub.domain.coverage.plan import LAST_RESORT, Reach, Rung
from hub.domain.coverage.planning import (
    add_absence,
    assign,
    cancel_absence,
    disable,
    enable,
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
    "add_absence",
    "assign",
    "assignments_of",
    "cancel_absence",
    "disable",
    "enable",
    "end_assignment",
    "fallback",
    "has_contact",
    "is_fallback",
    "ladder",
    "last_resort",
    "move_account",
    "record_due",
    "responsible",
    "responsible_for",
    "set_last_resort",
    "uncovered",
]
