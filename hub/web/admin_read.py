"""What pages of the administration show."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from hub.base import clock
from hub.domain.accounts import Account, Membership
from hub.domain.audit import AuditLine
from hub.domain.connections import Connection, ConnectionState, Happened, hanging, happened
from hub.domain.people import ContactPoint, Person, StaffMember
from hub.flows.directory import uploading
from hub.web.filters import moment
from hub.web.words import _, ngettext

PAGE = 100


@dataclass(frozen=True, slots=True)
class Shown:
    """A connection as lists show it, with what happened to it in the last day."""

    slug: str
    name: str
    connector: str
    side: str
    enabled: bool
    last_ok_at: datetime | None
    failing_since: datetime | None
    last_error: str | None
    hung: int
    hung_at: datetime | None
    happened: Sequence[Happened]


def audit_lines(session: Session, older: uuid.UUID | None) -> list[AuditLine]:
    """A page of the audit log and one line more, newest first."""
    query = select(AuditLine)
    if older is not None:
        query = query.where(AuditLine.id < older)
    return list(session.scalars(query.order_by(AuditLine.id.desc()).limit(PAGE + 1)))


def connections(session: Session) -> list[Shown]:
    """Every connection and how it is, by name; two statements, however many there are."""
    query = (
        select(
            *(Connection.slug, Connection.name, Connection.connector, Connection.side, Connection.enabled),
            *(ConnectionState.last_ok_at, ConnectionState.failing_since, ConnectionState.last_error),
            *(ConnectionState.hung, ConnectionState.hung_at, Connection.id),
        )
        .join(ConnectionState, ConnectionState.connection_id == Connection.id)
        .order_by(Connection.name)
    )
    told = happened(session)
    found = [dict(row) for row in session.execute(query).mappings()]
    return [Shown(happened=told.get(each.pop("id"), ()), **each) for each in found]


def health_words(row: Shown) -> list[str]:
    """State, last success and what is wrong with a connection."""
    if row.slug == uploading.SLUG:
        state = _("for uploads only")
    elif not row.enabled:
        state = _("switched off")
    elif row.failing_since:
        state = _("failing since %(time)s", time=moment(row.failing_since))
    else:
        state = _("works") if row.last_ok_at else _("not used yet")
    wrong = [row.last_error or ""]
    if row.enabled and (hung := hanging(row.hung, row.hung_at)):
        state = ngettext("%(num)d call hangs", "%(num)d calls hang", hung)
        wrong.append(_("The tool does not answer; the worker waits for these calls."))
    wrong += [_happened(each) for each in row.happened]
    return [state, moment(row.last_ok_at), " ".join(filter(None, wrong))]


def _happened(each: Happened) -> str:
    what, last = _(each.what), moment(each.last)
    return _("%(what)s: %(num)d in the last day, last %(time)s.", what=what, num=each.times, time=last)


def accounts(session: Session, hidden: frozenset[uuid.UUID], words: str) -> list[Any]:
    """Accounts by name, closed ones last; the first of those that fit."""
    query = select(Account.slug, Account.name, Account.prefix, Account.zone, Account.closed_at)
    query = query.where(Account.id.not_in(hidden)) if hidden else query
    if words:
        query = query.where(Account.name.icontains(words, autoescape=True))
    return list(session.execute(query.order_by(Account.closed_at.is_not(None), Account.name).limit(200)))


def parent_of(session: Session, account: Account) -> Account | None:
    """The account above this one."""
    return session.get(Account, account.parent_id) if account.parent_id else None


def persons(session: Session, words: str) -> list[Any]:
    """People with their first mail address and what they are, by name; the first of those that fit."""
    now = clock.now()
    mail = (
        select(func.min(ContactPoint.value))
        .where(ContactPoint.person_id == Person.id, ContactPoint.kind == "email")
        .where(or_(ContactPoint.valid_until.is_(None), ContactPoint.valid_until > now))
        .scalar_subquery()
    )
    roles = select(func.count()).where(StaffMember.person_id == Person.id).scalar_subquery()
    query = select(
        Person.id,
        Person.name,
        Person.kind,
        Person.disabled_at,
        mail.label("mail"),
        roles.label("staff_roles"),
    )
    if words:
        found = select(ContactPoint.person_id).where(ContactPoint.value.icontains(words, autoescape=True))
        query = query.where(or_(Person.name.icontains(words, autoescape=True), Person.id.in_(found)))
    return list(session.execute(query.order_by(Person.disabled_at.is_not(None), Person.name).limit(200)))


def person_choices(session: Session) -> list[tuple[str, str]]:
    """Everyone who is not disabled, as choices; by name."""
    query = select(Person.id, Person.name).where(Person.disabled_at.is_(None)).order_by(Person.name)
    return [(str(row.id), row.name) for row in session.execute(query)]


def memberships(session: Session, hidden: frozenset[uuid.UUID], person_id: uuid.UUID) -> list[Any]:
    """Accounts in which a person is a member now, without those that the reader may not see."""
    now = clock.now()
    query = (
        select(Account.slug, Account.name, Membership.roles)
        .join(Membership, Membership.account_id == Account.id)
        .where(Membership.person_id == person_id, Membership.valid_from <= now)
        .where(or_(Membership.valid_until.is_(None), Membership.valid_until > now))
        .where(Account.id.not_in(hidden))
        .order_by(Account.name)
    )
    return list(session.execute(query))
