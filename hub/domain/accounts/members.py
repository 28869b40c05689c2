"""Memberships: which people of the customer may do what in an account."""

import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from hub.base import clock, ids
from hub.base.errors import Invalid
from hub.base.text import N_
from hub.domain import timeline
from hub.domain.accounts import changes
from hub.domain.accounts.tables import Account, MemberRole, Membership, Service, Site
from hub.domain.audit import Actor
from hub.domain.kinds import Kind
from hub.domain.people import Person, get_person

CASE_NEWS = "case_update"
NEWS_BY_ROLE: Mapping[str, frozenset[MemberRole]] = {
    CASE_NEWS: frozenset((MemberRole.PORTAL_ADMIN, MemberRole.TECHNICAL, MemberRole.REQUESTER))
}
"""Which roles get which news by mail where a membership says nothing else. A requester sees their own cases
only; approvers, billing and viewers read on the portal. Of what they reported or follow everybody is told."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a membership is narrowed to; None is no limit of that sort. One match is enough."""

    sites: frozenset[uuid.UUID] | None = None
    services: frozenset[uuid.UUID] | None = None

    @classmethod
    def read(cls, stored: Mapping[str, Any]) -> "Limits":
        """The limits as a membership stores them."""
        return cls(_ids(stored.get("sites")), _ids(stored.get("services")))

    def stored(self) -> dict[str, Any]:
        """The form that a membership stores: only what is limited."""
        kinds = {"sites": self.sites, "services": self.services}
        return {kind: sorted(map(str, ids)) for kind, ids in kinds.items() if ids is not None}


def _ids(values: Iterable[Any] | None) -> frozenset[uuid.UUID] | None:
    return None if values is None else frozenset(uuid.UUID(str(value)) for value in values)


def add_member(
    session: Session,
    actor: Actor,
    account: Account,
    person: Person,
    roles: Collection[str],
    *,
    limits: Limits | None = None,
    subscriptions: Mapping[str, Sequence[str]] | None = None,
    valid_from: datetime | None = None,
    valid_until: datetime | None = None,
) -> Membership:
    """Let a person of the customer in; whoever left before comes back with what is given now. What their own
    `subscriptions` leave out goes by their roles."""
    timeline.lock(session, [account.id])
    now = clock.now()
    values: dict[str, Any] = {
        "roles": _checked_roles(roles),
        "limits": _checked_limits(session, account.id, limits or Limits()),
        "subscriptions": _news(subscriptions or {}),
        "valid_from": clock.utc(valid_from or now),
        "valid_until": None if valid_until is None else clock.utc(valid_until),
    }
    member = _member_of(session, account.id, person.id)
    if member is None:
        member = Membership(account_id=account.id, id=ids.new_id(), person_id=person.id, **values)
        session.add(member)
    elif member.valid_until is None or member.valid_until > now:
        raise Invalid.field(
            "person",
            N_("%(person)s is already a member of %(account)s."),
            person=person.name,
            account=account.name,
        )
    else:
        changes.apply(member, values)
    facts = {"person": person.name, "person_id": str(person.id), "roles": list(member.roles)}
    changes.record(session, account.id, Kind.MEMBER_ADDED, actor, facts)
    return member


def _member_of(session: Session, account_id: uuid.UUID, person_id: uuid.UUID) -> Membership | None:
    of_both = (Membership.account_id == account_id, Membership.person_id == person_id)
    return session.scalar(select(Membership).where(*of_both))


def change_member(
    session: Session,
    actor: Actor,
    member: Membership,
    *,
    roles: Collection[str] | None = None,
    limits: Limits | None = None,
    subscriptions: Mapping[str, Sequence[str]] | None = None,
) -> None:
    """Change what is given; `Limits()` takes every limit away."""
    timeline.lock(session, [member.account_id])
    wanted: dict[str, Any] = {}
    if roles is not None:
        wanted["roles"] = _checked_roles(roles)
    if limits is not None:
        wanted["limits"] = _checked_limits(session, member.account_id, limits)
    if subscriptions is not None:
        wanted["subscriptions"] = _news(subscriptions)
    changed = changes.apply(member, wanted)
    if changed:
        person = get_person(session, member.person_id)
        facts = {
            "person": person.name,
            "person_id": str(person.id),
            "what": list(changed),
            "changed": changed,
        }
        changes.record(session, member.account_id, Kind.MEMBER_CHANGED, actor, facts)


def end_member(session: Session, actor: Actor, member: Membership) -> None:
    """The person no longer comes in, from now on."""
    timeline.lock(session, [member.account_id])
    now = clock.now()
    if member.valid_until is not None and member.valid_until <= now:
        return
    member.valid_until = now
    person = get_person(session, member.person_id)
    facts = {"person": person.name, "person_id": str(person.id)}
    changes.record(session, member.account_id, Kind.MEMBER_ENDED, actor, facts)


def members_of(session: Session, account_id: uuid.UUID) -> list[tuple[Membership, Person]]:
    """Who may come in now by the account's own memberships, by name (its parents' are not listed)."""
    now = clock.now()
    query = (
        select(Membership, Person)
        .join(Person, Person.id == Membership.person_id)
        .where(Membership.account_id == account_id, Membership.valid_from <= now)
        .where(or_(Membership.valid_until.is_(None), Membership.valid_until > now))
        .order_by(Person.name, Person.id)
    )
    return [(member, person) for member, person in session.execute(query)]


def _checked_roles(roles: Collection[str]) -> list[str]:
    try:
        known = {str(MemberRole(role)) for role in roles}
    except ValueError:
        raise Invalid.field(
            "roles", N_("Please choose among %(choices)s."), choices=", ".join(MemberRole)
        ) from None
    if not known:
        raise Invalid.field("roles", N_("Please choose at least one role."))
    return [str(role) for role in MemberRole if role in known]


def _checked_limits(session: Session, account_id: uuid.UUID, limits: Limits) -> dict[str, Any]:
    for field, wanted, table in (("sites", limits.sites, Site), ("services", limits.services, Service)):
        if wanted:
            query = select(table.id).where(table.account_id == account_id, table.id.in_(wanted))
            if wanted - set(session.scalars(query)):
                raise Invalid.field(field, N_("Please choose among those of this account."))
    return limits.stored()


def _news(subscriptions: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    return {news: list(channels) for news, channels in subscriptions.items()}
