"""The door for one mail: recognised, appended where it belongs, or parked where the desk sees it.

What a mail may do is decided by two things together: what it answers, proven by a digest that only this hub
can make, and who sent it. Each alone is worth nothing: addresses are forwarded, senders are forged. A case
number proves nothing at all; it makes a proposal for the desk.
"""

import uuid
from datetime import timedelta

import structlog
from sqlalchemy.orm import Session

from hub.base import ids
from hub.base.errors import HubError, Misconfigured, Unavailable, frames
from hub.domain import audit, mailbox, quarantine, sessions, timeline
from hub.domain.audit import HUB
from hub.domain.kinds import Kind
from hub.domain.outbox import Delivery
from hub.domain.quarantine import QuarantineKind
from hub.domain.timeline import NewEntry
from hub.flows import addresses, post
from hub.flows.channels import mail_connection
from hub.flows.mailroom.appending import Appended, append
from hub.flows.mailroom.pointing import Pointer, guesses, is_forged, proven
from hub.flows.mailroom.reading import Mail, read
from hub.flows.runtime import Hub
from hub.flows.tell import Task

MOST_AN_HOUR = 20
"""Mails that one sender may add to one object in an hour; more is parked, so that no loop runs."""

FORGED = "Its reply address was not made by this hub."
REUSED = "Another mail with the same Message-ID came before it, and says something else."
NAMES_NOTHING = "It names no case and answers no mail of ours."
UNPROVEN = "Nothing proves that it answers a mail of ours."
AUTOMATIC = "It is an automatic answer, and nothing proves that it answers a mail of ours."
APPENDED, PARKED, NOTED, DROPPED, KNOWN = "appended", "parked", "noted", "dropped", "known"
log = structlog.get_logger()


def deliver(hub: Hub, raw: bytes, connection_id: uuid.UUID | None = None, *, trouble: str = "") -> str:
    """Take in one mail; it is durable when this returns. Answers what became of it: "appended", "parked",
    "noted" (a bounce or an automatic answer), "dropped" (our own came back) or "known" (seen before).

    `connection_id` is the mailbox it lay in; without one it is filed under the connection that sends our
    mail (`Misconfigured` where there is none). `trouble` says that `raw` is only its beginning.
    """
    mail = read(raw, trouble)
    try:
        with hub.db.write() as session:
            return _take(hub, session, mail, raw, _mailbox(hub, session, connection_id))
    except (Unavailable, Misconfigured):
        raise
    except Exception as error:
        # Whatever went wrong with this mail must neither lose it nor hold up the ones behind it.
        log.error("mail.not_taken", digest=mail.digest, error=type(error).__name__, frames=frames(error))
        reason = (
            str(error) if isinstance(error, HubError) else f"It cannot be taken ({type(error).__name__})."
        )
    with hub.db.write() as session:
        if not mailbox.first_time(session, mail.digest):
            return KNOWN
        _note_id(session, mail)
        return _park(session, mail, raw, _mailbox(hub, session, connection_id), reason)


def _mailbox(hub: Hub, session: Session, connection_id: uuid.UUID | None) -> uuid.UUID:
    if connection_id is not None:
        return connection_id
    connection = mail_connection(hub, session)
    if connection is None:
        raise Misconfigured(post.NO_CHANNEL)
    return connection.id


def _take(hub: Hub, session: Session, mail: Mail, raw: bytes, connection_id: uuid.UUID) -> str:
    if not mailbox.first_time(session, mail.digest):
        return KNOWN
    if _is_own(hub, mail):
        audit.write(
            session, HUB, "mail.dropped", "mail", None, "A mail of our own came back.", id=mail.message_id
        )
        return DROPPED
    if not _note_id(session, mail):
        return _park(session, mail, raw, connection_id, REUSED)
    if mail.bounce is not None and _note_bounce(hub, session, mail):
        return NOTED
    found = _belongs(hub, session, mail, raw)
    if isinstance(found, str):
        return _park(session, mail, raw, connection_id, found)
    return found.outcome


def _note_id(session: Session, mail: Mail) -> bool:
    """Note its Message-ID; false where another mail has it, so that neither is taken for the other."""
    return not mail.id_digest or mailbox.first_time(session, mail.id_digest)


def _is_own(hub: Hub, mail: Mail) -> bool:
    from_us = mail.sender == addresses.sender_address(hub.settings).lower()
    return from_us or addresses.is_own(hub.settings, hub.keyring, mail.message_id)


def _park(session: Session, mail: Mail, raw: bytes, connection_id: uuid.UUID, reason: str) -> str:
    quarantine.keep(
        session,
        connection_id,
        QuarantineKind.MAIL,
        reason,
        raw,
        content_type="message/rfc822",
        subject=mail.subject,
        sender=mail.sender or mail.author,
    )
    return PARKED


def _belongs(hub: Hub, session: Session, mail: Mail, raw: bytes) -> Appended | str:
    """Append the mail where it belongs; otherwise the reason why it is parked."""
    if mail.trouble:
        return mail.trouble
    if mail.machine == "bulk":
        return "It was sent to many, not written to us."
    if mail.bounce is not None:
        return "It reports about a mail that is none of ours."
    candidates = proven(hub, mail)
    if not candidates:
        return _why_unproven(hub, session, mail)
    reason = ""
    for pointer in candidates:
        if _is_flood(session, mail, pointer):
            return f"More than {MOST_AN_HOUR} mails within an hour about the same matter."
        found = append(hub, session, mail, raw, pointer)
        if not isinstance(found, str):
            return found
        reason = found
    return reason


def _why_unproven(hub: Hub, session: Session, mail: Mail) -> str:
    """What it is probably about is not said here: not everybody at the desk may know of that account."""
    if is_forged(hub, mail):
        return FORGED
    if mail.machine:
        return AUTOMATIC
    return UNPROVEN if guesses(hub, session, mail) else NAMES_NOTHING


def _is_flood(session: Session, mail: Mail, pointer: Pointer) -> bool:
    who = ids.token_digest(mail.sender)[:32]
    return sessions.hit(session, f"mail:{who}:{pointer.object_id}", MOST_AN_HOUR, timedelta(hours=1)) > 0


def _note_bounce(hub: Hub, session: Session, mail: Mail) -> bool:
    """Say on the timeline that a mail of ours came back; false where it is none of ours."""
    assert mail.bounce is not None  # the caller has looked
    named = addresses.references(hub.settings, hub.keyring, mail.bounce.original)
    found = next((each.delivery_id for each in named if each.genuine and each.delivery_id), None)
    delivery = session.get(Delivery, found) if found else None
    if delivery is None or delivery.account_id is None or delivery.kind != "mail":
        return False
    if not mail.bounce.failed:
        return True
    reason = mail.bounce.reason or "the mail came back"
    if "notice_id" in delivery.body:
        post.miss(session, Task.read(delivery.body), reason)
    elif "message" in delivery.body:
        _say_order_came_back(session, delivery, mail.bounce.recipient, reason)
    return True


def _say_order_came_back(session: Session, delivery: Delivery, recipient: str, reason: str) -> None:
    assert delivery.account_id is not None  # the caller has looked
    told = delivery.body["message"]
    facts = {"what": told["subject"], "to": recipient or ", ".join(told["to"]), "why": reason}
    case_id = uuid.UUID(delivery.body["case_id"])
    timeline.append(session, NewEntry(delivery.account_id, Kind.DELIVERY_FAILED, HUB, facts, case_id=case_id))
