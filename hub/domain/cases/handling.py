"""Who of us works on a case. Its account's responsible does, unless it was given to somebody."""

import uuid
from collections.abc import Sequence

from sqlalchemy import ColumnElement, and_, select
from sqlalchemy.orm import Session

from hub.base.errors import Invalid
from hub.base.text import N_
from hub.domain import access, timeline
from hub.domain.accounts import Account
from hub.domain.audit import Actor
from hub.domain.cases.changing import Written, entry, say, take_unended
from hub.domain.cases.tables import ENDED_STATES, Case
from hub.domain.kinds import Kind
from hub.domain.timeline import NewEntry


def set_handler(session: Session, actor: Actor, case: Case, person_id: uuid.UUID | None) -> int:
    """Who of us works on it; None gives it back to the responsible. Customers are not told.

    `Invalid` for somebody who only reads, or from whom the account is hidden.
    """
    taken = take_unended(session, case)
    if person_id is None:
        return say(session, taken, _back(actor, case))
    account = session.get_one(Account, case.account_id)
    person = next((each for each in access.workers(session, account) if each.id == person_id), None)
    if person is None:
        raise Invalid.field("person_id", N_("Please choose one of us who works on this account."))
    case.handler_id = person_id
    facts = {"person": person.name, "person_id": str(person_id)}
    return say(session, taken, entry(case, Kind.CASE_HANDLER, actor, facts, audience="staff"))


def _back(actor: Actor, case: Case) -> NewEntry:
    case.handler_id = None
    return entry(case, Kind.CASE_CHANGED, actor, {"what": "no_handler"}, audience="staff")


def _handled(person_id: uuid.UUID) -> ColumnElement[bool]:
    return and_(Case.handler_id == person_id, Case.state.not_in(ENDED_STATES))


def handled_in(session: Session, person_id: uuid.UUID) -> Sequence[uuid.UUID]:
    """The accounts with cases that somebody works on."""
    return session.scalars(select(Case.account_id).where(_handled(person_id)).distinct()).all()


def give_back(session: Session, actor: Actor, person_id: uuid.UUID) -> list[Written]:
    """Have the responsible work again on all that somebody worked on and that is not over.

    Read it `as_system`: whoever disables somebody need not see all of their accounts.
    """
    heads = timeline.lock(session, handled_in(session, person_id))
    query = select(Case).where(Case.account_id.in_(heads), _handled(person_id)).order_by(Case.id)
    some = list(session.scalars(query.execution_options(populate_existing=True)))
    lines = [_back(actor, case) for case in some]
    session.flush()  # as in `say`
    seqs = timeline.append_locked(session, heads, lines)
    return [Written(case, seq) for case, seq in zip(some, seqs, strict=True)]
