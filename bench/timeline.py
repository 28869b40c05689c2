"""`timeline-*`: one page of an account with 1 million entries, beside one with 10 thousand.

Over HTTP by somebody signed in, and (`-read`) the page's own statement in this process. The page of headlines
and (`-details`) the one that shows everything; first page and deep ones, through both lenses. Requests to the
accounts take turns, one at a time, so that both meet the same machine.
"""

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial

from bench import history, load, posting
from bench.harness import Probe, Spec, percentile
from bench.history import CUSTOMER_EVERY, FULL, LONG, SHORT, Log, Readers
from bench.load import Crew, Wire
from bench.places import Place, postgres_place, sqlite_place
from hub.base.db import RowScope
from hub.domain import access, reading
from hub.domain.reading import PAGE, View
from hub.flows.runtime import Hub

REQUESTS = {"page": max(20, int(10 * load.SECONDS)), "read": max(50, int(50 * load.SECONDS))}
"""How often each sheet is read in one round: a page takes as long as ten statements."""
WARM_UP = 3
P50_BAR, P99_BAR = 1.15, 1.3
BARS = {"p50": P50_BAR, "p99": P99_BAR}
SHARES = {"p50": 0.5, "p99": 0.99}
PROCESSES = {"postgres": 2, "sqlite": 1}
LENSES = ("staff", "customer")
DEPTHS = ("first", "deep")
WAYS = ("page", "read")


@dataclass(frozen=True, slots=True)
class Sheet:
    """A page of one log: headlines or everything."""

    log: Log
    details: bool

    @property
    def name(self) -> str:
        """Part of the names of its values."""
        return f"{'details' if self.details else 'headlines'}-{self.log.name}"

    def before(self, lens: str) -> int:
        """A position somewhere deep in the log, with a full page before it if the log has one."""
        every = 1 if self.details else self.log.headline_every
        scale = CUSTOMER_EVERY if lens == "customer" else 1
        least = max(PAGE * max(every, scale) * 3 // 2, self.log.entries // 20)
        return random.randint(min(least, self.log.entries // 2), self.log.entries * 9 // 10) // scale


_FULL = (
    ("", Sheet(LONG, False), Sheet(FULL, False), "10 thousand entries, full page"),
    ("-details", Sheet(LONG, True), Sheet(SHORT, True), "10 thousand entries"),
)
_THIN = ("-thin", Sheet(LONG, False), Sheet(SHORT, False), "10 thousand entries, 10 headlines in all")
COMPARED = {"page": _FULL, "read": (*_FULL, _THIN)}
"""The suffix of a row's name, its subject, what it is held against, and how that is called."""
SHEETS = {
    way: list(dict.fromkeys(sheet for _, subject, against, _ in compared for sheet in (subject, against)))
    for way, compared in COMPARED.items()
}


def _specs() -> Iterator[Spec]:
    for database in PROCESSES:
        for lens in LENSES:
            for depth in DEPTHS:
                for way in WAYS:
                    yield from _of_way(f"{database}-{lens}-{depth}", way)


def _of_way(where: str, way: str) -> Iterator[Spec]:
    for suffix, subject, against, of in COMPARED[way]:
        for share in SHARES:
            name = f"timeline-{where}{'' if way == 'page' else '-read'}{suffix}-{share}"
            mine, theirs = (f"{where}-{way}-{sheet.name}-{share}" for sheet in (subject, against))
            yield Spec(name, "ms", mine, theirs, BARS[share] if way == "page" else None, of)


SPECS = list(_specs())


@contextmanager
def probes(crew: Crew) -> Iterator[list[Probe]]:
    """Both databases with the long timelines beside the 1,000 accounts, a server for each."""
    with ExitStack() as stack:
        places = [stack.enter_context(open_()) for open_ in (postgres_place, sqlite_place)]
        yield [probe for place in places for probe in _of_place(stack, place)]


def _of_place(stack: ExitStack, place: Place) -> Iterator[Probe]:
    posting.filled(place)
    hub = stack.enter_context(place.hub())
    readers = history.fill(hub)
    place.settle()
    port = stack.enter_context(place.server(PROCESSES[place.kind]))
    for lens in LENSES:
        for depth in DEPTHS:
            where = f"{place.kind}-{lens}-{depth}"
            yield _latencies(where, "page", partial(_page_reader, port, readers, lens, depth))
            yield _latencies(where, "read", partial(_line_reader, hub, readers, lens, depth))


Reader = Callable[[Sheet], object]
Opening = Callable[[], AbstractContextManager[Reader]]


def _latencies(where: str, way: str, opened: Opening) -> Probe:
    kinds = {f"{where}-{way}-{sheet.name}-{name}": (sheet, name) for sheet in SHEETS[way] for name in SHARES}

    def once() -> Mapping[str, float]:
        with opened() as read:
            times = _times(read, SHEETS[way], REQUESTS[way])
        return {value: percentile(times[sheet], SHARES[name]) for value, (sheet, name) in kinds.items()}

    return Probe(tuple(kinds), once)


def _times(read: Reader, sheets: Sequence[Sheet], requests: int) -> Mapping[Sheet, list[float]]:
    """Milliseconds that each sheet took, after some that are not counted."""
    times: dict[Sheet, list[float]] = {sheet: [] for sheet in sheets}
    for number in range(requests + WARM_UP):
        # Another order each time: none always follows the same other one.
        for sheet in random.sample(sheets, len(sheets)):
            began = time.perf_counter()
            read(sheet)
            if number >= WARM_UP:
                times[sheet].append(1000 * (time.perf_counter() - began))
    return times


@contextmanager
def _page_reader(port: int, readers: Readers, lens: str, depth: str) -> Iterator[Reader]:
    wire = Wire(port)
    headers = {"Cookie": readers.cookies[lens]}

    def read(sheet: Sheet) -> None:
        place = "desk" if lens == "staff" else "portal"
        asked = ["details=1"] if sheet.details else []
        asked += [f"before={sheet.before(lens)}"] if depth == "deep" else []
        path = f"/{place}/{sheet.log.slug}?{'&'.join(asked)}"
        wire.ask(load.request_of("GET", path, headers) + b"\r\n\r\n", b"200")

    yield read
    wire.close()


@contextmanager
def _line_reader(hub: Hub, readers: Readers, lens: str, depth: str) -> Iterator[Reader]:
    scope = _scope(hub, readers, lens)

    def read(sheet: Sheet) -> None:
        view = View(lens, "en", headlines=not sheet.details)
        if depth == "deep":
            view = replace(view, before=sheet.before(lens))
        with hub.db.read(scope) as session:
            reading.page(session, readers.accounts[sheet.log.name], view)

    yield read


def _scope(hub: Hub, readers: Readers, lens: str) -> RowScope:
    with hub.db.read() as session:
        return access.viewer_of(session, readers.people[lens]).lens_scope(lens)
