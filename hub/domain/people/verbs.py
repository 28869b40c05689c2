"""Adding and changing people, and the roles of those who are ours."""

import uuid
from collections.abc import Iterable
from typing import Any

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from hub.base import clock, ids
from hub.base.errors import Conflict, Invalid, NotFound
from hub.base.text import LANGUAGES, N_, one_line
from hub.base.zones import zone as known_zone
from hub.domain import audit
from hub.domain.audit import Actor
from hub.domain.people.points import add_point
from hub.domain.people.tables import WORKERS, Person, PersonKind, PointKind, StaffMember, StaffRole


def add_person(
    session: Session,
    actor: Actor,
    name: str,
    *,
    kind: str = PersonKind.HUMAN,
    language: str = "en",
    zone: str = "UTC",
    emails: Iterable[str] = (),
    phones: Iterable[str] = (),
    external_key: str | None = None,
) -> Person:
    """A new human or function. The first address or number given is the first one tried."""
    person = Person(
        id=ids.new_id(),
        kind=PersonKind(kind),
        name=_name(name),
        language=_language(language),
        zone=known_zone(zone).key,
        external_key=external_key,
        created_at=clock.now(),
        disabled_at=None,
    )
    session.add(person)
    session.flush()  # points and roles refer to the row, and Core statements do not flush it for us
    audit.write(session, actor, "person.added", "person", person.id, f"{person.name} was added.", kind=kind)
    for point_kind, values in ((PointKind.EMAIL, emails), (PointKind.PHONE, phones)):
        for value in values:
            add_point(session, actor, person.id, point_kind, value)
    return person


def change_person(
    session: Session,
    actor: Actor,
    person: Person,
    *,
    name: str | None = None,
    language: str | None = None,
    zone: str | None = None,
) -> None:
    """Change what is given; nothing is recorded where nothing changes."""
    wanted = {
        "name": None if name is None else _name(name),
        "language": None if language is None else _language(language),
        "zone": None if zone is None else known_zone(zone).key,
    }
    changed: dict[str, Any] = {}
    for field, value in wanted.items():
        if value is not None and value != getattr(person, field):
            changed[field] = {"from": getattr(person, field), "to": value}
            setattr(person, field, value)
    if changed:
        sentence = f"{person.name} was changed: {audit.fields(changed)}."
        audit.write(session, actor, "person.changed", "person", person.id, sentence, **changed)


def get_person(session: Session, person_id: uuid.UUID) -> Person:
    """The person of an id; `NotFound` for a foreign one."""
    person = session.get(Person, person_id)
    if person is None:
        raise NotFound(N_("There is no such person."))
    return person


def _name(name: str) -> str:
    line = one_line(name)
    if not line:
        raise Invalid.field("name", N_("Please enter a name."))
    return line


def _language(language: str) -> str:
    if language not in LANGUAGES:
        raise Invalid.field("language", N_("Please choose one of %(choices)s."), choices=", ".join(LANGUAGES))
    return language


def roles_of(session: Session, person_id: uuid.UUID) -> frozenset[StaffRole]:
    """What one of us may do; empty for a customer's person."""
    query = select(StaffMember.role).where(StaffMember.person_id == person_id)
    return frozenset(StaffRole(role) for role in session.scalars(query))


def staff(session: Session, *roles: str) -> list[Person]:
    """Those of us who hold any of the roles (of any, if none is named) and are not disabled, by name."""
    held = select(StaffMember.person_id)
    if roles:
        held = held.where(StaffMember.role.in_(roles))
    query = select(Person).where(Person.id.in_(held), Person.disabled_at.is_(None))
    return list(session.scalars(query.order_by(Person.name, Person.id)))


def working() -> ColumnElement[bool]:
    """The condition on `Person` that they may hold a duty and be told of accounts, unless disabled.

    A human holds one of the roles that work; a function can hold none, and is told where it is assigned.
    """
    held = select(StaffMember.role).where(StaffMember.person_id == Person.id, StaffMember.role.in_(WORKERS))
    return or_(Person.kind == PersonKind.FUNCTION, held.exists())


_IN_WORDS = {
    StaffRole.CONTACT: "a contact",
    StaffRole.ONCALL: "one of those on call",
    StaffRole.LEAD: "a lead",
    StaffRole.ADMIN: "an administrator",
    StaffRole.AUDITOR: "an auditor",
}


def grant_role(session: Session, actor: Actor, person: Person, role: str) -> None:
    """Make a human one of us, or give them one more role.

    For somebody new: where duty and cases may hang on it, see `coverage.change_roles`.
    """
    role = StaffRole(role)
    if person.kind != PersonKind.HUMAN:
        raise Invalid.field("role", N_("A function cannot sign in and holds no roles."))
    if session.get(StaffMember, (person.id, role)) is not None:
        return
    session.add(StaffMember(person_id=person.id, role=role))
    session.flush()  # asked for again in this transaction, by Core statements too
    sentence = f"{person.name} is now {_IN_WORDS[role]}."
    audit.write(session, actor, "role.granted", "person", person.id, sentence, role=str(role))


def revoke_role(session: Session, actor: Actor, person: Person, role: str) -> None:
    """Take a role away; `Conflict` for the last admin, or nobody could give it back.

    One step of `coverage.change_roles`, which minds the duty that hangs on it.
    """
    role = StaffRole(role)
    held = session.get(StaffMember, (person.id, role))
    if held is None:
        return
    if role == StaffRole.ADMIN:
        require_another_admin(session, person)
    session.delete(held)
    session.flush()  # as in `grant_role`
    sentence = f"{person.name} is no longer {_IN_WORDS[role]}."
    audit.write(session, actor, "role.revoked", "person", person.id, sentence, role=str(role))


def require_another_admin(session: Session, person: Person) -> None:
    """`Conflict` when nobody but this person could administer the hub."""
    if [admin.id for admin in staff(session, StaffRole.ADMIN)] == [person.id]:
        raise Conflict(
            N_("%(person)s is the last admin. Make somebody else admin first."), person=person.name
        )
