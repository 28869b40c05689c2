"""What the desk does with a parked mail: puts it onto a case."""

from sqlalchemy.orm import Session

from hub.base.errors import Conflict
from hub.base.text import N_
from hub.domain import quarantine
from hub.domain.access import Viewer
from hub.domain.accounts import Account
from hub.domain.audit import Actor
from hub.domain.cases import Case
from hub.domain.quarantine import Quarantined
from hub.flows import desk, portal
from hub.flows.mailroom.appending import speaker_of
from hub.flows.mailroom.reading import read
from hub.flows.mailroom.words import words_of

_EMPTY = N_("Nothing of this mail is left to file.")


def file_parked(session: Session, viewer: Viewer, kept: Quarantined, case: Case) -> int | None:
    """Put a parked mail onto a case and take it off the queue.

    Where its sender may speak on the case it is the customer's word, which they see and which is told like
    any other; otherwise it is a note among staff. Nothing is cut. The copy in the queue is emptied, unless it
    could not be read as a whole: the timeline has it now. What is left of it there an erasure finds.
    """
    actor = desk.acting(session, viewer, case.account_id)
    if kept.handled_at is None and kept.body is None:
        raise Conflict(_EMPTY)
    quarantine.handle(session, actor, kept, f"Filed on {case.number}.")
    raw = kept.body or b""
    mail = read(raw)
    words = words_of(mail, raw, session.get_one(Account, case.account_id).language, whole=True)
    speaker = speaker_of(session, mail, case)
    if isinstance(speaker, str):
        head = f"{mail.sender_name} <{mail.sender}>: {mail.subject}".strip()
        seq = desk.note(session, viewer, case, f"{head}\n\n{words.text}", files=words.files)
    else:
        author = Actor("customer", speaker.name, speaker.id)
        written = portal.wrote(session, author, case, words.text, channel="email", files=words.files)
        seq = written.seq
    kept.filed_account, kept.filed_seq = case.account_id, seq
    if not mail.trouble:
        kept.body, kept.subject, kept.sender = None, "", ""
    return seq
