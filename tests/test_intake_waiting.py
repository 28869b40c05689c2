"""Bodies that the door put aside: the worker gets to each once, whatever becomes of the others."""

import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
import scene
from pydantic import BaseModel
from sqlalchemy import event, select, update
from sqlalchemy.exc import IntegrityError
from structlog.processors import format_exc_info
from structlog.testing import capture_logs

from hub import hookimpl
from hub.app import create_hub
from hub.base import clock
from hub.base.errors import Unavailable
from hub.config import Settings
from hub.domain import connections, quarantine
from hub.domain.audit import HUB
from hub.domain.connections import ConnectionState
from hub.domain.quarantine import Quarantined, QuarantineKind
from hub.domain.signals import Signal
from hub.flows import hanging as told
from hub.flows import intake
from hub.flows.runtime import Hub
from hub.plugin.contracts import Connector, Incoming, Parsed, Unparsed
from hub.plugin.slots import PER_CONNECTION


class Word(BaseModel):
    """What the connector cannot do without."""

    word: str


class Echo(Connector[Word]):
    """Says that it did not understand the body, which is then kept as an item."""

    name = "echo"
    kind = "monitoring"
    title = "Echo"
    capabilities = frozenset({"parse"})
    settings_model = Word

    def parse(self, settings: Word, incoming: Incoming) -> Parsed:
        return Parsed(unparsed=(Unparsed("not understood", incoming.body.decode()),))

    @hookimpl
    def hub_connectors(self, register: Callable[[Connector[Any]], None]) -> None:
        register(self)


@pytest.fixture
def hub(settings: Settings) -> Iterator[Hub]:
    running = create_hub(settings, plugins=(("echo", Echo()),))
    yield running
    running.close()


def put_aside(hub: Hub, name: str, *bodies: str) -> str:
    """A new connection with bodies that wait; answers its slug."""
    with hub.db.write() as session:
        made = connections.add_connection(
            session, HUB, hub.registry, hub.keyring, "echo", name, "own", {"word": "x"}
        )
        for body in bodies:
            quarantine.keep(session, made.id, QuarantineKind.WAITING, "It waits.", body.encode())
        return made.slug


def taken(hub: Hub) -> list[str]:
    """The bodies that were taken, in order."""
    with hub.db.read() as session:
        query = select(Quarantined).where(Quarantined.kind == QuarantineKind.ITEM).order_by(Quarantined.id)
        return [(kept.body or b"").decode() for kept in session.scalars(query)]


def waiting(hub: Hub) -> list[str]:
    with hub.db.read() as session:
        kept = quarantine.waiting(session, [QuarantineKind.WAITING], limit=100)
        return [(each.body or b"").decode() for each in kept]


@pytest.mark.parametrize(
    "change", [{"connector": "gone"}, {"settings": {}}, {"secrets": b"sealed elsewhere"}]
)
def test_bodies_that_nothing_can_read_now_hold_up_no_others_and_are_not_looked_at(
    hub: Hub, change: dict[str, Any]
) -> None:
    dead = put_aside(hub, "Dead", *(f"dead {number}" for number in range(25)))
    put_aside(hub, "Alive", "alive")
    with hub.db.write() as session:
        for name, value in change.items():
            setattr(connections.find(session, dead), name, value)
    loaded: list[str] = []

    def note(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        if "quarantine.body" in statement:
            loaded.append(statement)

    for engine in hub.db.engines:
        event.listen(engine, "before_cursor_execute", note)
    assert [intake.parse_waiting(hub), len(loaded)] == [1, 1]
    assert intake.parse_waiting(hub) == 0
    assert taken(hub) == ["alive"]
    assert len(waiting(hub)) == 25


def test_connections_take_turns(hub: Hub) -> None:
    put_aside(hub, "Many", *(f"many {number}" for number in range(25)))
    put_aside(hub, "Few", "few 0", "few 1")
    assert intake.parse_waiting(hub, limit=3) == 3
    assert taken(hub) == ["many 0", "few 0", "many 1"]


def test_a_body_that_breaks_the_hub_is_shown_and_holds_up_none_behind_it(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_aside(hub, "Source", "poison", "fine")
    take = intake.take

    def broken(session: Any, hub: Hub, connection: Any, parsed: Parsed, *rest: Any) -> None:
        if parsed.unparsed[0].raw == "poison":
            raise IntegrityError("INSERT", {"title": "in confidence"}, Exception("Key (in confidence)"))
        take(session, hub, connection, parsed, *rest)

    monkeypatch.setattr(intake, "take", broken)
    with capture_logs([format_exc_info]) as logs:
        intake.parse_waiting(hub)
        assert taken(hub) == ["fine"]
        assert intake.parse_waiting(hub) == 0
    [line] = logs
    assert (line["event"], line["error"]) == ("intake.broke", "IntegrityError")
    assert "in confidence" not in str(logs)
    with hub.db.read() as session:
        [kept] = quarantine.waiting(session, [QuarantineKind.BODY])
        assert kept.body == b"poison"
        assert "IntegrityError" in kept.reason
        assert "in confidence" not in kept.reason


def test_an_item_that_is_understood_in_part_only_comes_back_whole(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_aside(hub, "Source", "half", "whole")
    with hub.db.write() as session:
        session.execute(update(Quarantined).values(kind=QuarantineKind.AGAIN))

    def parse(self: Echo, settings: Word, incoming: Incoming) -> Parsed:
        body = incoming.body.decode()
        rest = (Unparsed("not understood", body),) if body == "half" else ()
        return Parsed(signals=(scene.event(key=body),), unparsed=rest)

    monkeypatch.setattr(Echo, "parse", parse)
    assert intake.parse_waiting(hub) == 2
    assert taken(hub) == ["half"]
    with hub.db.read() as session:
        assert list(session.scalars(select(Signal.natural_key))) == ["whole"]


def test_a_busy_database_is_no_fault_of_a_body(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    put_aside(hub, "Source", "late", "fine")
    take = intake.take

    def busy(session: Any, hub: Hub, connection: Any, parsed: Parsed, *rest: Any) -> None:
        if parsed.unparsed[0].raw == "late":
            raise Unavailable("The database is busy.")
        take(session, hub, connection, parsed, *rest)

    monkeypatch.setattr(intake, "take", busy)
    assert intake.parse_waiting(hub) == 1
    assert (taken(hub), waiting(hub)) == (["fine"], ["late"])
    monkeypatch.undo()
    assert intake.parse_waiting(hub) == 1
    assert taken(hub) == ["fine", "late"]


def test_two_workers_take_a_body_once(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    put_aside(hub, "Source", "once")
    parsed, inside, take, parse = threading.Barrier(2), threading.Barrier(2), intake.take, Echo.parse

    def together(self: Echo, settings: Word, incoming: Incoming) -> Parsed:
        parsed.wait(10)
        return parse(self, settings, incoming)

    def slowly(*given: Any) -> None:
        with suppress(threading.BrokenBarrierError):
            inside.wait(0.5)  # long enough for another worker to come in, if it could
        take(*given)

    monkeypatch.setattr(Echo, "parse", together)
    monkeypatch.setattr(intake, "take", slowly)
    counts: list[int] = []
    workers = [threading.Thread(target=lambda: counts.append(intake.parse_waiting(hub))) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(20)
    assert sorted(counts) == [0, 1]
    assert taken(hub) == ["once"]


class Hanging:
    """Of some bodies parsing does not come back before the test says so."""

    def __init__(self) -> None:
        self.go, self.ended = threading.Event(), threading.Semaphore(0)

    def parse(self, echo: Echo, settings: Word, incoming: Incoming) -> Parsed:
        if incoming.body.startswith(b"hang"):
            self.go.wait(30)
            self.ended.release()
        return Parsed(unparsed=(Unparsed("not understood", incoming.body.decode()),))


@pytest.fixture
def hanging(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hanging]:
    made = Hanging()
    monkeypatch.setattr(Echo, "parse", lambda *given: made.parse(*given))
    monkeypatch.setattr(intake, "PARSE_SECONDS", 0.05)
    yield made
    made.go.set()


def put_back(hub: Hub) -> list[tuple[str, str]]:
    """Bodies that people see, with the reasons."""
    with hub.db.read() as session:
        kept = quarantine.waiting(session, [QuarantineKind.BODY])
        return [((each.body or b"").decode(), each.reason) for each in kept]


def test_a_body_on_which_parsing_hangs_is_shown_and_the_others_are_parsed(hub: Hub, hanging: Hanging) -> None:
    put_aside(hub, "Bad", "hang", "behind it")
    put_aside(hub, "Good", "good 0", "good 1")
    assert intake.parse_waiting(hub) == 2
    assert taken(hub) == ["good 0", "good 1"]
    assert put_back(hub) == [("hang", "Parsing took longer than 0.05 s.")]
    assert intake.parse_waiting(hub) == 1
    assert taken(hub) == ["good 0", "good 1", "behind it"]


def test_when_all_slots_hang_the_bodies_wait_and_the_health_page_says_so(hub: Hub, hanging: Hanging) -> None:
    slug = put_aside(hub, "Bad", *(f"hang {number}" for number in range(PER_CONNECTION + 2)))
    for _ in range(PER_CONNECTION + 2):
        assert intake.parse_waiting(hub) == 0
    assert waiting(hub) == [f"hang {number}" for number in range(PER_CONNECTION, PER_CONNECTION + 2)]
    put_aside(hub, "Good", "good")
    assert intake.parse_waiting(hub) == 1
    told.tell(hub)
    with hub.db.read() as session:
        bad = connections.find(session, slug).id
        assert session.get_one(ConnectionState, bad).hung == PER_CONNECTION
    hanging.go.set()
    for _ in range(PER_CONNECTION):
        assert hanging.ended.acquire(timeout=10)
    while hub.outward.hanging()[0].hung:
        threading.Event().wait(0.001)
    assert intake.parse_waiting(hub) == 2
    assert waiting(hub) == []
    assert len(put_back(hub)) == PER_CONNECTION


def test_what_is_deferred_is_parsed_as_it_came(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    slug = put_aside(hub, "Source")
    seen: list[Incoming] = []

    def parse(self: Echo, settings: Word, incoming: Incoming) -> Parsed:
        seen.append(incoming)
        return Parsed(unparsed=(Unparsed("odd", {"half": 1}),))

    monkeypatch.setattr(Echo, "parse", parse)
    with hub.db.write() as session:
        source = connections.find(session, slug)
        token = connections.new_token(session, HUB, source)
        connections.note_slow_parse(session, source.id, intake.SLOW_PAUSE, "It is slow.")
    secrets = dict.fromkeys(
        ("authorization", "cookie", "x-hub-signature-256", "x-api-key", "x-tool-token", "x-auth"),
        "in confidence",
    )
    headers = {"content-type": "text/x", "x-tool-event": "push", "x-event-key": "repo\x00\udcff"}
    came = Incoming(
        "PUT",
        "/deep/er",
        headers | secrets | {"authorization": f"Bearer {token}"},
        {"site": "K\x00ln", "token": "in confidence"},
        b"{}",
        clock.now(),
    )
    intake.receive(hub, intake.admit(hub, slug, came.headers), came)
    assert seen == []
    assert intake.parse_waiting(hub) == 1
    harmless = {"headers": headers, "query": {"site": "K\x00ln"}}
    assert seen == [replace(came, **harmless)]
    with hub.db.write() as session:
        [item] = quarantine.waiting(session, [QuarantineKind.ITEM])
        assert "in confidence" not in str(item.request)
        item.kind = QuarantineKind.AGAIN
    assert intake.parse_waiting(hub) == 1
    harmless["headers"] = headers | {"content-type": "application/json"}
    assert seen[1] == replace(came, body=b'{"half":1}', **harmless)
