"""`case-*`: a webhook whose every alert opens a case of its own, with its entry and its delivery."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from bench import bare, load, posting
from bench import world as provider
from bench.harness import Probe, Spec
from bench.load import Crew
from bench.places import Place, postgres_place, sqlite_place
from bench.posting import SIZES, Sender
from hub.flows.runtime import Hub

DATABASES = ("postgres", "sqlite")
PROCESSES = 2

SPECS = [
    Spec(
        f"case-{database}-{size}",
        "cases/s",
        f"case-{database}-{size}",
        f"bare-{database}-{size}",
        None,
        "rows/s of the bare database",
    )
    for database in DATABASES
    for size in SIZES
]


@contextmanager
def probes(crew: Crew) -> Iterator[list[Probe]]:
    """Both databases filled, a server for each."""
    with ExitStack() as stack:
        places = [stack.enter_context(open_()) for open_ in (postgres_place, sqlite_place)]
        yield [probe for place in places for probe in _of_place(stack, crew, place)]


def _of_place(stack: ExitStack, crew: Crew, place: Place) -> Iterator[Probe]:
    world = posting.filled(place)
    bare.prepare(place.bare)
    hub = stack.enter_context(place.hub())
    port = stack.enter_context(place.server(PROCESSES))
    for size in SIZES:
        sender = Sender(port, world, size, "NEW", world.quiet)

        yield _probe(f"case-{place.kind}-{size}", _opened(crew, hub, sender))
        yield _probe(f"bare-{place.kind}-{size}", _rows(crew, place, size))


def _opened(crew: Crew, hub: Hub, sender: Sender) -> Callable[[], float]:
    def run() -> float:
        done = crew.together(load.post, *sender.jobs())
        provider.quieten(hub.db)
        return done

    return run


def _rows(crew: Crew, place: Place, size: int) -> Callable[[], float]:
    return lambda: crew.together(bare.insert, (place.bare, size), (place.bare, size))


def _probe(name: str, run: Callable[[], float]) -> Probe:
    return Probe((name,), lambda: {name: run()})
