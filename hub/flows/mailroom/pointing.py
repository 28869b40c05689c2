"""Where a mail points: what proves it, and what is only a guess for the desk.

A proof is a keyed digest that only this hub can make: in a reply address, or in the Message-ID of the mail of
ours that is answered. A number can be guessed, so a mail that has nothing better is parked, and the desk is
shown what it is probably about.
"""

import re
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.domain import cases, workorders
from hub.domain.cases import Case
from hub.domain.workorders import WorkOrder
from hub.flows import addresses
from hub.flows.mailroom.reading import Mail
from hub.flows.runtime import Hub

_NUMBER = re.compile(r"\b([A-Z][A-Z0-9]{1,9}-\d{1,12})\b")
_MOST_NUMBERS = 5


@dataclass(frozen=True, slots=True)
class Pointer:
    """An object that a mail points at."""

    kind: addresses.Kind
    object_id: uuid.UUID


def is_forged(hub: Hub, mail: Mail) -> bool:
    """Whether a mail shows a reply address that looks like ours and was not made by this hub."""
    tokens = _tokens(hub, mail)
    return bool(tokens) and not any(token.genuine for token in tokens)


def proven(hub: Hub, mail: Mail) -> list[Pointer]:
    """What a mail points at with a proof, the best first. A reply address ends the search: the sender chose
    it."""
    by_address = [Pointer(each.kind, each.object_id) for each in _tokens(hub, mail) if each.genuine]
    return _once(by_address or _referred(hub, mail, genuine=True))


def guesses(hub: Hub, session: Session, mail: Mail) -> list[str]:
    """Numbers of the cases and work orders that a mail is probably about, the likeliest first."""
    found = [Pointer(each.kind, each.object_id) for each in _tokens(hub, mail)]
    found += _referred(hub, mail, genuine=False)
    numbers = [number for each in _once(found)[:_MOST_NUMBERS] if (number := _number(session, each))]
    return list(dict.fromkeys([*numbers, *_in_subject(session, mail.subject)]))


def _tokens(hub: Hub, mail: Mail) -> list[addresses.Token]:
    read = (addresses.read_address(hub.settings, hub.keyring, each) for each in mail.recipients)
    return [token for token in read if token is not None]


def _referred(hub: Hub, mail: Mail, *, genuine: bool) -> Iterator[Pointer]:
    for each in addresses.references(hub.settings, hub.keyring, mail.references):
        if each.genuine or not genuine:
            yield Pointer(each.kind, each.object_id)


def _once(pointers: Iterable[Pointer]) -> list[Pointer]:
    return list(dict.fromkeys(pointers))


def _number(session: Session, pointer: Pointer) -> str:
    found = (workorders.get_order if pointer.kind == "order" else cases.get_case)(session, pointer.object_id)
    return found.number if found is not None else ""


def _in_subject(session: Session, subject: str) -> list[str]:
    named = list(dict.fromkeys(_NUMBER.findall(subject.upper())))[:_MOST_NUMBERS]
    if not named:
        return []
    known = {*session.scalars(select(Case.number).where(Case.number.in_(named)))}
    known |= {*session.scalars(select(WorkOrder.number).where(WorkOrder.number.in_(named)))}
    return [number for number in named if number in known]
