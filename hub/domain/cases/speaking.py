"""What is said about a case: among staff, to the customer, by the customer."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.base.errors import Conflict, Invalid
from hub.base.text import N_
from hub.domain.accounts import Account
from hub.domain.audit import Actor
from hub.domain.cases import moving
from hub.domain.cases.changing import (
    REFUSALS,
    Taken,
    Written,
    entry,
    is_over,
    needed,
    require_shared,
    say,
    take,
)
from hub.domain.cases.describing import check_next
from hub.domain.cases.opening import NewCase, report_case
from hub.domain.cases.tables import ENDED_STATES, OPEN_STATES, Case, CaseState, WaitReason
from hub.domain.kinds import Kind
from hub.domain.timeline import Entry

_WRITE = N_("Please write something.")
_NO_SOURCE = N_("The entry that this was made from is not there any more. Please start anew.")


def note(session: Session, actor: Actor, case: Case, text: str) -> int:
    """Keep something among staff, whatever the state of the case."""
    body = needed("text", text, _WRITE)
    taken = take(session, case)
    facts = {"person": actor.name}
    line = entry(case, Kind.NOTE, actor, facts, audience="staff", body=body)
    return say(session, taken, line)


def log_call(
    session: Session, actor: Actor, case: Case, other: str, text: str, *, direction: str = "out"
) -> int:
    """Keep what was spoken by phone, for staff; `direction` is "in" when they called us."""
    if direction not in ("in", "out"):
        raise Invalid.field("direction", N_("Please say who called."))
    body = needed("text", text, _WRITE)
    facts = {"person": actor.name, "other": needed("other", other, N_("Please say who it was."), 200)}
    taken = take(session, case)
    line = entry(case, Kind.CALL_LOGGED, actor, facts, audience="staff", body=body)
    line.channel, line.direction = "phone", direction
    return say(session, taken, line)


def publish(
    session: Session,
    actor: Actor,
    case: Case,
    text: str,
    next_step: str | None = None,
    next_update_by: datetime | None = None,
    *,
    source_seq: int | None = None,
) -> int:
    """Write to the customer: a new entry of theirs, pointing at its source.

    It says what comes next and by when they hear again, unless the case is solved already. An answer also
    starts a case that nobody had started. The source is a line of this case that only staff read; `Conflict`
    for any other.
    """
    if source_seq is not None and words_of(session, case, source_seq) is None:
        raise Conflict(_NO_SOURCE)
    body = needed("text", text, _WRITE)
    taken = take(session, case)
    require_shared(case)
    if case.state in ENDED_STATES:
        raise Conflict(REFUSALS[case.state])
    facts = {"person": actor.shown_to_customers}
    if case.state in OPEN_STATES:
        case.next_step, case.next_update_by = check_next(next_step, next_update_by)
        facts |= {"next_step": case.next_step, "next_update_by": case.next_update_by.isoformat()}
    if case.state == CaseState.REGISTERED:
        case.state = facts["state"] = CaseState.IN_PROGRESS
    line = entry(case, Kind.PUBLISHED, actor, facts, body=body, source_seq=source_seq)
    line.channel, line.direction = "portal", "out"
    return say(session, taken, line)


def words_of(session: Session, case: Case, seq: int) -> str | None:
    """What an entry of the case says to staff alone, to be published from there; None for no such entry."""
    query = select(Entry.body).where(
        Entry.account_id == case.account_id,
        Entry.seq == seq,
        Entry.case_id == case.id,
        Entry.audience == "staff",
        Entry.erased_at.is_(None),
    )
    found = session.execute(query).first()
    return None if found is None else found.body or ""


def customer_wrote(
    session: Session, actor: Actor, case: Case, text: str, *, channel: str = "portal", reopens: bool = False
) -> Written:
    """The customer writes about a shared case, on the portal or by mail.

    Ends a wait for them. On a solved case it is kept and nothing more (thanks must not reopen) unless they
    say that it `reopens`. After the grace it opens a case that follows the old one, or goes to the open one
    that the same person's earlier writing opened.
    """
    body = needed("text", text, _WRITE)
    taken = take(session, case)
    require_shared(case)
    if is_over(case):
        return _follow_up(session, taken, actor, body, channel)
    if case.state == CaseState.RESOLVED and reopens:
        return Written(case, moving.reopen_taken(session, taken, actor, body, channel))
    facts = {"person": actor.shown_to_customers}
    if case.wait_reason == WaitReason.CUSTOMER:
        case.state, case.wait_reason = CaseState.IN_PROGRESS, None
        facts["state"] = CaseState.IN_PROGRESS
    line = entry(case, Kind.CUSTOMER_WROTE, actor, facts, body=body)
    line.channel, line.direction = channel, "in"
    return Written(case, say(session, taken, line))


def _follow_up(session: Session, taken: Taken, actor: Actor, body: str, channel: str) -> Written:
    old = taken.case
    begun = select(Case).where(
        Case.account_id == old.account_id,
        Case.follows_id == old.id,
        Case.requester_id == actor.id,
        Case.shared_at.is_not(None),
        Case.state.in_(OPEN_STATES),
    )
    if (earlier := session.scalars(begun.limit(1)).first()) is not None:
        return customer_wrote(session, actor, earlier, body, channel=channel)
    new = NewCase(
        title=old.customer_title or old.number,
        case_type=old.case_type,
        text=body,
        category=old.category,
        impact=old.impact,
        urgency=old.urgency,
        service_id=old.service_id,
        site_id=old.site_id,
        requester_id=actor.id,
        customer_reference=old.customer_reference,
        follows=old,
    )
    return report_case(session, actor, session.get_one(Account, old.account_id), new, channel=channel)
