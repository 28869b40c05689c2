"""Who does not work here any more, or does again: duty goes on to the next in line from that moment."""

from collections.abc import Collection

from sqlalchemy.orm import Session

from hub.base import clock
from hub.base.errors import Conflict
from hub.base.text import N_
from hub.domain import audit, sessions
from hub.domain.audit import Actor
from hub.domain.coverage.last_resort import is_fallback
from hub.domain.coverage.ledger import replanned
from hub.domain.coverage.planning import accounts_of
from hub.domain.people import (
    WORKERS,
    Person,
    StaffRole,
    grant_role,
    require_another_admin,
    revoke_role,
    roles_of,
)


def disable(session: Session, actor: Actor, person: Person) -> None:
    """Somebody left: they cannot sign in, get no mail and hold no duty from now on.

    `Conflict` for the last resort, for whom there is no next in line, and for the last admin. Sessions that
    were open are over for good.
    """
    if person.disabled_at is not None:
        return
    _refuse_last_resort(session, person)
    require_another_admin(session, person)
    with replanned(session, actor, accounts_of(session, person.id)):
        person.disabled_at = clock.now()
        sessions.end_all(session, person.id)
        audit.write(session, actor, "person.disabled", "person", person.id, f"{person.name} was disabled.")


def enable(session: Session, actor: Actor, person: Person) -> None:
    """Somebody is back: what they were assigned to and what still holds counts again from now on."""
    if person.disabled_at is None:
        return
    with replanned(session, actor, accounts_of(session, person.id)):
        person.disabled_at = None
        sessions.end_all(session, person.id)  # one that began while they were being disabled
        audit.write(session, actor, "person.enabled", "person", person.id, f"{person.name} was enabled.")


def change_roles(session: Session, actor: Actor, person: Person, wanted: Collection[str]) -> None:
    """Let somebody hold just these roles.

    Whoever loses the last one that works is gone for duty like somebody who was disabled, and back with the
    first. `Conflict` for the last resort and the last admin.
    """
    before, after = roles_of(session, person.id), {StaffRole(role) for role in wanted}
    works, will = bool(before & set(WORKERS)), bool(after & set(WORKERS))
    if works and not will:
        _refuse_last_resort(session, person)
    with replanned(session, actor, accounts_of(session, person.id) if works != will else ()):
        for role in StaffRole:
            if role in after - before:
                grant_role(session, actor, person, role)
            elif role in before - after:
                revoke_role(session, actor, person, role)


def _refuse_last_resort(session: Session, person: Person) -> None:
    if is_fallback(session, person.id):
        message = N_("%(person)s is the last resort. Choose somebody else first.")
        raise Conflict(message, person=person.name)
