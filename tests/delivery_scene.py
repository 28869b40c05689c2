"""Far sides that do what a test says, and what is read afterwards of deliveries to them."""

import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from sqlalchemy import select

from hub.domain import outbox
from hub.domain.outbox import Claimed, Delivery
from hub.domain.timeline import Entry
from hub.flows.delivery import Done, Handler, Outcome
from hub.flows.runtime import Hub

Act = Callable[[Claimed], Outcome | None]


class Far:
    """A far side that does what a test says, and remembers what was asked of it."""

    def __init__(
        self, *acts: Outcome | Exception | Act, found: Outcome | Exception | Act | None = None
    ) -> None:
        self._acts = list(acts)
        self.sent: list[Claimed] = []
        self.asked: list[Claimed] = []
        self.found = found

    def send(self, hub: Hub, claimed: Claimed) -> Outcome:
        self.sent.append(claimed)
        act = self._acts.pop(0) if self._acts else Done()
        if isinstance(act, Exception):
            raise act
        return act(claimed) if callable(act) else act

    def find(self, hub: Hub, claimed: Claimed) -> Outcome | None:
        self.asked.append(claimed)
        if isinstance(self.found, Exception):
            raise self.found
        return self.found(claimed) if callable(self.found) else self.found


def with_far(hub: Hub, far: Far, *, findable: bool = True) -> Hub:
    handler = Handler(far.send, far.find if findable else None, lambda *_: ("WO-1", "Fibre team"))
    return replace(hub, handlers={"order": handler})


def put(hub: Hub, **options: Any) -> uuid.UUID:
    with hub.db.write() as session:
        return outbox.put(session, options.pop("kind", "order"), {}, **options)


def row(hub: Hub) -> Delivery:
    with hub.db.read() as session:
        return session.scalars(select(Delivery)).one()


def kinds(hub: Hub) -> list[str]:
    with hub.db.read() as session:
        return list(session.scalars(select(Entry.kind).order_by(Entry.seq)))
