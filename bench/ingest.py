"""`ingest-*`: how many alerts a second are stored through `POST /in/<connection>`.

Two web processes on either database, as `hub serve` starts on a machine with two cores.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager

from bench import bare, load, posting
from bench.harness import Probe, Spec
from bench.load import Crew, Get
from bench.places import Place, postgres_place, sqlite_place
from bench.posting import SIZES, Sender

DATABASES = ("postgres", "sqlite")
PROCESSES = 2
BARS = {1: 0.15, 10: 0.15, 100: 0.10}
SQLITE_TO_POSTGRES = 0.8
_BARE = "rows/s of the bare database"


def _specs() -> Iterator[Spec]:
    for size in SIZES:
        for database in DATABASES:
            for mode in ("new", "repeated"):
                name = f"ingest-{database}-{size}-{mode}"
                bar = BARS[size] if (database, mode) == ("postgres", "new") else None
                yield Spec(name, "alerts/s", name, f"bare-{database}-{size}", bar, _BARE)
    for mode in ("new", "repeated"):
        mine, theirs = f"ingest-sqlite-1-{mode}", f"ingest-postgres-1-{mode}"
        yield Spec(f"{mine}-to-postgres", "alerts/s", mine, theirs, SQLITE_TO_POSTGRES, "PostgreSQL")
    for database in DATABASES:
        name = f"ingest-{database}-1-new"
        yield Spec(f"{name}-to-noop", "webhooks/s", name, f"noop-{database}", None, "a no-op route")


SPECS = list(_specs())


@contextmanager
def probes(crew: Crew) -> Iterator[list[Probe]]:
    """Both databases filled, a server for each."""
    with ExitStack() as stack:
        places = [stack.enter_context(open_()) for open_ in (postgres_place, sqlite_place)]
        found: list[Probe] = []
        for place in places:
            found += _of_place(stack, crew, place)
        yield found


def _of_place(stack: ExitStack, crew: Crew, place: Place) -> Iterator[Probe]:
    world = posting.filled(place)
    bare.prepare(place.bare)
    port = stack.enter_context(place.server(PROCESSES))
    yield _one(f"noop-{place.kind}", _pages(crew, port))
    for size in SIZES:
        sender = Sender(port, world, size, "CIR", world.busy)
        sender.prime()
        # What is compared is measured side by side: a shared machine is another one a minute later.
        yield _one(f"bare-{place.kind}-{size}", _rows(crew, place, size))
        yield _one(f"ingest-{place.kind}-{size}-new", _alerts(crew, sender, False))
        yield _one(f"ingest-{place.kind}-{size}-repeated", _alerts(crew, sender, True))
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
