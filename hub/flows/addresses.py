"""Addresses and Message-IDs of the hub's own mails: where an answer belongs, and whether a mail is our own.

A reply address is `<instance>+<token>@<mail_domain>`. The token names the object and carries a keyed digest,
so that nobody can make one up; who may use it is decided by the sender, not by the token (a mail can be
forwarded). Local parts stay within the 64 characters of RFC 5321, 4.5.3.1.1, and survive a change of case.

A Message-ID carries a keyed digest of its own: answers name it, and whoever reads a mail about a case must
not be able to make up the Message-ID of a note of ours on that case.
"""

import base64
import hmac
import re
import uuid
from dataclasses import dataclass
from typing import Literal

from hub.base import ids
from hub.base.crypto import Keyring
from hub.config import Settings

Kind = Literal["case", "note", "order"]
"""What an answer becomes: the customer's word on a case, a note of ours on it, a team's on a work order.

Customers never see an address for notes, so that none of them can speak in the name of one of us.
"""

_LETTERS: dict[Kind, str] = {"case": "c", "note": "n", "order": "w"}
_KINDS: dict[str, Kind] = {letter: kind for kind, letter in _LETTERS.items()}
_LOCAL_PART = 64
_ID = 26
_LEAST_MAC, _MOST_MAC = 4, 16
_ADDRESS, _MESSAGE = "reply address", "message id"
_OUR_ID = re.compile(r"<([a-z])\.([a-z2-7]{26})(?:\.([a-z2-7]{26}))?(?:\.([a-z2-7]{16}))?@([a-z0-9.-]+)>")


@dataclass(frozen=True, slots=True)
class Token:
    """What a reply address says; `genuine` is whether this hub made it."""

    kind: Kind
    object_id: uuid.UUID
    genuine: bool


@dataclass(frozen=True, slots=True)
class Reference:
    """What one of our Message-IDs says; `delivery_id` is None for the root of a thread.

    `genuine` is whether this hub made it; if not, it is a guess at what is meant and no proof of anything.
    """

    kind: Kind
    object_id: uuid.UUID
    delivery_id: uuid.UUID | None
    genuine: bool


def sender_address(settings: Settings) -> str:
    """The address that all mails of this hub come from; its mailbox also takes bounces."""
    return f"{settings.instance}@{settings.mail_domain}"


def reply_address(settings: Settings, keyring: Keyring, kind: Kind, object_id: uuid.UUID) -> str:
    """Where an answer about a case or a work order goes."""
    name = _LETTERS[kind] + ids.short(object_id)
    room = _LOCAL_PART - len(settings.instance) - len("+") - len(name)
    token = name + _mac(keyring, _ADDRESS, name, min(_MOST_MAC, room))
    return f"{settings.instance}+{token}@{settings.mail_domain}"


def read_address(settings: Settings, keyring: Keyring, address: str) -> Token | None:
    """The token of one of our reply addresses; None for any other address, however broken."""
    local, _, domain = address.strip().lower().rpartition("@")
    instance, plus, token = local.partition("+")
    if (instance, plus, domain) != (settings.instance, "+", settings.mail_domain.lower()):
        return None
    kind, object_id = _KINDS.get(token[:1]), ids.from_short(token[1 : 1 + _ID])
    if kind is None or object_id is None:
        return None
    mac = token[1 + _ID :]
    ours = _mac(keyring, _ADDRESS, token[: 1 + _ID], min(len(mac), _MOST_MAC))
    genuine = len(mac) >= _LEAST_MAC and _same(mac, ours)
    whole = reply_address(settings, keyring, kind, object_id).lower() == f"{local}@{domain}"
    return Token(kind, object_id, genuine and whole)


def _mac(keyring: Keyring, purpose: str, name: str, length: int = _MOST_MAC) -> str:
    digest = keyring.sign(purpose, name.encode())
    return base64.b32encode(digest).decode().lower()[:length]


def _same(given: str, ours: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "replace"), ours.encode())


def message_domain(settings: Settings) -> str:
    """The right side of our Message-IDs: the instance is in it, so that two hubs never take over a mail."""
    return f"{settings.instance}.{settings.mail_domain}".lower()


def message_id(
    settings: Settings, keyring: Keyring, kind: Kind, object_id: uuid.UUID, delivery_id: uuid.UUID
) -> str:
    """The Message-ID of one delivery: the same for a repeat, so that mailboxes recognise it."""
    return _made(settings, keyring, f"{_LETTERS[kind]}.{ids.short(object_id)}.{ids.short(delivery_id)}")


def root_id(settings: Settings, keyring: Keyring, kind: Kind, object_id: uuid.UUID) -> str:
    """The stable first id of a thread, which every mail about the object refers to. No mail has it itself."""
    return _made(settings, keyring, f"{_LETTERS[kind]}.{ids.short(object_id)}")


def _made(settings: Settings, keyring: Keyring, name: str) -> str:
    return f"<{name}.{_mac(keyring, _MESSAGE, name)}@{message_domain(settings)}>"


def references(settings: Settings, keyring: Keyring, text: str) -> list[Reference]:
    """Those of our Message-IDs that stand in a header (`In-Reply-To`, `References`), in their order.

    Also ids that only look like ours: `genuine` tells them apart.
    """
    found = []
    for letter, object_part, delivery_part, mac, domain in _OUR_ID.findall(text.lower()):
        kind, object_id = _KINDS.get(letter), ids.from_short(object_part)
        if kind and object_id and domain == message_domain(settings):
            delivery_id = ids.from_short(delivery_part) if delivery_part else None
            name = ".".join(filter(None, (letter, object_part, delivery_part)))
            genuine = _same(mac, _mac(keyring, _MESSAGE, name))
            found.append(Reference(kind, object_id, delivery_id, genuine))
    return found


def is_own(settings: Settings, keyring: Keyring, message_id: str) -> bool:
    """Whether a mail with this Message-ID was sent by this very hub (and has come back)."""
    return any(each.genuine for each in references(settings, keyring, message_id))
