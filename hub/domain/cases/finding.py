"""Who may see which case. Deny by default: what is not theirs does not exist for them."""

import uuid
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Select, and_, false, or_, select, true, tuple_
from sqlalchemy.orm import Session

from hub.base.errors import Invalid, NotFound
from hub.base.text import N_
from hub.domain.access import Member, Viewer
from hub.domain.accounts import MemberRole
from hub.domain.attachments import Attachment
from hub.domain.cases.tables import Case, Watcher

PAGE = 50
MOST_OPEN = 500
SEES_ALL = frozenset((MemberRole.PORTAL_ADMIN, MemberRole.APPROVER, MemberRole.TECHNICAL, MemberRole.VIEWER))
"""Roles that see every shared case of the account; the others see their own and what they watch."""

_NOTHING = N_("There is no such case.")


@dataclass(frozen=True, slots=True)
class CasePage:
    """Cases, newest first; `older` is what to ask for next, None at the end."""

    cases: list[Case]
    older: str | None


def visible(viewer: Viewer, lens: str) -> ColumnElement[bool]:
    """The condition under which the viewer may see a case through a lens."""
    if lens == "staff":
        if not viewer.is_staff:
            return false()
        return Case.account_id.not_in(viewer.hidden) if viewer.hidden else true()
    if not viewer.members:
        return false()
    theirs = or_(*(_of_member(viewer, account, member) for account, member in viewer.members.items()))
    return and_(Case.shared_at.is_not(None), theirs)


def _of_member(viewer: Viewer, account_id: uuid.UUID, member: Member) -> ColumnElement[bool]:
    in_account = Case.account_id == account_id
    own = or_(Case.requester_id == viewer.person_id, _watched(viewer))
    if not SEES_ALL & member.roles:
        return and_(in_account, own)
    if not member.is_limited:
        return in_account
    within = or_(Case.site_id.in_(member.sites or ()), Case.service_id.in_(member.services or ()))
    return and_(in_account, or_(within, own))


def sees_all(member: Member) -> bool:
    """Whether a member sees every shared case of the account, and so its whole customer timeline."""
    return bool(SEES_ALL & member.roles) and not member.is_limited


def _watched(viewer: Viewer) -> ColumnElement[bool]:
    return (
        select(Watcher.case_id)
        .where(
            Watcher.account_id == Case.account_id,
            Watcher.case_id == Case.id,
            Watcher.person_id == viewer.person_id,
        )
        .exists()
    )


def find(session: Session, viewer: Viewer, lens: str, number: str) -> Case:
    """The case of a number, as far as it is theirs to know of; `NotFound` otherwise."""
    wanted = number.strip().upper()
    return _one(session, select(Case).where(Case.number == wanted, visible(viewer, lens)))


def by_id(session: Session, viewer: Viewer, lens: str, account_id: uuid.UUID, case_id: uuid.UUID) -> Case:
    """`find` by the id that an entry or a notice carries."""
    query = select(Case).where(Case.account_id == account_id, Case.id == case_id)
    return _one(session, query.where(visible(viewer, lens)))


def get_case(session: Session, case_id: uuid.UUID) -> Case | None:
    """The case of an id that a link or a reply address carries; for flows that are no reader's."""
    return session.scalars(select(Case).where(Case.id == case_id)).one_or_none()


def _one(session: Session, query: Select[Case]) -> Case:
    case = session.scalars(query).one_or_none()
    if case is None:
        raise NotFound(_NOTHING)
    return case


def open_cases(session: Session, viewer: Viewer, lens: str, account_id: uuid.UUID) -> list[Case]:
    """The cases of an account that have not ended, newest first; solved ones wait for a word and are in."""
    query = select(Case).where(Case.account_id == account_id, Case.closed_at.is_(None))
    query = query.where(visible(viewer, lens)).order_by(Case.opened_at.desc(), Case.id.desc())
    return list(session.scalars(query.limit(MOST_OPEN)))


def list_cases(
    session: Session,
    viewer: Viewer,
    lens: str,
    account_id: uuid.UUID | None = None,
    *,
    ended: bool | None = None,
    handler_id: uuid.UUID | None = None,
    before: str | None = None,
    limit: int = PAGE,
) -> CasePage:
    """One page of cases, of one account or of all; `ended` narrows to those that have (True) or not (False).

    `before` is the `older` of the page before.
    """
    query = select(Case).where(visible(viewer, lens))
    if account_id is not None:
        query = query.where(Case.account_id == account_id)
    if handler_id is not None:
        query = query.where(Case.handler_id == handler_id)
    if ended is not None:
        query = query.where(Case.closed_at.is_not(None) if ended else Case.closed_at.is_(None))
    if before is not None:
        query = query.where(tuple_(Case.opened_at, Case.id) < tuple_(*_position(before)))
    query = query.order_by(Case.opened_at.desc(), Case.id.desc()).limit(limit + 1)
    found = list(session.scalars(query))
    older = _cursor(found[limit - 1]) if len(found) > limit else None
    return CasePage(found[:limit], older)


def _cursor(case: Case) -> str:
    return f"{case.opened_at.isoformat()}~{case.id.hex}"


def _position(cursor: str) -> tuple[datetime, uuid.UUID]:
    try:
        opened, case_id = cursor.split("~")
        return datetime.fromisoformat(opened), uuid.UUID(case_id)
    except ValueError:
        raise Invalid(N_("This page is out of date. Please start from the first one.")) from None


def watchers_of(session: Session, case: Case) -> list[uuid.UUID]:
    """The people of the customer who follow a case that is not their own."""
    query = select(Watcher.person_id).where(Watcher.account_id == case.account_id, Watcher.case_id == case.id)
    return list(session.scalars(query.order_by(Watcher.since, Watcher.person_id)))


def attachment(
    session: Session, viewer: Viewer, lens: str, account_id: uuid.UUID, attachment_id: uuid.UUID
) -> Attachment:
    """A file whose entry they may read, through the same rules as its case; `NotFound` otherwise."""
    query = select(Attachment).where(Attachment.account_id == account_id, Attachment.id == attachment_id)
    if lens == "customer":
        query = query.where(Attachment.audience == "customer")
    found = session.scalars(query).one_or_none()
    if found is None or found.content is None:
        raise NotFound(N_("There is no such file."))
    if found.case_id is not None:
        by_id(session, viewer, lens, account_id, found.case_id)
    elif not _reads_account(viewer, lens, account_id):
        raise NotFound(N_("There is no such file."))
    return found


def _reads_account(viewer: Viewer, lens: str, account_id: uuid.UUID) -> bool:
    if lens == "staff":
        return viewer.is_staff and account_id not in viewer.hidden
    member = viewer.members.get(account_id)
    return member is not None and sees_all(member)
