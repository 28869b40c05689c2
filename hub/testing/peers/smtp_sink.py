"""A mail server inside the test process that takes every message, or fails as the test says.

For faults that a real server cannot be talked into; for real delivery see `mail`.
"""

import asyncio
import contextlib
import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from hub.testing.peers.process import free_port

Outcome = Literal["accept", "reject", "busy", "hang", "drop"]
ANSWERS: dict[Outcome, str] = {
    "accept": "250 2.0.0 taken",
    "reject": "554 5.7.1 not wanted",
    "busy": "451 4.3.0 try again later",
}


@dataclass(frozen=True, slots=True)
class Received:
    """A message that reached the end of DATA, with the recipients taken and how we then ended it."""

    sender: str
    recipients: tuple[str, ...]
    raw: bytes
    outcome: Outcome


class SmtpSink:
    """The state shared by the server's thread and the test; every method may be called at any time."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._received: list[Received] = []
        self._script: deque[Outcome] = deque()
        self._refusals: dict[str, str] = {}
        self._arrival = threading.Condition()

    def script(self, *outcomes: Outcome) -> None:
        """End the next messages so, in this order, and accept all after them.

        `hang` stays silent after DATA until the client gives up, `drop` breaks the connection there: in both
        cases the message was taken, and the client cannot know it.
        """
        with self._arrival:
            self._script.extend(outcomes)

    def refuse(self, address: str, answer: str = "550 5.1.1 no such person") -> None:
        """Refuse one recipient from now on, for good (5xx) or for the time being (4xx)."""
        with self._arrival:
            self._refusals[address.lower()] = answer

    @property
    def received(self) -> list[Received]:
        """Everything that came so far, whatever its outcome, in the order of arrival."""
        with self._arrival:
            return list(self._received)

    def wait_for(self, count: int = 1, timeout: float = 10) -> list[Received]:
        """Wait until `count` messages have come since the start, and return all."""
        with self._arrival:
            found = self._arrival.wait_for(lambda: len(self._received) >= count, timeout)
            assert found, f"{len(self._received)} of {count} messages came: {self._received}"
            return list(self._received)

    def answer_recipient(self, address: str) -> str | None:
        """The refusal of a recipient, if there is one."""
        with self._arrival:
            return self._refusals.get(address.lower())

    def take(self, sender: str, recipients: tuple[str, ...], raw: bytes) -> Outcome:
        """Keep a message and say how to end it."""
        with self._arrival:
            outcome = self._script.popleft() if self._script else "accept"
            self._received.append(Received(sender, recipients, raw, outcome))
            self._arrival.notify_all()
        return outcome


class _Handler:
    def __init__(self, sink: SmtpSink) -> None:
        self.sink = sink
        self.closing = asyncio.Event()

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if refusal := self.sink.answer_recipient(address):
            return refusal
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 fine"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        raw = envelope.original_content or b""
        outcome = self.sink.take(envelope.mail_from or "", tuple(envelope.rcpt_tos), raw)
        if outcome == "hang":
            await self.closing.wait()
        if outcome in ("hang", "drop"):
            assert isinstance(server.transport, asyncio.Transport)
            server.transport.abort()
        return ANSWERS.get(outcome, ANSWERS["accept"])


@contextlib.contextmanager
def smtp_sink() -> Iterator[SmtpSink]:
    """Listen on a free port until the end of the block."""
    sink = SmtpSink(free_port())
    handler = _Handler(sink)
    controller = Controller(
        handler, hostname="127.0.0.1", port=sink.port, server_hostname="sink.hub.example", ready_timeout=10
    )
    controller.start()
    try:
        yield sink
    finally:
        controller.loop.call_soon_threadsafe(handler.closing.set)
        controller.stop()
