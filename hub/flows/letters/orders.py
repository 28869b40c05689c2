"""Work orders that go to a team by mail: the message of a provider's `place`, in our frame.

Whoever wants one sent puts a delivery of kind "mail" with the body that `order_body` makes. The mail gets a
reply address of the work order, so that the team's answer lands there.
"""

import uuid
from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from hub.base.text import one_line
from hub.domain import coverage
from hub.domain.outbox import Claimed
from hub.domain.teams import Team
from hub.domain.workorders import WorkOrder
from hub.flows import addresses
from hub.flows.letters.composing import HEADERS
from hub.flows.letters.drawing import Letter, as_html, as_text
from hub.flows.runtime import Hub
from hub.plugin.contracts import MailMessage, OutMail


def order_body(body: Mapping[str, Any], message: MailMessage) -> dict[str, Any]:
    """The body of a "mail" delivery for a work order; `body` is that of the order's own delivery.

    Put it with the order's `account_id` and `order_key`, so that mails about one order keep their order, and
    a `unique_key` made of the order's delivery, so that it is put once.
    """
    kept = {name: body.get(name) for name in ("order_id", "account_id", "case_id", "entry_seq")}
    told = {"to": list(message.to), "subject": message.subject, "text": message.text, "html": message.html}
    return {**kept, "message": told}


def compose(hub: Hub, session: Session, claimed: Claimed) -> OutMail:
    """The finished mail of such a delivery."""
    body, told = claimed.body, claimed.body["message"]
    order = session.get_one(WorkOrder, (uuid.UUID(body["account_id"]), uuid.UUID(body["order_id"])))
    letter = _letter(hub, session, order, told)
    root = addresses.root_id(hub.settings, hub.keyring, "order", order.id)
    return OutMail(
        delivery_id=str(claimed.id),
        message_id=addresses.message_id(hub.settings, hub.keyring, "order", order.id, claimed.id),
        sender=addresses.sender_address(hub.settings),
        sender_name=hub.settings.provider_name,
        to=tuple(told["to"]),
        subject=one_line(told["subject"]),
        text=as_text(letter),
        html=told.get("html") or as_html(letter),
        reply_to=addresses.reply_address(hub.settings, hub.keyring, "order", order.id),
        headers={**HEADERS, "In-Reply-To": root, "References": root},
    )


def _letter(hub: Hub, session: Session, order: WorkOrder, told: Mapping[str, Any]) -> Letter:
    team = session.get_one(Team, order.team_id)
    reach = coverage.responsible(session, order.account_id).reach
    return Letter(
        language=team.language,
        provider=hub.settings.provider_name,
        colour=hub.settings.provider_colour,
        number=order.number,
        heading=one_line(told["subject"]),
        quote=told["text"],
        reach=(reach.name, reach.phone, reach.email),
    )
