"""Asking for news: whatever breaks on the way is seen, and one bad object holds up nothing but itself."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import case_scene
import pytest
from order_scene import TeamScene, team_scene
from scene import Locked
from sqlalchemy import event
from sqlalchemy.exc import OperationalError
from structlog.testing import capture_logs

from hub.base.errors import Conflict, Unavailable
from hub.domain import cases, connections, teams
from hub.domain.accounts import Account
from hub.domain.cases import Case, NewCase
from hub.domain.links import Link
from hub.flows import delivery, desk, polling
from hub.flows.runtime import Hub
from hub.plugin.contracts import ExternalUpdate, content_hash
from hub.testing.fixtures import MovingClock

AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


@dataclass
class Page:
    cursor: str = "2"


@pytest.fixture
def it(hub: Hub, moving_clock: MovingClock) -> Iterator[TeamScene]:
    with team_scene(hub, moving_clock) as scene:
        yield scene


def message(number: int, text: str, ticket: str = "1", **more: Any) -> ExternalUpdate:
    given = {"author": "anna", "audience": "customer", "origin_hash": content_hash(text)} | more
    return ExternalUpdate(ticket, str(number), AT, "message", text=text, **given)


def poll(it: TeamScene, settle: Any = lambda *given: None, ask: Any = lambda *given: Page()) -> bool:
    return polling.poll(it.hub, it.connection_id, ask, settle)


def failing(error: Exception) -> Any:
    def fail(*given: Any, **more: Any) -> Any:
        raise error

    return fail


class TestPolling:
    @pytest.mark.parametrize("phase", ["ask", "settle"])
    @pytest.mark.parametrize(
        ("error", "told"),
        [(KeyError("hidden words"), "KeyError"), (Conflict("It is taken."), "It is taken.")],
    )
    def test_what_breaks_shows_on_the_health_page(
        self, it: TeamScene, phase: str, error: Exception, told: str
    ) -> None:
        with capture_logs() as logs:
            assert poll(it, **{phase: failing(error)})
        now = it.configured()
        assert (now.failures, now.cursor) == (1, None)
        with it.hub.db.read() as session:
            [noted] = connections.events(session, it.connection_id)
        assert told in noted.sentence
        assert "hidden words" not in str(logs) + noted.sentence
        broke = [line["frames"][-1].rpartition(" ")[2] for line in logs if line["event"] == "poll.broke"]
        assert broke == ([] if isinstance(error, Conflict) else ["fail"])

    def test_it_is_asked_again_at_once_afterwards(self, it: TeamScene) -> None:
        poll(it, settle=failing(KeyError("x")))
        assert poll(it)
        assert (it.configured().failures, it.configured().cursor) == (0, "2")

    def test_a_busy_database_is_no_fault_of_the_far_side(self, it: TeamScene) -> None:
        with pytest.raises(Unavailable):
            poll(it, settle=failing(OperationalError("UPDATE", {}, Locked())))
        assert it.configured().failures == 0
        it.clock.forward(polling.LEASE + timedelta(seconds=1))
        assert poll(it)


class TestOneBadObject:
    def test_a_second_ticket_for_one_order_holds_up_nothing(self, it: TeamScene) -> None:
        it.opened()
        [sent] = it.deliveries("order.open")
        bad = message(3, "Me too.", ticket="0", delivery_id=str(sent.id))
        assert it.apply(bad, message(4, "On our way.")) == 1
        assert it.said() == [("anna", "On our way.")]
        [(kept, body)] = it.quarantined()
        assert "linked to something else" in kept.reason
        assert b"Me too." in body

    def test_what_nobody_foresaw_holds_up_nothing(
        self, it: TeamScene, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        it.opened()
        said = desk.order_said

        def break_on_poison(*given: Any, **more: Any) -> Any:
            if "poison" in given:
                raise KeyError("x")
            return said(*given, **more)

        second = _second_ticket(it)
        monkeypatch.setattr(desk, "order_said", break_on_poison)
        with capture_logs() as logs:
            it.apply(message(5, "poison"), message(6, "Fine.", ticket=second))
        assert it.said() == [("anna", "Fine.")]
        assert "KeyError" in it.quarantined()[0][0].reason
        [broke] = [line for line in logs if line["event"] == "sync.broke"]
        assert broke["frames"][-1].endswith(" in break_on_poison")

    def test_a_busy_database_is_not_the_objects_fault(
        self, it: TeamScene, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        it.opened()
        busy = OperationalError("INSERT", {}, Locked())
        monkeypatch.setattr(desk, "order_said", failing(busy))
        with pytest.raises(Unavailable):
            it.apply(message(5, "Fine."))
        assert it.quarantined() == []


class TestLocks:
    """Law 3: signals, heads in ascending order and all at once, cases; states of connections after them."""

    def test_adopting_locks_no_head_before_the_others(self, it: TeamScene) -> None:
        it.opened()
        adopted = _lost_order(it, "suedwerk")
        statements = _watched(it)
        it.apply(adopted, message(8, "Here too."))
        assert {link.external_id for link in it.scene.all(Link)} == {"0", "1"}
        [locks, *_] = [given for text, given in statements if "ORDER BY account_heads.account_id" in text]
        for account in ("nordwind", "suedwerk"):
            assert str(it.scene.ids[account]) in str(locks)

    def test_a_poll_notes_its_end_after_what_it_brought(self, it: TeamScene) -> None:
        it.opened()
        it.rt.say(1, "Hello.")
        it.clock.forward(timedelta(minutes=3))
        statements = [text for text, given in _watched_while(it, lambda: it.pull())]
        locked = max(n for n, text in enumerate(statements) if "ORDER BY account_heads.account_id" in text)
        ended = [n for n, text in enumerate(statements) if text.startswith("UPDATE connection_states")]
        too_early = [n for n in ended[1:] if n < locked]  # the first claims the poll
        assert too_early == []


def _second_ticket(it: TeamScene) -> str:
    it.place("Splice again")
    delivery.run_due(it.hub)
    return "2"


def _lost_order(it: TeamScene, account: str) -> ExternalUpdate:
    """News of a ticket of another account whose making was never answered."""
    with it.hub.db.write() as session:
        actor = case_scene.jonas(it.scene)
        home = session.get_one(Account, it.scene.ids[account])
        case = cases.open_case(session, actor, home, NewCase(title="Loss", text="Flaps")).case
        case_id = case.id
    with it.scene.acting("Jonas Weber") as (session, viewer):
        case = session.get_one(Case, (it.scene.ids[account], case_id))
        desk.place_order(session, viewer, case, teams.find(session, "noc"), "Splice", "At km 4")
    return message(7, "Whose is this?", ticket="0", delivery_id=str(it.deliveries("order.open")[-1].id))


def _watched(it: TeamScene) -> list[tuple[str, Any]]:
    statements: list[tuple[str, Any]] = []

    def note(connection: Any, cursor: Any, statement: str, parameters: Any, *rest: Any) -> None:
        statements.append((statement, parameters))

    event.listen(it.hub.db.engine, "before_cursor_execute", note)
    return statements


def _watched_while(it: TeamScene, act: Any) -> list[tuple[str, Any]]:
    statements = _watched(it)
    act()
    return list(statements)
