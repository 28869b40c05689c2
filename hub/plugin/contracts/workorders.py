"""What goes out to a team's, supplier's or customer's own tool, and what a pull brings back."""

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from hub.plugin.contracts.incoming import Audience, ExternalUpdate
from hub.plugin.contracts.mail import MailMessage
from hub.plugin.contracts.text import Key, Text

OrderState = Literal["placed", "accepted", "in_progress", "question", "done", "refused", "cancelled"]
"""The words of a work order that a foreign status may be mapped to."""

_BLANKS = re.compile(r"\s+")


def content_hash(text: str) -> str:
    """SHA-256 (hex) of a text as both sides would store it: white space folded, so that line ends do not
    matter."""
    return hashlib.sha256(_BLANKS.sub(" ", text).strip().encode()).hexdigest()


def update_order(update_id: str) -> tuple[int, str]:
    """Sort key for the update ids of one object: numbers by value (RT transactions), other ids as text."""
    return (int(update_id) if update_id.isdecimal() else -1, update_id)


@dataclass(frozen=True, slots=True)
class ExternalRef:
    """A foreign object: its id there, where a human opens it (`""`: nowhere), and its etag or version if it
    has one."""

    external_id: Key
    url: Text = ""
    version: Key | None = None


@dataclass(frozen=True, slots=True)
class WorkItem:
    """A work order to be placed; on a customer-side connection, a case as the customer sees it.

    `delivery_id` is the idempotency key: store it on the foreign object so that `find` can answer.
    `reference` is the hub's number for humans (`WO-311`). `priority` runs from 1 (critical) to 4 (low).
    `service` and `site` are names or `""`. Which queue, project or assignee it goes to is the connection's
    settings' affair.
    """

    delivery_id: str
    reference: str
    title: str
    text: str
    priority: int = 3
    service: str = ""
    site: str = ""
    due_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ItemUpdate:
    """Something to write on a linked foreign object.

    `audience` says who may read it *there*: a connector must write `staff` text where no customer sees it.
    `status` is the hub's word (an OrderState) with kind `status`. `external.version` is what the hub last
    saw; when the far side has moved on (412), read again and retry inside the call or raise `RetryLater`.
    """

    delivery_id: str
    external: ExternalRef
    kind: Literal["message", "status"]
    text: str = ""
    audience: Audience = "staff"
    author: str = ""
    status: OrderState | None = None


@dataclass(frozen=True, slots=True)
class Pulled:
    """One page of a pull. `cursor` is given back with the next call; `more` asks the hub to call again at
    once."""

    updates: tuple[ExternalUpdate, ...]
    cursor: Text
    more: bool = False


@dataclass(frozen=True, slots=True)
class Placed:
    """The answer of `place`: the order stands at `external`, or the hub is to send `message` by its own mail
    channel."""

    external: ExternalRef | None = None
    message: MailMessage | None = None
