"""Priority from impact and urgency."""

from hub.base.errors import Invalid
from hub.base.text import N_
from hub.domain.cases.tables import Level, Priority

MATRIX: dict[tuple[Level, Level], Priority] = {
    (Level.HIGH, Level.HIGH): Priority.CRITICAL,
    (Level.HIGH, Level.MEDIUM): Priority.HIGH,
    (Level.HIGH, Level.LOW): Priority.MEDIUM,
    (Level.MEDIUM, Level.HIGH): Priority.HIGH,
    (Level.MEDIUM, Level.MEDIUM): Priority.MEDIUM,
    (Level.MEDIUM, Level.LOW): Priority.LOW,
    (Level.LOW, Level.HIGH): Priority.MEDIUM,
    (Level.LOW, Level.MEDIUM): Priority.LOW,
    (Level.LOW, Level.LOW): Priority.LOW,
}
"""(impact, urgency) -> priority, the usual table of ITIL."""


def level(field: str, value: str) -> Level:
    """One of the three levels; `Invalid` names the field otherwise."""
    try:
        return Level(value)
    except ValueError:
        raise Invalid.field(field, N_("Please choose low, medium or high.")) from None


def priority_of(impact: str, urgency: str) -> Priority:
    """The priority that impact and urgency make together."""
    return MATRIX[level("impact", impact), level("urgency", urgency)]


def chosen(impact: str, urgency: str, priority: str | None, reason: str | None) -> Priority:
    """The priority that someone wants; one that differs from the matrix needs a reason."""
    by_matrix = priority_of(impact, urgency)
    if not priority:
        return by_matrix
    try:
        wanted = Priority(priority)
    except ValueError:
        raise Invalid.field("priority", N_("Please choose low, medium, high or critical.")) from None
    if wanted != by_matrix and not reason:
        raise Invalid.field("reason", N_("Please say why the priority differs from impact and urgency."))
    return wanted
