"""Request Tracker 5 over REST2: work orders become tickets, and what the team does there comes back.

What it needs in RT: a user of its own for this connection (`login`) with an API token and the rights
SeeQueue, CreateTicket, ShowTicket, ShowTicketComments, ReplyToTicket, CommentOnTicket and ModifyTicket on
the queues.

Polling alone is enough. To hear of changes at once, let a scrip (condition "On Transaction", action "User
Defined") post `{"ticket": <id>, "type": <transaction type>}` as JSON to `/in/<connection>` with the header
`Authorization: Bearer <token of the connection>`. Such a post leaves inside RT's own transaction and out of
order, so it is only ever a hint to look.

How things are recognised again: a ticket refers to `urn:contact-hub:<delivery>`, which the ticket search
finds; a message carries a mark made of its delivery in its subject line, which the transaction search finds.
The hub's messages are correspondence, and so is what the team says to the hub. A comment is the team's own
business: it comes back as something said among themselves.
"""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from hub import hookimpl
from hub.plugin.contracts import (
    Connector,
    Ctx,
    ExternalRef,
    Incoming,
    ItemUpdate,
    OrderState,
    Parsed,
    Pulled,
    WorkItem,
)
from plugins.itsm.request_tracker import reading, webhook, writing
from plugins.itsm.request_tracker.settings import RequestTrackerSettings

Settings = RequestTrackerSettings


class RequestTracker(Connector[RequestTrackerSettings]):
    """Tickets of Request Tracker as work orders."""

    name = "request_tracker"
    kind = "itsm"
    title = "Request Tracker"
    capabilities = frozenset({"parse", "open", "find", "push", "pull"})
    settings_model = RequestTrackerSettings
    status_map: ClassVar[Mapping[str, OrderState]] = {
        "new": "placed",
        "open": "in_progress",
        "stalled": "question",
        "resolved": "done",
        "rejected": "refused",
        "deleted": "cancelled",
    }

    def parse(self, settings: Settings, incoming: Incoming) -> Parsed:
        """The ticket to look at."""
        return webhook.parse(incoming)

    def open(self, ctx: Ctx[Settings], item: WorkItem) -> ExternalRef:
        """Create the ticket of a work order."""
        return writing.open_ticket(ctx, item)

    def find(
        self, ctx: Ctx[Settings], delivery_id: str, within: ExternalRef | None = None
    ) -> ExternalRef | None:
        """What an earlier attempt left behind."""
        return writing.find(ctx, delivery_id, within)

    def push(self, ctx: Ctx[Settings], update: ItemUpdate) -> ExternalRef:
        """Write on a ticket."""
        return writing.push(ctx, update)

    def pull(self, ctx: Ctx[Settings], cursor: str) -> Pulled:
        """What happened on our tickets."""
        return reading.pull(ctx, cursor)


@hookimpl
def hub_connectors(register: Callable[[Connector[Any]], None]) -> None:
    """The connector of this package."""
    register(RequestTracker())
