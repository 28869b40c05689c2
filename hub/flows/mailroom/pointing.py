"""Where a mail points: a reply address, the mail of ours that it answers, a number in its subject."""

import re
import uuid
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.domain.cases import Case
from hub.domain.workorders import WorkOrder
from hub.flows import addresses
from hub.flows.mailroom.reading import Mail
from hub.flows.runtime import Hub

FORGED = "Its reply address was not made by this hub."
_NUMBER = re.compile(r"\b([A-Z][A-Z0-9]{1,9}-\d{1,12})\b")
_MOST_NUMBERS = 5


@dataclass(frozen=True, slots=True)
class Pointer:
    """An object that a mail points at, and by what."""

    kind: addresses.Kind
    object_id: uuid.UUID
    by: Literal["token", "reference", "number"]


def pointers(hub: Hub, session: Session, mail: Mail) -> list[Pointer] | str:
    """What a mail points at, the best proof first; a sentence where it shows a forged proof.

    A genuine reply address ends the search: the sender chose it.
    """
    read = (addresses.read_address(hub.settings, hub.keyring, each) for each in mail.recipients)
    tokens = [token for token in read if token is not None]
    genuine = [Pointer(token.kind, token.object_id, "token") for token in tokens if token.genuine]
    if genuine:
        return genuine
    if tokens:
        return FORGED
    references = addresses.references(hub.settings, mail.references)
    found = [Pointer(each.kind, each.object_id, "reference") for each in references]
    return list(dict.fromkeys([*found, *_by_number(session, mail.subject)]))


def _by_number(session: Session, subject: str) -> list[Pointer]:
    numbers = list(dict.fromkeys(_NUMBER.findall(subject.upper())))[:_MOST_NUMBERS]
    if not numbers:
        return []
    cases = session.scalars(select(Case.id).where(Case.number.in_(numbers)))
    orders = session.scalars(select(WorkOrder.id).where(WorkOrder.number.in_(numbers)))
    return [
        *(Pointer("case", case_id, "number") for case_id in cases),
        *(Pointer("order", order_id, "number") for order_id in orders),
    ]
