"""What an edit of planning refuses before it is made."""

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from hub.base.errors import Invalid
from hub.base.text import N_, one_line
from hub.domain.coverage.plan import Reach
from hub.domain.coverage.tables import Assignment
from hub.domain.people import Person, PointKind, normalise

_SAME = (
    *("account_id", "role", "person_id", "level", "position", "hours", "zone"),
    *("reach_name", "reach_phone", "reach_email", "valid_until"),
)


def check_reach(name: str, phone: str, email: str) -> Reach:
    """How customers reach one of us, as it was written; either may be empty, a wrong one leads nowhere."""
    reach = Reach(one_line(name), one_line(phone, 40), one_line(email))
    wrong: dict[str, str] = {}
    for kind, value in ((PointKind.PHONE, reach.phone), (PointKind.EMAIL, reach.email)):
        try:
            if value:
                normalise(kind, value)
        except Invalid as error:
            wrong[f"reach_{kind}"] = error.message
    if wrong:
        raise Invalid(N_("Customers cannot reach anybody like this."), wrong)
    return reach


def refuse_twice(session: Session, row: Assignment, person: Person) -> None:
    """`Invalid` for an assignment that holds already in every word: a second one would change nothing."""
    query = (
        select(Assignment)
        .where(Assignment.account_id == row.account_id, Assignment.person_id == row.person_id)
        .where(Assignment.role == row.role, Assignment.valid_from <= row.valid_from)
        .where(or_(Assignment.valid_until.is_(None), Assignment.valid_until > row.valid_from))
    )
    for known in session.scalars(query):
        if all(getattr(known, name) == getattr(row, name) for name in _SAME):
            message = N_("%(person)s is assigned in just this way already.")
            raise Invalid.field("person", message, person=person.name)
