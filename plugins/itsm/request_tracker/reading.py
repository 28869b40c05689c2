"""What happened on our tickets, by their transactions in the order of their numbers."""

import base64
import binascii
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from hub.plugin.contracts import Answer, ExternalUpdate, Pulled, Rejected, clip, content_hash
from plugins.itsm.request_tracker import api
from plugins.itsm.request_tracker.api import RtCtx
from plugins.itsm.request_tracker.markup import plain_text

MESSAGES = ("Create", "Correspond", "Comment")
TYPES = (*MESSAGES, "Status")
"""The transactions that say something to us; EmailRecord, Set, AddLink and their like do not."""

FIELDS = "Type,Field,NewValue,Created,Creator,ObjectId"
FIRST_LOOK = timedelta(days=1)
OVERLAP = timedelta(minutes=5)
"""A transaction may become visible after one with a higher number; so long we look back for such."""


@dataclass(slots=True)
class Cursor:
    """How far we have read: everything up to number `after`, and beyond it what is in `seen`.

    A pull that ended in the middle goes on behind number `page`.
    """

    after: int = 0
    seen: set[int] = field(default_factory=set)
    page: int = 0

    @classmethod
    def read(cls, text: str) -> "Cursor":
        """The cursor of `text`, which we wrote ourselves."""
        if not text:
            return cls()
        data = orjson.loads(text)
        return cls(data["after"], set(data["seen"]), data["page"])

    def text(self) -> str:
        """What the hub keeps for us."""
        data = {"after": self.after, "seen": sorted(self.seen), "page": self.page}
        return orjson.dumps(data).decode()


def pull(ctx: RtCtx, text: str) -> Pulled:
    """The updates since the cursor; stops early, with `more`, when the time of the call runs short."""
    cursor = Cursor.read(text)
    reserve = ctx.deadline.left() * 0.4
    found = sorted(_transactions(ctx, cursor), key=lambda item: item.id)
    updates: list[ExternalUpdate] = []
    more = len(found) == api.PAGE
    for position, item in enumerate(found):
        if item.id not in cursor.seen:
            updates.append(_update(ctx, item))
        if updates and ctx.deadline.left() < reserve and position + 1 < len(found):
            found, more = found[: position + 1], True
            break
    _move(cursor, found, more)
    return Pulled(tuple(updates), cursor.text(), more)


@dataclass(frozen=True, slots=True)
class Item:
    """A transaction on a ticket of ours."""

    id: int
    ticket: str
    type: str
    at: datetime
    creator: str
    status: str


def _transactions(ctx: RtCtx, cursor: Cursor) -> Iterator[Item]:
    types = " OR ".join(f"Type = '{name}'" for name in TYPES)
    query = (
        f"ObjectType = 'RT::Ticket' AND TicketCreator = {api.quoted(ctx.settings.login)} "
        f"AND id > {cursor.page or cursor.after} AND ({types})"
    )
    if cursor == Cursor():
        # In whole days, because RT reads dates in the zone of our login.
        query += f" AND Created > '{ctx.now - FIRST_LOOK:%Y-%m-%d}'"
    for item in api.items(ctx, "/transactions", query=query, fields=FIELDS, orderby="id"):
        yield _item(item)


def _item(raw: dict[str, Any]) -> Item:
    try:
        return Item(
            int(raw["id"]),
            str(int(raw["ObjectId"])),
            raw["Type"],
            datetime.fromisoformat(raw["Created"]).astimezone(UTC),
            str(raw["Creator"]["id"]),
            str(raw.get("NewValue", "")),
        )
    except (KeyError, TypeError, ValueError):
        raise Rejected("Request Tracker answered with a transaction that cannot be read.") from None


def _move(cursor: Cursor, found: list[Item], more: bool) -> None:
    """Everything that is older than the overlap, by RT's own clock, need not be looked at again."""
    if found:
        newest = max(item.at for item in found)
        settled = [item.id for item in found if item.at <= newest - OVERLAP]
        cursor.after = max([cursor.after or found[0].id - 1, *settled])
    cursor.page = found[-1].id if more and found else 0
    cursor.seen = {seen for seen in cursor.seen | {item.id for item in found} if seen > cursor.after}


def _update(ctx: RtCtx, item: Item) -> ExternalUpdate:
    message = item.type in MESSAGES
    text, files = _content(ctx, item.id) if message else ("", [])
    attached = f"\n\n[{', '.join(files)}]" if files else ""
    return ExternalUpdate(
        external_id=item.ticket,
        update_id=str(item.id),
        at=item.at,
        kind="message" if message else "status",
        author=clip(item.creator),
        text=text + attached,
        status=None if message else clip(item.status),
        audience="customer" if item.type == "Correspond" else "staff",
        version=str(item.id),
        delivery_id=_delivery_of(ctx, item.ticket) if item.type == "Create" else None,
        origin_hash=content_hash(text) if message else None,
        by_us=item.creator.casefold() == ctx.settings.login.casefold(),
    )


def _delivery_of(ctx: RtCtx, ticket: str) -> str | None:
    """The delivery that opened a ticket: the ticket refers to it."""
    found, _ = api.ticket(ctx, ticket)
    links = found.get("_hyperlinks")
    for link in links if isinstance(links, list) else ():
        url = link.get("_url") if isinstance(link, dict) else None
        if isinstance(url, str) and url.startswith(api.URN):
            return url.removeprefix(api.URN) or None
    return None


def _content(ctx: RtCtx, transaction: int) -> tuple[str, list[str]]:
    """The text of a message, plain before HTML, and the names of the files beside it."""
    path = f"/transaction/{transaction}/attachments"
    parts = api.items(ctx, path, fields="ContentType,Filename")
    files = [clip(str(part["Filename"]), 100) for part in parts if part.get("Filename")]
    for kind in ("text/plain", "text/html"):
        for part in parts:
            if part.get("ContentType") == kind and not part.get("Filename"):
                text = _decoded(api.call(ctx, "GET", f"/attachment/{part['id']}"))
                return (plain_text(text) if kind == "text/html" else text), files
    return "", files


def _decoded(answer: Answer) -> str:
    content = answer.checked().json()
    try:
        # Base64 with line ends inside and at the end.
        return base64.b64decode(content["Content"]).decode("utf-8", "replace").replace("\r\n", "\n").strip()
    except (KeyError, TypeError, binascii.Error, ValueError):
        raise Rejected("Request Tracker answered with an attachment that cannot be read.") from None
