"""The person who answers when nobody else does."""

import uuid
from dataclasses import asdict
from typing import Any

from sqlalchemy import case, select
from sqlalchemy.orm import Session

from hub.base.errors import Misconfigured
from hub.base.text import N_
from hub.domain.accounts import put_setting, setting
from hub.domain.audit import HUB, Actor
from hub.domain.coverage.plan import Fallback, Reach
from hub.domain.people import Person, StaffMember, StaffRole

KEY = "last_resort"


def last_resort(session: Session) -> Fallback | None:
    """Who was chosen to answer when nobody else does; None until somebody is."""
    stored = setting(session, KEY)
    return None if stored is None else _read(session, stored)


def fallback(session: Session) -> Fallback:
    """Who answers in the end: the last resort; until one is chosen, the admin who was there first.

    `Misconfigured` while the hub knows no admin at all.
    """
    found = known_fallback(session)
    if found is None:
        raise Misconfigured(
            N_(
                "Nobody answers for the accounts yet. Add an admin with `hub user add`, "
                "then choose the last resort."
            )
        )
    return found


def known_fallback(session: Session) -> Fallback | None:
    """`fallback`, or None while the hub knows no admin at all."""
    return last_resort(session) or _first_admin(session)


def settle_fallback(session: Session) -> bool:
    """Keep who answers in the end before the first ledger names them; False while there is nobody.

    Otherwise a change of admins would silently change duty.
    """
    if last_resort(session) is not None:
        return True
    found = _first_admin(session)
    if found is not None:
        keep(session, HUB, found)
    return found is not None


def keep(session: Session, actor: Actor, chosen: Fallback) -> None:
    """Write down who is the last resort."""
    value = {"person_id": str(chosen.person_id), "reach": asdict(chosen.reach)}
    told = f"{chosen.person_name} answers when nobody else does; customers see {chosen.reach.name}."
    put_setting(session, actor, KEY, value, told)


def is_fallback(session: Session, person_id: uuid.UUID) -> bool:
    """Whether this person answers in the end."""
    found = known_fallback(session)
    return found is not None and found.person_id == person_id


def _read(session: Session, stored: dict[str, Any]) -> Fallback:
    person_id = uuid.UUID(stored["person_id"])
    name = session.scalars(select(Person.name).where(Person.id == person_id)).one()
    return Fallback(person_id, name, Reach(**stored["reach"]))


def _first_admin(session: Session) -> Fallback | None:
    enabled_first = case((Person.disabled_at.is_(None), 0), else_=1)
    query = (
        select(Person.id, Person.name)
        .join(StaffMember, StaffMember.person_id == Person.id)
        .where(StaffMember.role == StaffRole.ADMIN)
        .order_by(enabled_first, Person.created_at, Person.id)
        .limit(1)
    )
    row = session.execute(query).first()
    return None if row is None else Fallback(row.id, row.name, Reach(row.name, "", ""))
