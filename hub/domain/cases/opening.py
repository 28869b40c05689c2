"""Opening a case: by us, staff-only, or by the customer's own report."""

import uuid
from dataclasses import dataclass

from sqlalchemy.orm import Session

from hub.base import clock, ids, text
from hub.base.errors import Invalid
from hub.base.text import N_
from hub.domain import numbers, timeline
from hub.domain.accounts import Account, Service, Site
from hub.domain.audit import Actor
from hub.domain.cases.changing import Taken, Written, entry, needed, one_line, say
from hub.domain.cases.priority import level, priority_of
from hub.domain.cases.tables import Case, CaseState, CaseType, Level
from hub.domain.kinds import Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCase:
    """What is known of a case when it begins. `category` is a free word and need not be of IT.

    `text` becomes the body of its first entry. A site is taken from the service where none is given.
    """

    title: str
    case_type: str = CaseType.INCIDENT
    text: str = ""
    customer_title: str | None = None
    category: str = ""
    impact: str = Level.MEDIUM
    urgency: str = Level.MEDIUM
    service_id: uuid.UUID | None = None
    site_id: uuid.UUID | None = None
    requester_id: uuid.UUID | None = None
    customer_reference: str | None = None
    follows: Case | None = None


def open_case(session: Session, actor: Actor, account: Account, new: NewCase) -> Written:
    """Open a case that only staff knows of."""
    taken = _create(session, account, new, shared=False)
    case = taken.case
    facts = {"title": case.title, "priority": case.priority, **_following(new)}
    line = entry(case, Kind.CASE_OPENED, actor, facts, body=_body(new.text))
    return Written(case, say(session, taken, line), opened=True)


def report_case(
    session: Session, actor: Actor, account: Account, new: NewCase, *, channel: str = "portal"
) -> Written:
    """Open a case that the customer reports: shared from birth, and theirs is the title."""
    needed("text", new.text, N_("Please describe what it is about."))
    taken = _create(session, account, new, shared=True)
    case = taken.case
    kind = Kind.CASE_FOLLOWED if new.follows else Kind.CASE_REPORTED
    line = entry(case, kind, actor, {"title": case.title, **_following(new)}, body=_body(new.text))
    line.channel, line.direction = channel, "in"
    return Written(case, say(session, taken, line), opened=True)


def _body(written: str) -> str | None:
    return needed("text", written, "") if text.clean(written) else None


def _following(new: NewCase) -> dict[str, str]:
    return {"follows": new.follows.number} if new.follows else {}


def _create(session: Session, account: Account, new: NewCase, *, shared: bool) -> Taken:
    heads = timeline.lock(session, [account.id])
    now = clock.now()
    title = one_line("title", new.title, N_("Please enter a title."))
    given = text.one_line(new.customer_title or "") or None
    case = Case(
        account_id=account.id,
        id=ids.new_id(),
        number=f"{account.prefix}-{numbers.take(session, numbers.CASES)[0]}",
        case_type=_case_type(new.case_type),
        state=CaseState.REGISTERED,
        title=title,
        customer_title=title if shared else given,
        category=text.one_line(new.category, 40),
        impact=level("impact", new.impact),
        urgency=level("urgency", new.urgency),
        priority=priority_of(new.impact, new.urgency),
        service_id=new.service_id,
        site_id=_place(session, account.id, new.service_id, new.site_id),
        requester_id=new.requester_id,
        customer_reference=text.one_line(new.customer_reference or "") or None,
        follows_id=new.follows.id if new.follows else None,
        opened_at=now,
        shared_at=now if shared else None,
        reopened=0,
    )
    session.add(case)
    return Taken(case, heads)


def _case_type(value: str) -> CaseType:
    try:
        return CaseType(value)
    except ValueError:
        raise Invalid.field("case_type", N_("Please choose what kind of matter it is.")) from None


def _place(
    session: Session, account_id: uuid.UUID, service_id: uuid.UUID | None, site_id: uuid.UUID | None
) -> uuid.UUID | None:
    """The site of a case, checked to be the account's, like its service."""
    if service_id is not None:
        service = session.get(Service, (account_id, service_id))
        if service is None:
            raise Invalid.field("service_id", N_("Please choose a service of this account."))
        site_id = site_id or service.site_id
    if site_id is not None and session.get(Site, (account_id, site_id)) is None:
        raise Invalid.field("site_id", N_("Please choose a site of this account."))
    return site_id
