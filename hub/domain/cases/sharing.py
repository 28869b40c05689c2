"""Sharing a case with the customer: by verb, or when its policy's time has come."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.base import clock, text
from hub.base.errors import Conflict
from hub.base.text import N_
from hub.domain import timeline
from hub.domain.audit import HUB, Actor
from hub.domain.cases.changing import entry, one_line, require, say, take, tell
from hub.domain.cases.tables import OPEN_STATES, Case
from hub.domain.kinds import Kind
from hub.domain.timeline import NewEntry

_BATCH = 200


def share(session: Session, actor: Actor, case: Case, customer_title: str | None = None) -> int:
    """Let the customer know of a case, under a title made for them. What was said before stays with staff."""
    taken = take(session, case)
    if case.is_shared:
        raise Conflict(N_("The customer already knows of this case."))
    require(case, *OPEN_STATES)
    title = text.clean(customer_title or "") or case.customer_title
    title = one_line("customer_title", title, N_("Please enter a title for the customer."))
    return say(session, taken, _shared(case, actor, title))


def _shared(case: Case, actor: Actor, title: str) -> NewEntry:
    case.customer_title, case.shared_at, case.share_at = title, clock.now(), None
    return entry(case, Kind.CASE_SHARED, actor, {"title": title})


def share_due(session: Session, now: datetime | None = None) -> int:
    """Share the open cases whose policy says so by now, and have their customers told; answers how many.

    Safe on every node at once. A case without a title for customers goes by its staff title: policies are
    for cases that alerts open, whose titles the hub makes itself.
    """
    now = now or clock.now()
    due = (Case.share_at <= now, Case.shared_at.is_(None), Case.state.in_(OPEN_STATES))
    query = select(Case.account_id, Case.id).where(*due).order_by(Case.share_at).limit(_BATCH)
    found = session.execute(query).all()
    if not found:
        return 0
    heads = timeline.lock(session, [row.account_id for row in found])
    again = select(Case).where(Case.id.in_([row.id for row in found]), *due)
    # Read after the lock: another node, or someone at the desk, may have been faster.
    cases = list(session.scalars(again.execution_options(populate_existing=True)))
    lines = [_shared(case, HUB, case.customer_title or case.title) for case in cases]
    session.flush()  # a case that changed meanwhile must stop here, and Core statements flush nothing
    for case, seq in zip(cases, timeline.append_locked(session, heads, lines), strict=True):
        tell(session, "customers", case, f"case-shared:{case.id}", seq=seq)
    return len(cases)
