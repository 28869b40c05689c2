"""Work orders by mail, for teams and suppliers without a ticket tool. The answer comes back by mail.

The hub sends the message through its own mail channel, with a reply address of the work order.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from pydantic import BaseModel, Field, field_validator

from hub import hookimpl
from hub.plugin.contracts import Connector, Ctx, MailMessage, Placed, WorkItem, clip
from hub.plugin.contracts.connector import Kind

PRIORITIES = {1: "critical", 2: "high", 3: "medium", 4: "low"}


class MailOrderSettings(BaseModel):
    """Where the team reads its orders. `address` and `answers_from` also say whose answers are taken."""

    address: str = Field(
        title="Order address",
        description="The mailbox in which the team reads its orders.",
        pattern=r"^[^@\s<>,]+@[^@\s<>,]+$",
    )
    answers_from: list[str] = Field(
        [],
        title="Answers also from",
        description="More addresses of the team, or its domain as @team.example; others are parked.",
    )
    zone: str = Field("UTC", title="Time zone of the team", description="Like Europe/Berlin; for due times.")

    @field_validator("zone")
    @classmethod
    def _known(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError) as error:
            raise ValueError("must be a time zone like Europe/Berlin") from error
        return value


class MailOrder(Connector[MailOrderSettings]):
    """Writes the order; carrying it is the hub's."""

    name: ClassVar[str] = "mail_order"
    kind: ClassVar[Kind] = "provider"
    title: ClassVar[str] = "Work orders by mail"
    capabilities: ClassVar[frozenset[str]] = frozenset({"place"})
    calls_out: ClassVar[bool] = False
    settings_model = MailOrderSettings

    def place(self, ctx: Ctx[MailOrderSettings], order: WorkItem) -> Placed:
        """The order as a message for the hub to send; the same order makes the same message."""
        subject = clip(" ".join(f"[{order.reference}] {order.title}".split()), 200)
        text = _text(order, ZoneInfo(ctx.settings.zone))
        return Placed(message=MailMessage(to=(ctx.settings.address,), subject=subject, text=text))


def _text(order: WorkItem, zone: ZoneInfo) -> str:
    facts = [
        ("Work order", order.reference),
        ("Priority", PRIORITIES.get(order.priority, str(order.priority))),
        ("Service", order.service),
        ("Site", order.site),
        ("Due by", _moment(order.due_at, zone) if order.due_at else ""),
    ]
    # Two blanks at the end keep the lines apart where the text is read as Markdown.
    lines = "\n".join(f"{name}: {value}  " for name, value in facts if value)
    return f"{order.text}\n\n{lines.rstrip()}\n\nPlease answer this mail: what you write reaches the order."


def _moment(instant: datetime, zone: ZoneInfo) -> str:
    there = instant.astimezone(zone)
    return f"{there:%Y-%m-%d %H:%M %Z}"


@hookimpl
def hub_connectors(register: Callable[[Connector[Any]], None]) -> None:
    """One connector."""
    register(MailOrder())
