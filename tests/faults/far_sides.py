"""A ticket tool and a mailbox that outlive the hub's process: they keep everything in files.

`point` is called before and after each effect, so that a test can end the hub's process right there.
"""

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from hub import hookimpl
from hub.base import clock
from hub.plugin.contracts import (
    Connector,
    Ctx,
    ExternalRef,
    ExternalUpdate,
    InMail,
    ItemUpdate,
    OutMail,
    Pulled,
    PulledMail,
    Receipt,
    WorkItem,
)

point: Callable[[str], None] = lambda name: None  # noqa: E731 - replaced in the process that is to die


class Folder(BaseModel):
    """Where the far side keeps what it was told."""

    folder: str


def write(folder: str | Path, name: str, **row: Any) -> int:
    """Something happens on the far side; answers its number there."""
    point(f"before {name}")
    path = Path(folder) / f"{name}.jsonl"
    with path.open("a") as file:
        file.write(json.dumps(row) + "\n")
    point(f"after {name}")
    return len(read(folder, name))


def read(folder: str | Path, name: str) -> list[dict[str, Any]]:
    """All that happened there so far."""
    path = Path(folder) / f"{name}.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


class Tickets(Connector[Folder]):
    """A ticket tool that can tell what a delivery id left behind."""

    name = "far_tickets"
    kind = "itsm"
    title = "Far tickets"
    capabilities = frozenset({"open", "find", "push", "pull"})
    settings_model = Folder
    status_map = {"working": "in_progress", "finished": "done"}

    def open(self, ctx: Ctx[Folder], item: WorkItem) -> ExternalRef:
        number = write(ctx.settings.folder, "tickets", delivery=item.delivery_id, title=item.title)
        return ExternalRef(str(number))

    def find(
        self, ctx: Ctx[Folder], delivery_id: str, within: ExternalRef | None = None
    ) -> ExternalRef | None:
        if within is not None:
            told = [row["delivery"] for row in read(ctx.settings.folder, "told")]
            return within if delivery_id in told else None
        for number, row in enumerate(read(ctx.settings.folder, "tickets"), 1):
            if row["delivery"] == delivery_id:
                return ExternalRef(str(number))
        return None

    def push(self, ctx: Ctx[Folder], update: ItemUpdate) -> ExternalRef:
        write(ctx.settings.folder, "told", delivery=update.delivery_id, text=update.text)
        return update.external

    def pull(self, ctx: Ctx[Folder], cursor: str) -> Pulled:
        point("pull")
        rows = read(ctx.settings.folder, "answers")
        updates = [
            ExternalUpdate(
                external_id=row["ticket"],
                update_id=str(number),
                at=clock.utc(clock.datetime.fromisoformat(row["at"])),
                kind=row["kind"],
                author="D. Krause",
                text=row.get("text", ""),
                status=row.get("status"),
            )
            for number, row in enumerate(rows, 1)
            if number > int(cursor or 0)
        ]
        return Pulled(tuple(updates), str(len(rows)))


class Mailbox(Connector[Folder]):
    """A mail server that cannot tell what it has taken, as real ones cannot."""

    name = "far_mail"
    kind = "channel"
    title = "Far mail"
    capabilities = frozenset({"send", "pull_mail"})
    settings_model = Folder

    def send(self, ctx: Ctx[Folder], mail: OutMail) -> Receipt:
        for address in mail.to:
            write(
                ctx.settings.folder,
                "sent",
                to=address,
                subject=mail.subject,
                text=mail.text,
                message_id=mail.message_id,
                reply_to=mail.reply_to,
                delivery=mail.delivery_id,
            )
        return Receipt(accepted=mail.to)

    def pull_mail(self, ctx: Ctx[Folder], cursor: str) -> PulledMail:
        point("pull mail")
        rows = read(ctx.settings.folder, "inbox")
        mails = [
            InMail(str(number), base64.b64decode(row["raw"]))
            for number, row in enumerate(rows, 1)
            if number > int(cursor or 0)
        ]
        return PulledMail(tuple(mails), str(len(rows)))


@hookimpl
def hub_connectors(register: Callable[[Connector[Any]], None]) -> None:
    """What this plugin brings."""
    register(Tickets())
    register(Mailbox())
