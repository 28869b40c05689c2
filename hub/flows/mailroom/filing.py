"""What the desk does with a parked mail: puts it onto a case or a work order."""

from sqlalchemy.orm import Session

from hub.base.errors import Conflict, NotFound
from hub.base.text import N_
from hub.domain import cases, quarantine, workorders
from hub.domain.access import Viewer
from hub.domain.accounts import Account
from hub.domain.audit import Actor
from hub.domain.cases import Case
from hub.domain.quarantine import Quarantined
from hub.domain.teams import Team
from hub.domain.workorders import WorkOrder
from hub.flows import desk, portal
from hub.flows.mailroom.appending import speaker_of, speaks_for, team_said
from hub.flows.mailroom.pointing import guesses
from hub.flows.mailroom.reading import Mail, read
from hub.flows.mailroom.words import Words, words_of
from hub.flows.runtime import Hub

_EMPTY = N_("Nothing of this mail is left to file.")


def file_parked(session: Session, viewer: Viewer, kept: Quarantined, target: Case | WorkOrder) -> int | None:
    """Put a parked mail onto a case or a work order and take it off the queue.

    Where its sender may speak there it is the customer's (or the team's) word, told like any other; otherwise
    it is a note among staff. Nothing is cut. The copy in the queue is emptied, unless it could not be read as
    a whole: the timeline has it now. What is left of it there an erasure finds.
    """
    actor = desk.acting(session, viewer, target.account_id)
    if kept.handled_at is None and kept.body is None:
        raise Conflict(_EMPTY)
    # Where it went `filed_account` says: the outcome is read by staff who may not know of that account.
    quarantine.handle(session, actor, kept, "Filed.")
    raw = kept.body or b""
    mail = read(raw)
    words = words_of(mail, raw, session.get_one(Account, target.account_id).language, whole=True)
    if isinstance(target, WorkOrder):
        seq = _on_order(session, viewer, target, mail, words)
    else:
        seq = _on_case(session, viewer, target, mail, words)
    kept.filed_account, kept.filed_seq = target.account_id, seq
    if not mail.trouble:
        kept.body, kept.subject, kept.sender = None, "", ""
    return seq


def _on_case(session: Session, viewer: Viewer, case: Case, mail: Mail, words: Words) -> int | None:
    speaker = speaker_of(session, mail, case)
    if isinstance(speaker, str):
        return _note(session, viewer, case, mail, words)
    author = Actor("customer", speaker.name, speaker.id)
    return portal.wrote(session, author, case, words.text, channel="email", files=words.files).seq


def _on_order(session: Session, viewer: Viewer, order: WorkOrder, mail: Mail, words: Words) -> int | None:
    team = session.get_one(Team, order.team_id)
    if speaks_for(session, team, mail.sender):
        return team_said(session, team, order, mail, words)
    return _note(session, viewer, session.get_one(Case, (order.account_id, order.case_id)), mail, words)


def _note(session: Session, viewer: Viewer, case: Case, mail: Mail, words: Words) -> int | None:
    head = f"{mail.author}: {mail.subject}"
    return desk.note(session, viewer, case, f"{head}\n\n{words.text}", files=words.files)


def proposals(hub: Hub, session: Session, viewer: Viewer, mail: Mail) -> list[str]:
    """Numbers of the cases and work orders that a parked mail is probably about, if they may see them."""
    return [
        number for number in guesses(hub, session, mail) if target_of(session, viewer, number) is not None
    ]


def target_of(session: Session, viewer: Viewer, number: str) -> Case | WorkOrder | None:
    """The case or work order of a number, if they may see it."""
    try:
        return cases.find(session, viewer, "staff", number)
    except NotFound:
        pass
    try:
        return workorders.find(session, viewer, number)
    except NotFound:
        return None
