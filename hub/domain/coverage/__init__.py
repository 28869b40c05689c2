"""Who is responsible for an account: assignments, the plan, and the ledger of who held the duty."""

from hub.domain.coverage.last_resort import fallback, is_fallback, last_resort
from hub.domain.coverage.tables import Assignment, AssignmentRole, Duty, DutyMark

__all__ = ["Assignment", "AssignmentRole", "Duty", "DutyMark", "fallback", "is_fallback", "last_resort"]
