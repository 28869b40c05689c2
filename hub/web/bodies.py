"""Bodies of requests: read before anything is locked, and by so few threads at once that pages go on.

Whoever sends a body may take all day over it, and nothing calls back a thread that waits for the next byte.
So nobody reads one inside a transaction, and those who read have seats: when slow senders have them all,
others who want to send are asked to come back, while pages are shown as ever. Strangers have seats of their
own, fewer than those who proved who they are.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore

from flask import Request

from hub.base.errors import Unavailable
from hub.web.words import _

PATIENCE = 0.5
"""Seconds that one waits for a seat."""
SLOW = 1.0
"""Seconds after which a sender counts as slow: for a seat that has it nobody waits."""
STRANGERS_FORM = 64 * 1024
"""Bytes: more than sign-in ever needs."""


class Seats:
    """So many of one kind may send at the same time, in this process."""

    def __init__(self, number: int) -> None:
        self._free = BoundedSemaphore(number)
        self._since: dict[object, float] = {}

    @contextmanager
    def one(self) -> Iterator[None]:
        """Hold a seat for the block; `Unavailable` when none comes free."""
        if not self._free.acquire(timeout=self._patience()):
            raise Unavailable(_("Too many are sending at this moment. Nothing was lost; please try again."))
        seat = object()
        self._since[seat] = time.monotonic()
        try:
            yield
        finally:
            del self._since[seat]
            self._free.release()

    def _patience(self) -> float:
        slow = time.monotonic() - SLOW
        held = list(self._since.values())
        return 0.0 if held and max(held) < slow else PATIENCE


STRANGERS, PEOPLE, MACHINES = Seats(2), Seats(4), Seats(4)
"""Of the eight threads of a web process. Whoever proved nothing yet is a stranger."""


def read_form(request: Request, seats: Seats, most: int | None = None) -> None:
    """Have the whole form in memory, or in temporary files; later looks at it cost nothing.

    `most`: bytes beyond which it is too large, where the usual limit is too much.
    """
    if most is not None:
        request.max_content_length = most
    with seats.one():
        request.form  # noqa: B018 - the first look reads and keeps it


def was_read(request: Request) -> bool:
    """Whether looking at the form waits for nobody any more."""
    return "form" in request.__dict__
