"""Sending mails: a delivery of kind "mail" becomes a letter, goes through our mail channel, and is settled.

A server that refuses the address of a notice ends it: staff read that this person was not told, and where the
notice was for whoever is responsible, the next in line is told instead. A work order that no server takes is
a failed delivery, which is visible work.
"""

import uuid
from datetime import timedelta
from functools import partial

from sqlalchemy.orm import Session

from hub.base import clock
from hub.base.errors import Invalid, Misconfigured
from hub.base.text import N_
from hub.domain import connections, notices, outbox, people, timeline
from hub.domain.cases import Case
from hub.domain.connections import Configured
from hub.domain.outbox import Claimed
from hub.flows import letters, tell
from hub.flows.channels import mail_connection, target_of
from hub.flows.delivery import Done, Failed, Handler, Outcome, Retry, note_beside
from hub.flows.letters import Unsendable
from hub.flows.runtime import Hub
from hub.flows.tell import Task
from hub.plugin.contracts import ConnectorError, OutMail, Receipt, Rejected

NOT_SENDING = "not_sending"
SAY_EVERY = timedelta(hours=1)
NO_CHANNEL = N_("There is no connection that sends mail. Add one with the connector mail.")


def _send(hub: Hub, claimed: Claimed) -> Outcome:
    with hub.db.read() as session:
        connection = mail_connection(hub, session)
        mail = _compose(hub, session, claimed)
    if isinstance(mail, Unsendable):
        return Done({"not_sent": mail.reason}, partial(_not_told, claimed, None, mail.reason))
    if connection is None:
        return Retry(NO_CHANNEL)
    try:
        receipt = hub.outward.send(target_of(hub, connection), mail)
    except Rejected as error:
        return _refused(claimed, connection, error.reason)
    except (Misconfigured, Invalid) as error:
        return Retry(str(error))
    except ConnectorError as error:
        note_beside(hub, partial(_note_trouble, connection, error.reason))
        raise
    return _sent(claimed, connection, mail, receipt)


def _note_trouble(connection: Configured, reason: str, session: Session) -> None:
    """Show on the health page that mail does not go out: once in a while, not for each mail that waits."""
    known = connections.events(session, connection.id)
    if not any(each.kind == NOT_SENDING and each.at > clock.now() - SAY_EVERY for each in known):
        connections.health_event(session, connection.id, NOT_SENDING, reason)


def _compose(hub: Hub, session: Session, claimed: Claimed) -> OutMail | Unsendable:
    if "message" in claimed.body:
        return letters.order_mail(hub, session, claimed)
    return letters.notice_mail(hub, session, claimed)


def _sent(claimed: Claimed, connection: Configured, mail: OutMail, receipt: Receipt) -> Outcome:
    if not receipt.accepted:
        return _refused(claimed, connection, "; ".join(reason for _, reason in receipt.refused))
    result = {
        "message_id": mail.message_id,
        "accepted": list(receipt.accepted),
        "refused": [list(pair) for pair in receipt.refused],
        "answer": receipt.provider_id,
    }
    return Done(result, partial(_delivered, claimed, connection, receipt))


def _delivered(claimed: Claimed, connection: Configured, receipt: Receipt, session: Session) -> None:
    for address, reason in receipt.refused:
        connections.health_event(session, connection.id, "refused", f"{address} was refused: {reason}")
    if "notice_id" in claimed.body:
        assert claimed.account_id is not None  # notices belong to an account
        notices.delivered(session, claimed.account_id, uuid.UUID(claimed.body["notice_id"]))


def _refused(claimed: Claimed, connection: Configured, reason: str) -> Outcome:
    if "notice_id" not in claimed.body:
        return Failed(reason)
    return Done({"not_sent": reason}, partial(_not_told, claimed, connection, reason))


def _not_told(claimed: Claimed, connection: Configured | None, reason: str, session: Session) -> None:
    if connection is not None:
        connections.health_event(session, connection.id, "refused", reason)
    miss(session, Task.read(claimed.body), reason)


def miss(session: Session, task: Task, reason: str) -> None:
    """Somebody could not be told after all: staff read it, and the next in line is told where there is one.

    Also what a bounce that comes in later says.
    """
    assert task.person_id is not None  # a notice is for one person
    heads = timeline.lock(session, [task.account_id])
    notices.missed(session, task.account_id, task.person_id, task.event)
    case = session.get_one(Case, (task.account_id, task.case_id))
    name = people.get_person(session, task.person_id).name
    line = tell.not_told(case, task.person_id, name, task.event, reason)
    timeline.append_locked(session, heads, [line])
    if task.audience in ("responsible", "handler"):
        outbox.put(
            session,
            "tell",
            task.without(task.person_id),
            account_id=task.account_id,
            unique_key=f"tell:after:{task.person_id}:{task.event}",
        )


def _describe(hub: Hub, session: Session, claimed: Claimed) -> tuple[str, str]:
    body = claimed.body
    if "message" in body:
        return f"\u201c{body['message']['subject']}\u201d", ", ".join(body["message"]["to"])
    case = session.get_one(Case, (uuid.UUID(body["account_id"]), uuid.UUID(body["case_id"])))
    return case.number, people.get_person(session, uuid.UUID(body["person_id"])).name


HANDLERS: dict[str, Handler] = {"mail": Handler(send=_send, describe=_describe)}
