"""What every conformance suite needs to know of a connector, and the checks that hold for all kinds."""

import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar, Literal

from pydantic import BaseModel

from hub.base import clock
from hub.plugin.addresses import connector_to, parse_networks
from hub.plugin.contracts import (
    Connector,
    Ctx,
    Deadline,
    ExternalRef,
    Incoming,
    ItemUpdate,
    OutMail,
    WorkItem,
)
from hub.plugin.declarations import faults
from hub.plugin.http import GuardedClient, HttpOptions
from hub.plugin.outward import Outward, Target
from hub.plugin.scrub import secrets_of
from hub.plugin.settings import join, split

SENTINEL = "conformance-Sentinel-7f3a"
"""Use this as the value of every secret in `settings`; the suite looks for it wherever it must not be."""

LOCALHOST = "127.0.0.1"
SHORT = 0.4
"""Seconds for calls of a far side that never answers."""

PATIENCE = 15.0
"""Seconds for calls of one that does, on a busy machine too."""

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)

ITEM = WorkItem(
    delivery_id="0192f0c1-delivery-open",
    reference="WO-311",
    title="Conformance: check circuit CIR-4711",
    text="Please measure the line.\nThe customer waits at site FRA1.",
    priority=2,
    service="CIR-4711",
    site="FRA1",
)
UPDATE = ItemUpdate(
    delivery_id="0192f0c1-delivery-push",
    external=ExternalRef("1"),
    kind="message",
    text="Conformance: the customer says that it is the left port.",
    author="Ada Contact",
)
MAIL = OutMail(
    delivery_id="0192f0c1-delivery-mail",
    message_id="<0192f0c1.delivery@hub.example.net>",
    sender="contact@hub.example.net",
    sender_name="Ada Contact",
    to=("one@customer.example", "two@customer.example"),
    subject="Conformance: ACME-10427",
    text="We are on it.",
    headers={"Auto-Submitted": "auto-generated"},
)
WRITTEN = (ITEM.title, UPDATE.text, MAIL.subject)
"""What a far side can only know when a writing call has reached it."""

Call = Callable[[Outward, Target], object]

CALLS: dict[str, tuple[Call, tuple[object, ...]]] = {
    "open": (lambda out, to: out.open(to, ITEM), (ITEM,)),
    "find": (lambda out, to: out.find(to, ITEM.delivery_id), (ITEM.delivery_id,)),
    "push": (lambda out, to: out.push(to, UPDATE), (UPDATE,)),
    "pull": (lambda out, to: out.pull(to, ""), ("",)),
    "reconcile": (lambda out, to: out.reconcile(to, ""), ("",)),
    "accounts": (lambda out, to: out.accounts(to, ""), ("",)),
    "place": (lambda out, to: out.place(to, ITEM), (ITEM,)),
    "send": (lambda out, to: out.send(to, MAIL), (MAIL,)),
    "pull_mail": (lambda out, to: out.pull_mail(to, ""), ("",)),
}
"""Each capability that speaks to the world: a call of it, and its arguments for calling the method itself."""


class RecordingLog:
    """A log that keeps what is written, unscrubbed: a connector has to be careful by itself."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def info(self, event: str, **fields: Any) -> None:
        """Keep a line."""
        self.lines.append(f"{event} {fields!r}")

    warning = info


@dataclass(slots=True)
class Attempt:
    """One direct call of a connector's method: how it ended, what it logged, how many seconds it took."""

    error: BaseException | None
    log: list[str]
    seconds: float

    def written(self) -> str:
        """Everything that this call could have left in a log."""
        trace = "".join(traceback.format_exception(self.error)) if self.error else ""
        return "\n".join([*self.log, trace, repr(self.error)])


class Conformance:
    """What a plugin's test declares, and the checks of the declarations themselves.

    Subclass the suite of your kind under a name that begins with `Test`, set `connector`, `payloads` and
    `speaks`, and write `settings`.
    """

    connector: ClassVar[Connector[Any]]
    payloads: ClassVar[Sequence[Incoming]] = ()
    """Recorded requests, genuine for the settings of this test (their token is SENTINEL)."""

    speaks: ClassVar[Literal["http", "tcp", "nothing"]] = "http"
    """How outward calls travel: by `ctx.http`, by sockets of the connector's own, or not at all (files)."""

    def settings(self, host: str, port: int) -> BaseModel:
        """Valid settings that point at a far side on this host and port, with SENTINEL as every secret."""
        raise NotImplementedError("a conformance test writes settings(self, host, port)")

    def target(self, port: int = 9) -> Target:
        """The connection under test, allowed to reach this machine."""
        options = HttpOptions(networks=parse_networks([LOCALHOST]), read=30, total=30)
        return Target("conformance", self.connector, self.settings(LOCALHOST, port), options)

    def outward_calls(self) -> Iterator[tuple[str, Call]]:
        """A call of each declared capability that speaks to the world."""
        for capability, (call, _) in CALLS.items():
            if capability in self.connector.capabilities and self.speaks != "nothing":
                yield capability, call

    def attempt(self, capability: str, port: int) -> Attempt:
        """Call the method itself, without the hub's guards around it."""
        log = RecordingLog()
        target = self.target(port)
        client = GuardedClient(target.options)
        deadline = Deadline(SHORT)
        connect = connector_to(target.options.networks)
        ctx = Ctx(target.settings, client.bounded(deadline), log, clock.now(), deadline, {}, connect)
        error: BaseException | None = None
        started = time.monotonic()
        try:
            getattr(self.connector, capability)(ctx, *CALLS[capability][1])
        except Exception as raised:
            error = raised
        finally:
            client.close()
        return Attempt(error, log.lines, time.monotonic() - started)

    def test_its_declarations_are_sound(self) -> None:
        """The registry would take it."""
        assert faults(self.connector) == []

    def test_its_settings_can_be_stored_and_shown(self) -> None:
        """They survive the way to the database and back, and no secret shows in them."""
        settings = self.settings(LOCALHOST, 9)
        plain, secrets = split(settings)
        assert join(type(settings), plain, secrets) == settings
        assert SENTINEL not in repr((settings, plain, self.connector))
        assert set(secrets_of(settings)) <= {SENTINEL}, "every secret of the test's settings must be SENTINEL"


@contextmanager
def outward(seconds: float = PATIENCE) -> Iterator[Outward]:
    """The hub's way of calling."""
    calls = Outward(RecordingLog(), seconds=seconds)
    try:
        yield calls
    finally:
        calls.close()
