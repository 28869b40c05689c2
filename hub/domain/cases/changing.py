"""What every verb of a case does: lock and read afresh, check the state, write the one line."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy.orm import Session

from hub.base import clock, text
from hub.base.errors import Conflict, Invalid
from hub.base.text import N_
from hub.domain import outbox, timeline
from hub.domain.audit import Actor
from hub.domain.cases.tables import ENDED_STATES, Case, CaseState
from hub.domain.kinds import Kind
from hub.domain.timeline import HeadState, NewEntry

GRACE = timedelta(days=7)
"""How long a solved case can be reopened; then it closes, and what is written to it opens another."""

MAX_TEXT = 50_000

REFUSALS: dict[str, str] = {
    CaseState.REGISTERED: N_("Nobody works on this case yet. Start it first."),
    CaseState.IN_PROGRESS: N_("This case is being worked on and not yet solved."),
    CaseState.WAITING: N_("This case is waiting and not yet solved."),
    CaseState.RESOLVED: N_("This case is solved. Reopen it first."),
    CaseState.CLOSED: N_("This case is closed for good. What comes after it is a case of its own."),
    CaseState.CANCELLED: N_("This case was cancelled. What comes after it is a case of its own."),
}
"""What is told to someone whose verb the present state does not allow."""

NOT_SHARED = N_("The customer does not know of this case yet. Share it with them first.")


@dataclass(frozen=True, slots=True)
class Taken:
    """A case that nobody else can change before this transaction ends, and its account's head."""

    case: Case
    heads: Mapping[uuid.UUID, HeadState]


@dataclass(frozen=True, slots=True)
class Written:
    """The case that a verb wrote on, the `seq` of its entry, and whether the verb opened the case."""

    case: Case
    seq: int
    opened: bool = False


def take(session: Session, case: Case) -> Taken:
    """Lock the log of the case's account, which orders all changes of it, and read the case afresh."""
    heads = timeline.lock(session, [case.account_id])
    session.refresh(case)
    return Taken(case, heads)


def take_unended(session: Session, case: Case) -> Taken:
    """`take` for what can be done until a case is over."""
    taken = take(session, case)
    if case.state in ENDED_STATES:
        raise Conflict(REFUSALS[case.state])
    return taken


def require(case: Case, *states: CaseState) -> None:
    """`Conflict` with a sentence unless the case is in one of the states."""
    if case.state not in states:
        raise Conflict(REFUSALS[case.state])


def require_shared(case: Case) -> None:
    """`Conflict` that says what to do unless the customer knows of the case."""
    if not case.is_shared:
        raise Conflict(NOT_SHARED)


def is_over(case: Case) -> bool:
    """Whether the case can no longer be reopened; the worker that closes it may be late."""
    if case.state in ENDED_STATES:
        return True
    return case.resolved_at is not None and clock.now() >= case.resolved_at + GRACE


def entry(
    case: Case, kind: Kind, actor: Actor, facts: Mapping[str, Any] | None = None, **more: Any
) -> NewEntry:
    """An entry about a case; unless `more` has an `audience`, customers see it if they know of the case."""
    more.setdefault("audience", "customer" if case.is_shared else "staff")
    return NewEntry(
        case.account_id,
        kind,
        actor,
        {"number": case.number, **(facts or {})},
        case_id=case.id,
        service_id=case.service_id,
        site_id=case.site_id,
        **more,
    )


def named(case: Any) -> dict[str, str]:
    """The facts that name a case (or a row with its columns) to the readers of an entry about it, who are
    customers too once they know of it."""
    title = case.title if case.shared_at is None else case.customer_title or case.number
    return {"number": case.number, "title": title}


def say(session: Session, taken: Taken, line: NewEntry) -> int:
    """Write the one line of a verb; answers its `seq`."""
    session.flush()  # a case that changed meanwhile must stop here, and Core statements flush nothing
    return timeline.append_locked(session, taken.heads, [line])[0]


def needed(field: str, value: str | None, message: str, limit: int = MAX_TEXT) -> str:
    """A text that must be there and fit; line ends unified, control characters dropped."""
    clean = text.clean(value or "")
    if not clean:
        raise Invalid.field(field, message)
    if len(clean) > limit:
        raise Invalid.field(field, N_("This text is too long. Please attach it as a file."))
    return clean


def one_line(field: str, value: str | None, message: str, limit: int = 200) -> str:
    """A title that must be there, on one line."""
    return text.one_line(needed(field, value, message), limit)


def tell(
    session: Session,
    audience: str,
    case: Case,
    event: str,
    *,
    seq: int | None = None,
    author_id: uuid.UUID | None = None,
    person_id: uuid.UUID | None = None,
) -> None:
    """Have someone told of an event of a case, once, but never its author.

    `audience` is "responsible", "handler", "customers" or "person" (`person_id`). `event` names what
    happened and is unique, e.g. `published:<case id>:<seq>`.
    """
    row = telling(
        audience, case.account_id, case.id, event, seq=seq, author_id=author_id, person_id=person_id
    )
    outbox.put(session, **row)


def telling(
    audience: str,
    account_id: uuid.UUID,
    case_id: uuid.UUID,
    event: str,
    *,
    seq: int | None = None,
    author_id: uuid.UUID | None = None,
    person_id: uuid.UUID | None = None,
) -> dict[str, Any]:
    """The outbox row of `tell`, for flows that write many at once."""
    body = {
        "audience": audience,
        "account_id": str(account_id),
        "case_id": str(case_id),
        "event": event,
        "entry_seq": seq,
        "author_id": str(author_id) if author_id else None,
        "person_id": str(person_id) if person_id else None,
    }
    whom = str(person_id) if person_id else audience
    key = f"tell:{whom}:{event}"
    return {"kind": "tell", "body": body, "account_id": account_id, "unique_key": key}


def tell_worker(session: Session, case: Case, event: str, *, seq: int, author_id: uuid.UUID | None) -> None:
    """Have the one who works on the case told: its handler, or the responsible where it has none."""
    audience = "handler" if case.handler_id else "responsible"
    tell(session, audience, case, event, seq=seq, author_id=author_id)
