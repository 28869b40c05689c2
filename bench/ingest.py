"""`ingest-*`: how many alerts a second are stored through `POST /in/<connection>`.

Two web processes on PostgreSQL; on SQLite one, as `hub serve` starts by default, and two (`-2p`).
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager

from bench import bare, load, posting
from bench.harness import Probe, Spec
from bench.load import Crew, Get
from bench.places import Place, postgres_place, sqlite_place
from bench.posting import SIZES, Sender

SERVERS = {"postgres": 2, "sqlite": 1, "sqlite-2p": 2}
BARS = {1: 0.15, 10: 0.15, 100: 0.10}
SQLITE_TO_POSTGRES = 0.8
_BARE = "rows/s of the bare database"


def _specs() -> Iterator[Spec]:
    for size in SIZES:
        for server in SERVERS:
            for mode in ("new", "repeated"):
                name, database = f"ingest-{server}-{size}-{mode}", server.removesuffix("-2p")
                bar = BARS[size] if (server, mode) == ("postgres", "new") else None
                yield Spec(name, "alerts/s", name, f"bare-{database}-{size}", bar, _BARE)
    for mode in ("new", "repeated"):
        mine, theirs = f"ingest-sqlite-1-{mode}", f"ingest-postgres-1-{mode}"
        yield Spec(f"{mine}-to-postgres", "alerts/s", mine, theirs, SQLITE_TO_POSTGRES, "PostgreSQL")
    for server in ("postgres", "sqlite"):
        name = f"ingest-{server}-1-new"
        yield Spec(f"{name}-to-noop", "webhooks/s", name, f"noop-{server}", None, "a no-op route")


SPECS = list(_specs())


@contextmanager
def probes(crew: Crew) -> Iterator[list[Probe]]:
    """Both databases filled, three servers running."""
    with ExitStack() as stack:
        places = [stack.enter_context(open_()) for open_ in (postgres_place, sqlite_place)]
        found: list[Probe] = []
        for place in places:
            found += _of_place(stack, crew, place)
        yield found


def _of_place(stack: ExitStack, crew: Crew, place: Place) -> Iterator[Probe]:
    world = posting.filled(place)
    bare.prepare(place.bare)
    for size in SIZES:
        yield _one(f"bare-{place.kind}-{size}", _rows(crew, place, size))
    for server, processes in SERVERS.items():
        if server.removesuffix("-2p") != place.kind:
            continue
        port = stack.enter_context(place.server(processes))
        yield _one(f"noop-{server}", _pages(crew, port))
        for size in SIZES:
            sender = Sender(port, world, size, "CIR", world.busy)
            sender.prime()
            yield _one(f"ingest-{server}-{size}-new", _alerts(crew, sender, False))
            yield _one(f"ingest-{server}-{size}-repeated", _alerts(crew, sender, True))
    place.settle()


def _one(name: str, run: Callable[[], float]) -> Probe:
    def once() -> Mapping[str, float]:
        return {name: run()}

    return Probe((name,), once)


def _rows(crew: Crew, place: Place, size: int) -> Callable[[], float]:
    return lambda: crew.together(bare.insert, (place.bare, size), (place.bare, size))


def _pages(crew: Crew, port: int) -> Callable[[], float]:
    jobs = (Get(port, "/healthz"),) * posting.PER_PROCESS
    return lambda: crew.together(load.get, *((jobs,),) * load.PROCESSES)


def _alerts(crew: Crew, sender: Sender, repeated: bool) -> Callable[[], float]:
    return lambda: crew.together(load.post, *sender.jobs(repeated=repeated))
