"""The connector: a named object that declares what it can do, and one small typed method per capability."""

import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any, ClassVar, Generic, Literal, Protocol, TypeVar

import orjson
from pydantic import BaseModel

from hub.plugin.contracts.directory import DirectoryBatch
from hub.plugin.contracts.errors import AuthFailed, NotOffered, Rejected
from hub.plugin.contracts.incoming import Incoming, Parsed, Reconciled
from hub.plugin.contracts.mail import OutMail, PulledMail, Receipt
from hub.plugin.contracts.workorders import ExternalRef, ItemUpdate, OrderState, Placed, Pulled, WorkItem

Kind = Literal["monitoring", "itsm", "crm", "provider", "channel"]
Settings = TypeVar("Settings", bound=BaseModel)

MIB = 1024 * 1024

CAPABILITIES: Mapping[Kind, frozenset[str]] = MappingProxyType(
    {
        "monitoring": frozenset({"verify", "parse", "reconcile"}),
        "itsm": frozenset({"verify", "parse", "open", "find", "push", "pull"}),
        "crm": frozenset({"verify", "parse", "accounts"}),
        "provider": frozenset({"verify", "parse", "place", "find"}),
        "channel": frozenset({"verify", "parse", "send", "find", "pull_mail"}),
    }
)
"""What a connector of each kind may declare; every name is also the name of the method."""


class Deadline:
    """The end of an outward call. Measured by the monotonic clock: it is a duration, not a time of day."""

    __slots__ = ("_end",)

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        """Seconds left, never below zero: use it as the timeout of a socket of your own."""
        return max(0.0, self._end - time.monotonic())


@dataclass(frozen=True, slots=True)
class Answer:
    """What an HTTP peer answered. `headers` have lower-case names; `body` is decompressed and within the
    limit."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    url: str = field(repr=False)

    @property
    def ok(self) -> bool:
        """Whether the status is 2xx."""
        return 200 <= self.status < 300

    def checked(self) -> "Answer":
        """This answer if it is 2xx; otherwise AuthFailed (403) or Rejected, naming the status alone."""
        if self.status == 403:
            raise AuthFailed("The far side says that our login may not do this (403).")
        if not self.ok:
            raise Rejected(f"The far side refused the request ({self.status}).")
        return self

    def json(self) -> Any:
        """The body as JSON data; Rejected if it is none (a proxy's error page with a 200, for example)."""
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError as error:
            raise Rejected(f"The far side answered {self.status} with a body that is not JSON.") from error


class Http(Protocol):
    """The guarded client as a connector sees it: `hub.plugin.http` says what it refuses and which errors it
    raises."""

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        json: Any = None,
        content: bytes | None = None,
        auth: tuple[str, str] | None = None,
    ) -> Answer:
        """Send one request and read the whole answer. 401, 429 and 5xx are raised as errors, other
        statuses are answered as they are: 403, 404, 409, 412 and 422 mean something to the connector
        (`Answer.checked` raises for those that do not)."""


class Connect(Protocol):
    """Opens a socket for a connector that does not speak HTTP, under the same rules as `Http`."""

    def __call__(self, host: str, port: int, timeout: float) -> socket.socket:
        """Resolve the name once and connect to an address of it that the connection may reach, within
        `timeout` seconds. RetryLater when the name cannot be resolved, Rejected when every address is in a
        private network that nobody allowed, OSError when nobody answers. Use `deadline.left()` as the
        timeout, and verify TLS against the name yourself."""


def _no_connect(host: str, port: int, timeout: float) -> socket.socket:
    raise Rejected("This call may not open a connection of its own.")


class Log(Protocol):
    """Structured log of one call; the connection's name is bound, secrets of the settings are scrubbed."""

    def info(self, event: str, **fields: Any) -> Any:
        """Something worth knowing later."""

    def warning(self, event: str, **fields: Any) -> Any:
        """Something odd that was dealt with."""


@dataclass(frozen=True, slots=True)
class Ctx(Generic[Settings]):
    """All that a method with I/O may use. Connectors keep nothing between calls: two calls may run at once.

    `settings` has its secrets inside as SecretStr. `state` is what the hub remembers for this connection,
    read-only: the last cursor of each capability by the capability's name. `now` is the hub's time at the
    start of the call. `connect` is for what is not HTTP.
    """

    settings: Settings
    http: Http
    log: Log
    now: datetime
    deadline: Deadline
    state: Mapping[str, Any]
    connect: Connect = _no_connect


class Connector(Generic[Settings]):
    """Subclass it, set the declarations, override the methods named in `capabilities`, register one instance.

    `name` is lower case with underscores and unique among all plugins; `title` is for people. Fields of
    `settings_model` that are SecretStr are encrypted at rest and never shown again. `status_map` translates
    foreign statuses to the words of a work order; a connection may override it, and an unmapped status is
    shown verbatim. `calls_out` is False for one that opens no connection to anywhere.
    """

    name: ClassVar[str]
    kind: ClassVar[Kind]
    title: ClassVar[str]
    capabilities: ClassVar[frozenset[str]]
    settings_model: type[Settings]
    status_map: ClassVar[Mapping[str, OrderState]] = MappingProxyType({})
    body_limit: ClassVar[int] = 16 * MIB
    calls_out: ClassVar[bool] = True

    def _not_offered(self, capability: str) -> NotOffered:
        return NotOffered(f"The connector {self.name} does not offer {capability}.")

    def verify(self, settings: Settings, incoming: Incoming) -> bool:
        """Whether the request is from who it claims (token, signature). Pure; compare in constant time. No:
        401."""
        raise self._not_offered("verify")

    def parse(self, settings: Settings, incoming: Incoming) -> Parsed:
        """What the body says. Pure: no I/O, no clock, the same answer for the same body. Raises BadBody
        only."""
        raise self._not_offered("parse")

    def reconcile(self, ctx: Ctx[Settings], cursor: str) -> Reconciled:
        """What fires now, read from the source, to repair what webhooks missed. `cursor` is `""` at first."""
        raise self._not_offered("reconcile")

    def open(self, ctx: Ctx[Settings], item: WorkItem) -> ExternalRef:
        """Create the foreign object, storing `item.delivery_id` on it."""
        raise self._not_offered("open")

    def find(
        self, ctx: Ctx[Settings], delivery_id: str, within: ExternalRef | None = None
    ) -> ExternalRef | None:
        """What an earlier call with this delivery id left behind; None: surely nothing. `within` is the
        linked object when the delivery was an update on it. Raise OutcomeUnknown where it cannot be told."""
        raise self._not_offered("find")

    def push(self, ctx: Ctx[Settings], update: ItemUpdate) -> ExternalRef:
        """Write a message or a status on a linked object; answers with its new version."""
        raise self._not_offered("push")

    def pull(self, ctx: Ctx[Settings], cursor: str) -> Pulled:
        """The updates since `cursor` (`""`: from now on, or all there is), oldest first; repeats do no
        harm."""
        raise self._not_offered("pull")

    def accounts(self, ctx: Ctx[Settings], cursor: str) -> DirectoryBatch:
        """The directory's records, changed since `cursor` where the source can tell."""
        raise self._not_offered("accounts")

    def place(self, ctx: Ctx[Settings], order: WorkItem) -> Placed:
        """Hand a work order to a team that has no ticket tool: place it, or return a message for the hub to
        send."""
        raise self._not_offered("place")

    def send(self, ctx: Ctx[Settings], mail: OutMail) -> Receipt:
        """Carry one mail to the next hop. A refused recipient is part of the receipt, not an error, unless
        all are."""
        raise self._not_offered("send")

    def pull_mail(self, ctx: Ctx[Settings], cursor: str) -> PulledMail:
        """The mailbox's messages since `cursor`, oldest first; marks or deletes nothing that it has not yet
        returned."""
        raise self._not_offered("pull_mail")
