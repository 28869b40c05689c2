"""Who of us works here: whoever leaves hands on duty and cases, and those who have them now hear of it."""

from collections.abc import Callable, Collection

from sqlalchemy.orm import Session

from hub.base.db import as_system
from hub.domain import cases, coverage, people, timeline
from hub.domain.audit import Actor
from hub.domain.people import Person


def disable(session: Session, actor: Actor, person: Person) -> None:
    """`coverage.disable`, and the responsible work on their cases again."""
    _handing_on(session, actor, person, lambda: coverage.disable(session, actor, person))


def change_roles(session: Session, actor: Actor, person: Person, wanted: Collection[str]) -> None:
    """`coverage.change_roles`; without a role that works their cases are the responsibles' again."""
    if set(wanted) & set(people.WORKERS):
        coverage.change_roles(session, actor, person, wanted)
    else:
        _handing_on(session, actor, person, lambda: coverage.change_roles(session, actor, person, wanted))


def _handing_on(session: Session, actor: Actor, person: Person, leave: Callable[[], None]) -> None:
    with as_system(session):
        # Duty and cases may lie in different accounts, whose logs are locked in one order only: all at once.
        theirs = {*coverage.accounts_of(session, person.id), *cases.handled_in(session, person.id)}
        timeline.lock(session, sorted(theirs))
    leave()
    with as_system(session):
        for written in cases.give_back(session, actor, person.id):
            case, seq = written.case, written.seq
            if case.is_open:
                event = f"handler:{case.id}:{seq}"
                cases.tell(session, "responsible", case, event, seq=seq, author_id=actor.id)
