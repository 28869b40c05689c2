"""What customers do on the portal: report, answer, confirm, reopen, follow."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from sqlalchemy.orm import Session

from hub.base.errors import Invalid
from hub.base.text import N_
from hub.domain import access, attachments, cases
from hub.domain.access import Member, Viewer
from hub.domain.accounts import Account, MemberRole, Service
from hub.domain.attachments import NO_FILES, Files
from hub.domain.audit import Actor
from hub.domain.cases import Case, CaseType, Level, NewCase, Written
from hub.domain.cases.once import bound
from hub.flows import solutions

SPEAKERS = (MemberRole.PORTAL_ADMIN, MemberRole.REQUESTER, MemberRole.APPROVER, MemberRole.TECHNICAL)
"""Those who may report and answer; billing and viewers only read."""

REPORTED_TYPES = (CaseType.INCIDENT, CaseType.SERVICE_REQUEST, CaseType.QUESTION, CaseType.COMPLAINT)

IMPACTS: Mapping[str, tuple[Level, Level]] = MappingProxyType(
    {
        "down": (Level.HIGH, Level.HIGH),
        "degraded": (Level.HIGH, Level.MEDIUM),
        "intermittent": (Level.MEDIUM, Level.MEDIUM),
        "none": (Level.LOW, Level.LOW),
    }
)
"""What a customer says of the effect (the words of MEF 124 and "none") -> impact and urgency."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What the form asks of someone who reports; `impact` is a key of `IMPACTS`."""

    title: str
    text: str
    case_type: str = CaseType.INCIDENT
    service_id: uuid.UUID | None = None
    impact: str = "intermittent"
    category: str = ""
    customer_reference: str | None = None


def report(
    session: Session,
    viewer: Viewer,
    account: Account,
    told: Report,
    *,
    files: Files = NO_FILES,
    form_key: str | None = None,
) -> Case:
    """The customer reports something: a case that both sides see from the start, once per form.

    The responsible is told, and those of the customer's own people who want such news.
    """
    actor, member = _speaker(viewer, account.id)
    key = bound("report", account.id, form_key)
    if (first := cases.seen(session, account.id, viewer.person_id, key)) is not None:
        return session.get_one(Case, (account.id, first.object_id))
    _require_service(session, account, member, told.service_id)
    written = cases.report_case(session, actor, account, _new_case(viewer, told))
    case, seq = written.case, written.seq
    attachments.add(session, account.id, seq, "customer", files, case_id=case.id)
    cases.remember(session, account.id, viewer.person_id, key, case.id, seq)
    tell_opened(session, written, actor)
    return case


def _speaker(viewer: Viewer, account_id: uuid.UUID) -> tuple[Actor, Member]:
    member = access.require_member(viewer, account_id, *SPEAKERS)
    return viewer.actor("customer"), member


def _require_service(
    session: Session, account: Account, member: Member, service_id: uuid.UUID | None
) -> None:
    if service_id is None:
        return
    service = session.get(Service, (account.id, service_id))
    # A service that is not theirs to see is answered like one that does not exist.
    if service is None or service.closed_at or not member.covers(service.site_id, service.id):
        raise Invalid.field("service_id", N_("Please choose one of your services."))


def _new_case(viewer: Viewer, told: Report) -> NewCase:
    if told.impact not in IMPACTS:
        raise Invalid.field("impact", N_("Please choose how much it affects you."))
    if told.case_type not in REPORTED_TYPES:
        raise Invalid.field("case_type", N_("Please choose what it is about."))
    impact, urgency = IMPACTS[told.impact]
    return NewCase(
        title=told.title,
        text=told.text,
        case_type=told.case_type,
        category=told.category,
        impact=impact,
        urgency=urgency,
        service_id=told.service_id,
        requester_id=viewer.person_id,
        customer_reference=told.customer_reference,
    )


def tell_opened(session: Session, written: Written, author: Actor) -> None:
    """Have both sides told of a case that a customer opened; the mailroom's too."""
    case, seq = written.case, written.seq
    cases.tell(session, "responsible", case, f"case-opened:{case.id}", seq=seq, author_id=author.id)
    cases.tell(session, "customers", case, f"case-shared:{case.id}", seq=seq, author_id=author.id)


def answer(
    session: Session,
    viewer: Viewer,
    case: Case,
    text: str,
    *,
    reopens: bool = False,
    files: Files = NO_FILES,
    form_key: str | None = None,
) -> Case:
    """The customer writes about a case; answers the case that it stands on, once per form.

    On a solved case it reopens only if they say so. After a case has closed it opens one that follows.
    """
    actor, _member = _speaker(viewer, case.account_id)
    key = bound("answer", case.id, form_key)
    if (first := cases.seen(session, case.account_id, viewer.person_id, key)) is not None:
        return session.get_one(Case, (case.account_id, first.object_id))
    written = wrote(session, actor, case, text, reopens=reopens, files=files)
    cases.remember(session, case.account_id, viewer.person_id, key, written.case.id, written.seq)
    return written.case


def wrote(
    session: Session,
    actor: Actor,
    case: Case,
    text: str,
    *,
    channel: str = "portal",
    reopens: bool = False,
    files: Files = NO_FILES,
) -> Written:
    """A customer wrote, on the portal or by mail: kept, and whoever works on the case is told.

    The caller has checked that they may; a viewer's `answer` does.
    """
    reopened_before = case.reopened
    written = cases.customer_wrote(session, actor, case, text, channel=channel, reopens=reopens)
    now, seq = written.case, written.seq
    attachments.add(session, now.account_id, seq, "customer", files, case_id=now.id)
    if written.opened:
        tell_opened(session, written, actor)
        return written
    what = "reopened" if now.reopened > reopened_before else "case-wrote"
    cases.tell_worker(session, now, f"{what}:{now.id}:{seq}", seq=seq, author_id=actor.id)
    return written


def confirm(session: Session, viewer: Viewer, case: Case, words: str = "") -> int:
    """The customer confirms the solution; see `solutions.confirm` for who is told."""
    actor, _member = _speaker(viewer, case.account_id)
    return solutions.confirm(session, actor, case, words)


def reopen(session: Session, viewer: Viewer, case: Case, reason: str) -> int:
    """The solution does not hold; whoever works on the case is told."""
    actor, _member = _speaker(viewer, case.account_id)
    seq = cases.reopen(session, actor, case, reason)
    cases.tell_worker(session, case, f"reopened:{case.id}:{seq}", seq=seq, author_id=actor.id)
    return seq


def watch(
    session: Session,
    viewer: Viewer,
    case: Case,
    person_id: uuid.UUID | None = None,
    *,
    watches: bool = True,
) -> int | None:
    """Follow a case that one sees, or no longer; a portal admin also lets colleagues follow it."""
    for_colleague = person_id is not None and person_id != viewer.person_id
    roles = (MemberRole.PORTAL_ADMIN,) if for_colleague else ()
    access.require_member(viewer, case.account_id, *roles)
    change = cases.watch if watches else cases.unwatch
    return change(session, viewer.actor("customer"), case, person_id or viewer.person_id)
