"""Who may see and do what: the only way from a signed-in person to the rows of an account."""

import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, false, literal, or_, select, true
from sqlalchemy.orm import Session

from hub.base import clock
from hub.base.db import RowScope, as_system
from hub.base.errors import Forbidden, NotFound, Unauthenticated
from hub.base.text import N_
from hub.domain.accounts import Account, Limits, MemberRole, Membership
from hub.domain.audit import Actor
from hub.domain.coverage import Assignment, assigned_to, is_fallback, known_fallback
from hub.domain.people import WORKERS, Person, PersonKind, StaffMember, StaffRole, staff, working

LOCAL = "local"
_DEEPEST = 16  # ends a walk through accounts even if their parents were ever made a circle


@dataclass(frozen=True, slots=True)
class Member:
    """What somebody is in one account: their own membership, or the one of the nearest parent."""

    roles: frozenset[MemberRole]
    sites: frozenset[uuid.UUID] | None = None
    services: frozenset[uuid.UUID] | None = None

    @property
    def is_limited(self) -> bool:
        """Whether they see only what is about some sites or services."""
        return self.sites is not None or self.services is not None

    def covers(self, site_id: uuid.UUID | None, service_id: uuid.UUID | None) -> bool:
        """Whether something about this site and service is theirs to see; one match is enough."""
        if not self.is_limited:
            return True
        return site_id in (self.sites or ()) or service_id in (self.services or ())


@dataclass(frozen=True, slots=True)
class Viewer:
    """A signed-in person and all that they may reach at this moment.

    `assigned` maps the accounts they are assigned to (or whose parents they are) to the name under which
    customers know them there; `hidden` are the restricted accounts that they must not see.
    """

    person_id: uuid.UUID
    name: str
    language: str
    zone: str
    roles: frozenset[StaffRole] = frozenset()
    members: Mapping[uuid.UUID, Member] = field(default_factory=dict)
    assigned: Mapping[uuid.UUID, str] = field(default_factory=dict)
    hidden: frozenset[uuid.UUID] = frozenset()

    @property
    def is_staff(self) -> bool:
        """One of us."""
        return bool(self.roles)

    def lens_scope(self, lens: str) -> RowScope:
        """What a transaction in the lens "staff" or "customer" may touch; `Forbidden` for one not theirs."""
        if lens == "customer":
            return RowScope("customer", self.person_id, accounts=frozenset(self.members))
        if lens != "staff" or not self.is_staff:
            raise Forbidden(N_("This is for our staff."))
        return RowScope("staff", self.person_id, hidden=self.hidden)

    def actor(self, lens: str, account_id: uuid.UUID | None = None) -> Actor:
        """This person acting in a lens; for an account, under the name that its customers know.

        Of one of us who has no such name customers are shown none: never a private one.
        """
        if lens == "customer":
            return Actor("customer", self.name, self.person_id)
        known_as = self.assigned.get(account_id, "") if account_id else ""
        return Actor("staff", self.name, self.person_id, public=known_as)

    def self_actor(self) -> Actor:
        """This person changing their own affairs."""
        return self.actor("staff" if self.is_staff else "customer")


def viewer_of(session: Session, person_id: uuid.UUID, issuer: str = LOCAL) -> Viewer:
    """What a person may reach with a session opened by `issuer`; works in any scope.

    `Unauthenticated` for an unknown or disabled person. Only the hub's own passwords are trusted today:
    an account without `password_login`, and any other issuer, opens nothing.
    """
    with as_system(session):
        query = (
            select(Person, StaffMember.role)
            .outerjoin(StaffMember, StaffMember.person_id == Person.id)
            .where(Person.id == person_id, Person.disabled_at.is_(None))
        )
        found = session.execute(query).all()
        if not found:
            raise Unauthenticated(N_("Please sign in."))
        person = found[0].Person
        trusted = issuer == LOCAL
        roles = frozenset(StaffRole(row.role) for row in found if row.role and trusted)
        assigned = _assigned(session, person_id) if roles else {}
        return Viewer(
            person_id=person.id,
            name=person.name,
            language=person.language,
            zone=person.zone,
            roles=roles,
            members=_members(session, person_id) if trusted else {},
            assigned=assigned,
            hidden=_hidden(session, person_id, roles, assigned) if roles else frozenset(),
        )


def _with_children(start: Select[uuid.UUID, uuid.UUID]) -> Any:
    """The rows (account_id, row_id) of `start` and the same for all accounts below, with their depth."""
    first = start.add_columns(literal(0).label("depth")).cte("reached", recursive=True)
    child = select(Account.id, first.c.row_id, first.c.depth + 1).join(
        first, Account.parent_id == first.c.account_id
    )
    return first.union_all(child.where(first.c.depth < _DEEPEST))


def _members(session: Session, person_id: uuid.UUID) -> dict[uuid.UUID, Member]:
    """Their memberships by account. The nearest one counts; a limited one does not reach children."""
    now = clock.now()
    own = (
        select(Membership.account_id.label("account_id"), Membership.id.label("row_id"))
        .join(Account, Account.id == Membership.account_id)
        .where(Membership.person_id == person_id, Membership.valid_from <= now, _open_to_passwords())
        .where(or_(Membership.valid_until.is_(None), Membership.valid_until > now))
    )
    reached = _with_children(own)
    query = (
        select(reached.c.account_id, reached.c.depth, Membership.roles, Membership.limits)
        .join(Account, Account.id == reached.c.account_id)
        .join(Membership, and_(Membership.person_id == person_id, Membership.id == reached.c.row_id))
        .where(_open_to_passwords())
        .order_by(reached.c.depth.desc())
    )
    nearest = {row.account_id: row for row in session.execute(query)}
    return {
        account_id: _member(row.roles, Limits.read(row.limits))
        for account_id, row in nearest.items()
        if row.depth == 0 or not row.limits
    }


def _open_to_passwords() -> ColumnElement[bool]:
    return and_(Account.password_login, Account.closed_at.is_(None))


def _member(roles: list[str], limits: Limits) -> Member:
    return Member(frozenset(MemberRole(role) for role in roles), limits.sites, limits.services)


def _assigned(session: Session, person_id: uuid.UUID) -> dict[uuid.UUID, str]:
    now = clock.now()
    own = select(Assignment.account_id.label("account_id"), Assignment.id.label("row_id")).where(
        Assignment.person_id == person_id,
        Assignment.valid_from <= now,
        or_(Assignment.valid_until.is_(None), Assignment.valid_until > now),
    )
    reached = _with_children(own)
    query = (
        select(reached.c.account_id, Assignment.reach_name)
        .join(Assignment, and_(Assignment.person_id == person_id, Assignment.id == reached.c.row_id))
        .order_by(reached.c.depth.desc())
    )
    return {row.account_id: row.reach_name for row in session.execute(query)}


def _hidden(
    session: Session,
    person_id: uuid.UUID,
    roles: frozenset[StaffRole],
    assigned: Mapping[uuid.UUID, str],
) -> frozenset[uuid.UUID]:
    """Restricted accounts are for leads, for those assigned, and for whoever answers in the end."""
    if StaffRole.LEAD in roles:
        return frozenset()
    restricted = frozenset(session.scalars(select(Account.id).where(Account.restricted)))
    hidden = restricted - assigned.keys()
    return frozenset() if hidden and is_fallback(session, person_id) else hidden


def visible(viewer: Viewer, lens: str) -> ColumnElement[bool]:
    """The condition on `Account` that every read of a page joins: the accounts of a viewer in one lens."""
    if lens == "customer":
        return Account.id.in_(viewer.members) if viewer.members else false()
    if lens != "staff" or not viewer.is_staff:
        return false()
    return Account.id.not_in(viewer.hidden) if viewer.hidden else true()


def account(session: Session, viewer: Viewer, lens: str, slug: str) -> Account:
    """The account of an address; `NotFound` when it does not exist or is not theirs to know of."""
    found = session.scalar(select(Account).where(Account.slug == slug, visible(viewer, lens)))
    if found is None:
        raise NotFound(N_("There is no such account."))
    return found


def accounts(session: Session, viewer: Viewer, lens: str, *, limit: int = 200) -> list[Account]:
    """The first accounts of a viewer by name, without closed ones."""
    query = select(Account).where(visible(viewer, lens), Account.closed_at.is_(None))
    return list(session.scalars(query.order_by(Account.name, Account.id).limit(limit)))


def workers(session: Session, account: Account) -> list[Person]:
    """Those of us who may be given work of an account, by name: they may act, and may see it."""
    some = staff(session, *WORKERS)
    if not account.restricted:
        return some
    allowed = may_be_told(session, account, [person.id for person in some])
    return [person for person in some if person.id in allowed]


def may_be_told(session: Session, account: Account, person_ids: Collection[uuid.UUID]) -> set[uuid.UUID]:
    """Which of ours may read of an account's matters: those who may be given its work, and the functions that
    are assigned to it or answer in the end."""
    with as_system(session):
        end = known_fallback(session)
        near = or_(Person.id.in_(assigned_to(account.id)), Person.id == (end.person_id if end else None))
        leads = select(StaffMember.person_id).where(StaffMember.role == StaffRole.LEAD)
        seen = or_(near, Person.id.in_(leads)) if account.restricted else true()
        query = select(Person.id).where(Person.id.in_(person_ids), Person.disabled_at.is_(None), working())
        human = Person.kind == PersonKind.HUMAN
        return set(session.scalars(query.where(or_(and_(human, seen), and_(~human, near)))))


def require_staff(viewer: Viewer, *roles: StaffRole) -> None:
    """`Forbidden` unless they are one of us and, where roles are named, hold one of them."""
    if not viewer.is_staff or (roles and not viewer.roles & set(roles)):
        raise Forbidden(N_("Your role does not allow this."))


def require_member(viewer: Viewer, account_id: uuid.UUID, *roles: MemberRole) -> Member:
    """What they are in the account; `NotFound` for strangers, `Forbidden` without any of the roles named."""
    member = viewer.members.get(account_id)
    if member is None:
        raise NotFound(N_("There is no such account."))
    if roles and not member.roles & set(roles):
        raise Forbidden(N_("Your role does not allow this. Ask your portal admin for it."))
    return member
