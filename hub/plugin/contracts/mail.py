"""Mail as data. The hub decides who gets what; a channel only carries it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from hub.plugin.contracts.text import Key, Line, Text

ReplyKind = Literal["case", "work_order", "none"]


@dataclass(frozen=True, slots=True)
class MailMessage:
    """A message that a provider's `place` asks the hub to send: the hub adds sender, reply token and
    Message-ID.

    `reply_kind` says where an answer belongs.
    """

    to: tuple[Key, ...]
    subject: Line
    text: Text
    html: Text | None = None
    reply_kind: ReplyKind = "work_order"


@dataclass(frozen=True, slots=True)
class OutMail:
    """A finished mail for a channel to carry; the channel adds nothing but transport.

    `sender` and `to` are bare addresses (the envelope uses them too), `sender_name` is the contact's name.
    `message_id` is with angle brackets and made from the delivery, so that a repeat is recognised by
    mailboxes. `headers` holds what else must stand there (`Auto-Submitted`, `In-Reply-To`, `References`).
    """

    delivery_id: str
    message_id: str
    sender: str
    sender_name: str
    to: tuple[str, ...]
    subject: str
    text: str
    html: str | None = None
    reply_to: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the next hop said. `accepted` and `refused` (address, reason) together name every recipient."""

    provider_id: Line = ""
    accepted: tuple[Line, ...] = ()
    refused: tuple[tuple[Line, Text], ...] = ()


@dataclass(frozen=True, slots=True)
class InMail:
    """One message as it lay in the mailbox. `uid` is unique within the connection for ever (IMAP:
    uidvalidity.uid). `trouble` says why `raw` is only its beginning (too large, too slow); it is then
    parked."""

    uid: Key
    raw: bytes
    trouble: Text = ""


@dataclass(frozen=True, slots=True)
class PulledMail:
    """One page of a mailbox. The hub stores the mails and the cursor in one transaction, then calls again."""

    mails: tuple[InMail, ...]
    cursor: Text
    more: bool = False
