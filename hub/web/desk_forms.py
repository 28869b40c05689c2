"""What is typed at the desk."""

import uuid
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from hub.web.admin_forms import MaybeId
from hub.web.forms import (
    Fields,
    FutureMoment,
    Line,
    NeededFuture,
    Optional,
    OptionalText,
    Text,
    chosen,
    maybe,
)

Level = Literal["low", "medium", "high"]
Number = Annotated[str, BeforeValidator(chosen)]
MaybePosition = Annotated[int | None, Field(ge=1, lt=2**31), BeforeValidator(maybe)]


class Answer(Fields):
    """To the customer: what they read, what comes next, by when they hear again.

    `source` is the line for staff that it is made from.
    """

    case: Optional = ""
    body: Text
    next_step: Line
    next_update_by: NeededFuture
    customer_title: Optional = ""
    asks: bool = False
    source: MaybePosition = None
    form_key: Optional = ""


class Note(Fields):
    """For us only."""

    case: Optional = ""
    body: Text
    form_key: Optional = ""


class Call(Fields):
    """What was said on the telephone, for us only."""

    case: Optional = ""
    other: Line
    direction: Literal["in", "out"]
    body: Text
    form_key: Optional = ""


class Order(Fields):
    """A task for a team."""

    case: Optional = ""
    team: Line
    title: Line
    body: Text
    due_at: FutureMoment = None
    form_key: Optional = ""


class NewCaseForm(Fields):
    """A case opened by hand."""

    title: Line
    case_type: Literal["incident", "service_request", "question", "planned_work", "problem", "complaint"]
    text: OptionalText = ""
    category: Optional = ""
    impact: Level = "medium"
    urgency: Level = "medium"
    service: MaybeId = None
    customer_reference: Optional = ""
    share: bool = False
    customer_title: Optional = ""
    form_key: Optional = ""


class Share(Fields):
    """The title under which the customer gets to know a case."""

    customer_title: Line


class Wait(Fields):
    """For whom or what a case waits."""

    reason: Literal["customer", "supplier", "provider_team", "planned_date", "approval"]


class Solution(Fields):
    """How it was solved."""

    solution: Text
    cancel_orders: bool = False


class Ending(Fields):
    """Why a case ends without a solution, and whether its orders end with it."""

    reason: Text
    cancel_orders: bool = False


class Reason(Fields):
    """Why."""

    reason: Text


class Handler(Fields):
    """Who of us works on it; nobody named: the responsible."""

    person: MaybeId = None


class Next(Fields):
    """What comes next and by when the customer hears again."""

    next_step: Line
    next_update_by: NeededFuture


class Prioritise(Fields):
    """Impact and urgency, and a priority of one's own with a reason."""

    impact: Level
    urgency: Level
    priority: Optional = ""
    reason: OptionalText = ""


class Reference(Fields):
    """The customer's own number for it."""

    reference: Line


class Target(Fields):
    """By when it is to be solved."""

    target_at: FutureMoment = None


class Titles(Fields):
    """What the case is called by us and by the customer, and what it is about."""

    title: Line
    customer_title: Optional = ""
    category: Optional = ""
    service: MaybeId = None


class ToTeam(Fields):
    """A word to a team on its work order."""

    text: Text
    form_key: Optional = ""


class Handled(Fields):
    """What became of something that waited in a queue."""

    outcome: Line


class DropSignals(Fields):
    """Which signals nobody need act on: those that are `ticked`, all that are `over`, or a connection's."""

    which: Line
    signal: list[uuid.UUID] = []
    outcome: Line


class MapSignal(Fields):
    """Which service an identifier of a signal names."""

    account: Line
    service: uuid.UUID | None = None
    identifier: Line


class PutMail(Fields):
    """The case that a parked mail belongs to."""

    number: Line
