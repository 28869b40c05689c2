"""Webhooks posted to a running hub, from a pinned number of connections."""

import itertools

from bench import world as provider
from bench.load import PROCESSES, REPEATED, Post, Wire, webhooks
from bench.places import Place
from bench.world import World

SIZES = (1, 10, 100)
PER_PROCESS = 8
"""Connections of each of the two generator processes. The kernel deals new connections out to the web
processes by chance: of few, one process often gets nearly all, and the other is not measured."""
CONNECTIONS = PROCESSES * PER_PROCESS
_families = itertools.count(1)


def filled(place: Place) -> World:
    """The 1,000 accounts in a place."""
    with place.hub() as hub:
        world = provider.fill(hub)
    place.settle()
    return world


class Sender:
    """Posts bodies of one size to one server; every use of it without `repeated` sends alerts of its own."""

    def __init__(self, port: int, world: World, size: int, prefix: str, circuits: int) -> None:
        self._port, self._world, self._size = port, world, size
        self._prefix, self._circuits = prefix, circuits
        self._known = next(_families)

    def jobs(self, *, repeated: bool = False) -> list[tuple[tuple[Post, ...]]]:
        """What each generator process is to post: a job for each of its connections."""
        family = self._known if repeated else next(_families)
        every = [self._job(number, family, repeated) for number in range(CONNECTIONS)]
        return [(tuple(every[start::PROCESSES]),) for start in range(PROCESSES)]

    def _job(self, number: int, family: int, repeated: bool) -> Post:
        # Connections start in different parts of the circuits, so that they rarely meet on an account.
        first = number * self._circuits // CONNECTIONS
        return Post(
            self._port,
            self._world.slug,
            self._world.token,
            self._size,
            self._prefix,
            self._circuits,
            family,
            first,
            repeated,
        )

    def prime(self) -> None:
        """Post once what will be repeated."""
        wire = Wire(self._port)
        for number in range(CONNECTIONS):
            requests = webhooks(self._job(number, self._known, True))
            for request in itertools.islice(requests, REPEATED):
                wire.ask(request, b"202")
        wire.close()
