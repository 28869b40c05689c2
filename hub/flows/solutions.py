"""The word that a solution holds, given on the portal or passed on by one of us."""

from sqlalchemy.orm import Session

from hub.domain import cases
from hub.domain.audit import Actor
from hub.domain.cases import Case


def confirm(session: Session, actor: Actor, case: Case, words: str = "") -> int:
    """Close a case because its solution holds; the entry's `seq`. The caller has checked that they may.

    The customer's people, who had been asked, are told, since nobody need answer any more, and whoever
    worked on it. Never the one who confirms.
    """
    seq = cases.confirm(session, actor, case, words)
    event = f"confirmed:{case.id}:{seq}"
    if case.is_shared:
        cases.tell(session, "customers", case, event, seq=seq, author_id=actor.id)
    cases.tell_worker(session, case, event, seq=seq, author_id=actor.id)
    return seq
