"""The life of a case: started, waiting, solved, confirmed, reopened, closed, cancelled."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.base import clock, text
from hub.base.errors import Conflict, Invalid
from hub.base.text import N_
from hub.domain import timeline
from hub.domain.audit import HUB, Actor
from hub.domain.cases.changing import (
    GRACE,
    REFUSALS,
    Taken,
    entry,
    is_over,
    named,
    needed,
    require,
    say,
    take,
)
from hub.domain.cases.tables import OPEN_STATES, Case, CaseState, WaitReason
from hub.domain.kinds import Kind

_BATCH = 200
_WORKED_ON = N_("This case is already being worked on.")
_ALREADY_WAITS = N_("This case already waits for that.")


def start(session: Session, actor: Actor, case: Case) -> int:
    """Work begins, or goes on after a wait."""
    taken = take(session, case)
    if case.state == CaseState.IN_PROGRESS:
        raise Conflict(_WORKED_ON)
    require(case, CaseState.REGISTERED, CaseState.WAITING)
    return _move(session, taken, actor, CaseState.IN_PROGRESS)


def wait(session: Session, actor: Actor, case: Case, reason: str) -> int:
    """The case waits for someone or something. Whom we wait for among ourselves stays among staff."""
    try:
        wanted = WaitReason(reason)
    except ValueError:
        raise Invalid.field("reason", N_("Please choose what the case waits for.")) from None
    taken = take(session, case)
    require(case, *OPEN_STATES)
    if case.wait_reason == wanted:
        raise Conflict(_ALREADY_WAITS)
    return _move(session, taken, actor, CaseState.WAITING, wanted)


def _move(
    session: Session, taken: Taken, actor: Actor, state: CaseState, reason: WaitReason | None = None
) -> int:
    """Change between open states; the customer is only told of what looks different to them."""
    case = taken.case
    before = case.shown_state("customer")
    case.state, case.wait_reason = state, reason
    seen = case.is_shared and case.shown_state("customer") != before
    audience = "customer" if seen else "staff"
    facts = {"state": case.shown_state(audience)}
    return say(session, taken, entry(case, Kind.CASE_STATE, actor, facts, audience=audience))


def resolve(session: Session, actor: Actor, case: Case, solution: str) -> int:
    """The matter is solved. A shared case asks the customer to confirm; one never shared closes itself.

    On a shared case the customer reads `solution`.
    """
    solution = needed("solution", solution, N_("Please say how it was solved."))
    taken = take(session, case)
    require(case, *OPEN_STATES)
    case.state = CaseState.RESOLVED
    case.solution, case.resolved_at = solution, clock.now()
    _nothing_more_to_come(case)
    if not case.is_shared:
        case.state, case.closed_at = CaseState.CLOSED, case.resolved_at
    line = entry(case, Kind.CASE_RESOLVED, actor, {**named(case), "state": case.state}, body=solution)
    if case.is_shared:
        line.channel, line.direction = "portal", "out"
    return say(session, taken, line)


def _nothing_more_to_come(case: Case) -> None:
    case.wait_reason = case.next_step = case.next_update_by = case.share_at = None


def confirm(session: Session, actor: Actor, case: Case, words: str = "") -> int:
    """The customer (or one of us, told so by them) confirms the solution: the case closes."""
    taken = take(session, case)
    require(case, CaseState.RESOLVED)
    case.state, case.closed_at = CaseState.CLOSED, clock.now()
    body = text.clean(words) or None
    return say(session, taken, entry(case, Kind.CASE_CONFIRMED, actor, body=body))


def close(session: Session, actor: Actor, case: Case) -> int:
    """Close a solved case that nobody will confirm."""
    taken = take(session, case)
    require(case, CaseState.RESOLVED)
    case.state, case.closed_at = CaseState.CLOSED, clock.now()
    return say(session, taken, entry(case, Kind.CASE_CLOSED, actor))


def reopen(session: Session, actor: Actor, case: Case, reason: str) -> int:
    """The solution does not hold. Possible until the case closes; on a shared case the customer reads why."""
    reason = needed("reason", reason, N_("Please say what is still wrong."))
    taken = take(session, case)
    require(case, CaseState.RESOLVED)
    if is_over(case):
        raise Conflict(REFUSALS[CaseState.CLOSED])
    return reopen_taken(session, taken, actor, reason)


def reopen_taken(
    session: Session, taken: Taken, actor: Actor, reason: str, channel: str | None = None
) -> int:
    """`reopen` for a verb that holds the case and has checked that it may."""
    case = taken.case
    case.state, case.resolved_at, case.solution = CaseState.IN_PROGRESS, None, None
    case.reopened += 1
    line = entry(case, Kind.CASE_REOPENED, actor, named(case), body=reason)
    if actor.kind == "customer":
        line.channel, line.direction = channel or "portal", "in"
    return say(session, taken, line)


def cancel(session: Session, actor: Actor, case: Case, reason: str) -> int:
    """End an open case without a solution. On a shared case the customer reads the reason."""
    reason = needed("reason", reason, N_("Please say why it is cancelled."))
    taken = take(session, case)
    require(case, *OPEN_STATES)
    case.state, case.closed_at = CaseState.CANCELLED, clock.now()
    _nothing_more_to_come(case)
    return say(session, taken, entry(case, Kind.CASE_STATE, actor, {"state": case.state}, body=reason))


def close_due(session: Session) -> int:
    """Close the solved cases that nobody reopened within the grace; answers how many. Safe on every node."""
    due = (Case.state == CaseState.RESOLVED, Case.resolved_at <= clock.now() - GRACE)
    query = select(Case.account_id, Case.id).where(*due).order_by(Case.resolved_at).limit(_BATCH)
    found = session.execute(query).all()
    if not found:
        return 0
    heads = timeline.lock(session, [row.account_id for row in found])
    again = select(Case).where(Case.id.in_([row.id for row in found]), *due)
    # Read after the lock: another node, or the customer, may have been faster.
    ended = list(session.scalars(again.execution_options(populate_existing=True)))
    for case in ended:
        case.state, case.closed_at = CaseState.CLOSED, clock.now()
    session.flush()  # a case that changed meanwhile must stop here, and Core statements flush nothing
    facts = {"by": "grace"}
    timeline.append_locked(session, heads, [entry(case, Kind.CASE_CLOSED, HUB, facts) for case in ended])
    return len(ended)
