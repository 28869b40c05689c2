"""Contact points: the addresses and numbers of a person, and who is behind one."""

import re
import uuid
from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session

from hub.base import clock, ids
from hub.base.errors import Invalid
from hub.base.text import N_, one_line
from hub.domain import audit
from hub.domain.audit import Actor
from hub.domain.people.tables import ContactPoint, Person, PointKind

_LOCAL_PART = re.compile(r"[^\s@<>,;:\"()\[\]\\\x00-\x1f\x7f]{1,64}")
_TRUNK_ZERO = re.compile(r"\(0\)")
_NOT_DIGIT = re.compile(r"[\s()./\-\u2010-\u2015]")


def normalise(kind: str, value: str) -> str:
    """The form in which points are compared; `Invalid` on the field named like the kind.

    E-mail addresses in lower case with the domain in its ASCII form; telephone numbers as digits with a
    leading + (E.164: at most 15).
    """
    return _email(value) if kind == PointKind.EMAIL else _phone(value, kind)


def _email(value: str) -> str:
    local, at, domain = value.strip().rpartition("@")
    try:
        ascii_domain = domain.rstrip(".").encode("idna").decode().lower()
    except UnicodeError:
        ascii_domain = ""
    normal = f"{local.lower()}@{ascii_domain}"
    if not (at and ascii_domain and _LOCAL_PART.fullmatch(local)) or len(normal) > 254 or " " in ascii_domain:
        raise Invalid.field("email", N_("This is no e-mail address. Addresses look like anna@example.com."))
    return normal


def _phone(value: str, kind: str) -> str:
    digits = _NOT_DIGIT.sub("", _TRUNK_ZERO.sub("", value))
    if digits.startswith("00"):
        digits = f"+{digits[2:]}"
    if not re.fullmatch(r"\+[0-9]{7,15}", digits):
        raise Invalid.field(kind, N_("Please write the number with its country code, like +49 30 901820."))
    return digits


def _valid(at: datetime) -> ColumnElement[bool]:
    until = ContactPoint.valid_until
    return and_(ContactPoint.valid_from <= at, or_(until.is_(None), until > at))


def add_point(
    session: Session, actor: Actor, person_id: uuid.UUID, kind: str, value: str, *, verified: bool = False
) -> ContactPoint:
    """Give a person one more address or number; one that had ended is taken up again.

    The order in which they were added is the order in which they are tried.
    """
    kind = PointKind(kind)
    normal = normalise(kind, value)
    now = clock.now()
    known = list(session.scalars(select(ContactPoint).where(ContactPoint.person_id == person_id)))
    point = next((p for p in known if (p.kind, p.normalised) == (kind, normal)), None)
    if point is None:
        point = ContactPoint(id=ids.new_id(), person_id=person_id, kind=kind, normalised=normal)
        point.valid_from = now
        point.verified_at = None
        session.add(point)
    elif point.valid_until is None:
        return point
    point.value = one_line(value)
    point.position = 1 + max((p.position for p in known if p.kind == kind), default=-1)
    point.valid_until = None
    point.verified_at = now if verified else point.verified_at
    sentence = f"{point.value} was added."
    audit.write(session, actor, "point.added", "person", person_id, sentence, kind=str(kind))
    return point


def end_point(session: Session, actor: Actor, point: ContactPoint) -> None:
    """The person is no longer reached there; what was sent there stays what it was."""
    if point.valid_until is None:
        point.valid_until = clock.now()
        sentence = f"{point.value} is no longer used."
        audit.write(session, actor, "point.ended", "person", point.person_id, sentence, kind=point.kind)


def verify(session: Session, actor: Actor, point: ContactPoint) -> None:
    """The person has shown that they read or answer there."""
    if point.verified_at is None:
        point.verified_at = clock.now()
        sentence = f"{point.value} was verified."
        audit.write(session, actor, "point.verified", "person", point.person_id, sentence, kind=point.kind)


def points_of(session: Session, person_id: uuid.UUID) -> list[ContactPoint]:
    """The present points of a person in the order in which they are tried."""
    query = select(ContactPoint).where(ContactPoint.person_id == person_id, _valid(clock.now()))
    return list(session.scalars(query.order_by(ContactPoint.kind, ContactPoint.position)))


def find_by_point(session: Session, kind: str, value: str) -> list[Person]:
    """Everyone who is reached there now and may still act; nobody for text that is no such point."""
    try:
        normal = normalise(kind, value)
    except Invalid:
        return []
    query = (
        select(Person)
        .join(ContactPoint, ContactPoint.person_id == Person.id)
        .where(ContactPoint.kind == kind, ContactPoint.normalised == normal, _valid(clock.now()))
        .where(Person.disabled_at.is_(None))
        .order_by(Person.created_at, Person.id)
    )
    return list(session.scalars(query))


def addresses_for(
    session: Session, person_ids: Iterable[uuid.UUID], kind: str = PointKind.EMAIL
) -> dict[uuid.UUID, list[str]]:
    """`addresses_of` for many people in one statement; those without any are left out."""
    query = (
        select(ContactPoint.person_id, ContactPoint.normalised)
        .join(Person, Person.id == ContactPoint.person_id)
        .where(ContactPoint.person_id.in_(set(person_ids)), ContactPoint.kind == kind, _valid(clock.now()))
        .where(Person.disabled_at.is_(None))
        .order_by(ContactPoint.person_id, ContactPoint.position)
    )
    found: dict[uuid.UUID, list[str]] = {}
    for person_id, address in session.execute(query):
        found.setdefault(person_id, []).append(address)
    return found


def addresses_of(session: Session, person_id: uuid.UUID, kind: str = PointKind.EMAIL) -> list[str]:
    """Where a person is reached now, the first choice first; none for somebody who was disabled."""
    return addresses_for(session, [person_id], kind).get(person_id, [])
