"""Calling the half of a connector that speaks to the world: in a slot, with a context of its own, the answer
checked.

One method per capability, so that a caller reads and is type-checked like a call of the connector itself.
Never call these inside a database transaction.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from types import UnionType
from typing import Any, TypeVar

from pydantic import BaseModel

from hub.base import clock
from hub.plugin.addresses import connector_to
from hub.plugin.contracts import (
    Connector,
    Ctx,
    Deadline,
    DirectoryBatch,
    ExternalRef,
    ItemUpdate,
    Log,
    NotOffered,
    OutMail,
    Placed,
    Pulled,
    PulledMail,
    Receipt,
    Reconciled,
    WorkItem,
)
from hub.plugin.http import HttpClients, HttpOptions
from hub.plugin.scrub import ScrubbedLog, Scrubber, secrets_of
from hub.plugin.slots import Hanging, SlotHealth, Slots

Result = TypeVar("Result")

SECONDS = 30.0
HEADROOM = 2.0
"""Seconds by which the slot's limit lies behind the call's own deadline, so that a well-behaved call ends
itself."""
LONGEST_CALL = timedelta(seconds=2 * (SECONDS + HEADROOM))
"""How long a call may keep whoever makes it: the wait for a slot, then the call."""


@dataclass(frozen=True, slots=True)
class Target:
    """Everything that a call needs to know about a connection. `key` is the connection's id, as text."""

    key: str
    connector: Connector[Any]
    settings: BaseModel
    options: HttpOptions = field(default_factory=HttpOptions)
    state: Mapping[str, Any] = field(default_factory=dict)


class Outward:
    """The outward calls of this process: one set of slots and of kept-alive clients for all connections.

    Every method raises ConnectorErrors only (see `Slots.call`), NotOffered where the connector lacks the
    capability. `seconds` is the time that a call may take.
    """

    def __init__(self, log: Log, slots: Slots | None = None, seconds: float = SECONDS) -> None:
        self._log = log
        self._slots = slots or Slots()
        self._clients = HttpClients()
        self._seconds = seconds

    def open(self, target: Target, item: WorkItem) -> ExternalRef:
        """Create the foreign object of a work order."""
        return self._call(target, "open", ExternalRef, item)  # type: ignore[no-any-return]

    def find(self, target: Target, delivery_id: str, within: ExternalRef | None = None) -> ExternalRef | None:
        """What an earlier attempt with this delivery id left behind; None: surely nothing."""
        return self._call(target, "find", ExternalRef | None, delivery_id, within)  # type: ignore[no-any-return]

    def push(self, target: Target, update: ItemUpdate) -> ExternalRef:
        """Write a message or a status on a linked object."""
        return self._call(target, "push", ExternalRef, update)  # type: ignore[no-any-return]

    def pull(self, target: Target, cursor: str) -> Pulled:
        """The updates since the cursor."""
        return self._call(target, "pull", Pulled, cursor)  # type: ignore[no-any-return]

    def reconcile(self, target: Target, cursor: str) -> Reconciled:
        """What fires now, by the source itself."""
        return self._call(target, "reconcile", Reconciled, cursor)  # type: ignore[no-any-return]

    def accounts(self, target: Target, cursor: str) -> DirectoryBatch:
        """The directory's records."""
        return self._call(target, "accounts", DirectoryBatch, cursor)  # type: ignore[no-any-return]

    def place(self, target: Target, order: WorkItem) -> Placed:
        """Hand a work order to a provider."""
        return self._call(target, "place", Placed, order)  # type: ignore[no-any-return]

    def send(self, target: Target, mail: OutMail) -> Receipt:
        """Have a channel carry one mail."""
        return self._call(target, "send", Receipt, mail)  # type: ignore[no-any-return]

    def pull_mail(self, target: Target, cursor: str) -> PulledMail:
        """The mailbox's messages since the cursor."""
        return self._call(target, "pull_mail", PulledMail, cursor)  # type: ignore[no-any-return]

    def apart(self, key: str, call: Callable[[], Result], seconds: float) -> Result:
        """Run something of a connector that asks nobody, its `parse`, in a slot of its connection."""
        return self._slots.call(key, call, seconds)

    def health(self) -> tuple[SlotHealth, ...]:
        """The slots of every connection called so far."""
        return self._slots.health()

    def hanging(self) -> tuple[Hanging, ...]:
        """The connections with calls that hang, and those that had some when this was asked before."""
        return self._slots.hanging()

    def close(self) -> None:
        """Close kept-alive connections, at the end of the process or of a test."""
        self._clients.close()

    def _call(self, target: Target, capability: str, expects: type | UnionType, *arguments: Any) -> Any:
        if capability not in target.connector.capabilities:
            raise NotOffered(f"The connector {target.connector.name} does not offer {capability}.")
        ctx = self._context(target)
        method: Callable[..., Any] = getattr(target.connector, capability)
        return self._slots.call(
            target.key,
            lambda: method(ctx, *arguments),
            self._seconds + HEADROOM,
            expects,
            secrets_of(target.settings),
        )

    def _context(self, target: Target) -> Ctx[Any]:
        deadline = Deadline(self._seconds)
        client = self._clients.get(target.key, target.options)
        return Ctx(
            settings=target.settings,
            http=client.bounded(deadline),
            log=ScrubbedLog(self._log, Scrubber(secrets_of(target.settings))),
            now=clock.now(),
            deadline=deadline,
            state=target.state,
            connect=connector_to(target.options.networks),
        )
