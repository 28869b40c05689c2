"""Orders whose answer was lost: the team's tool is asked until it answers, and gets each of them once."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from order_scene import TeamScene, team_scene
from scene import Locked
from sqlalchemy.exc import OperationalError

from hub.domain import connections
from hub.domain.audit import HUB
from hub.domain.links import Link
from hub.domain.outbox import DeliveryState
from hub.flows import delivery
from hub.flows.runtime import Hub
from hub.testing.fixtures import MovingClock
from hub.testing.peers.recorder import Answer


@pytest.fixture
def it(hub: Hub, moving_clock: MovingClock) -> Iterator[TeamScene]:
    with team_scene(hub, moving_clock) as scene:
        yield scene


def test_a_tool_that_is_down_after_the_save_is_asked_until_it_answers(it: TeamScene) -> None:
    order_id = it.place()
    it.peer.respond = lambda request: _then_fail(it, request)
    delivery.run_due(it.hub)
    for answer in (Answer(503, headers={"Retry-After": "60"}), Answer(500), Answer(401)):
        it.peer.respond = lambda request, answer=answer: answer  # type: ignore[misc]
        it.clock.forward(timedelta(minutes=20))
        delivery.run_due(it.hub)
        assert it.deliveries("order.open")[0].state == DeliveryState.UNKNOWN
    _switch(it, enabled=False)
    it.clock.forward(timedelta(minutes=20))
    delivery.run_due(it.hub)
    assert it.deliveries("order.open")[0].state == DeliveryState.UNKNOWN
    _switch(it, enabled=True)
    it.peer.respond = it.rt
    it.clock.forward(timedelta(minutes=20))
    delivery.run_due(it.hub)
    [sent] = it.deliveries("order.open")
    assert (sent.state, sent.possible_repeat, len(it.rt.tickets)) == (DeliveryState.DONE, False, 1)
    assert [link.object_id for link in it.scene.all(Link)] == [order_id]


def test_a_busy_database_beside_a_lost_answer_does_not_hide_it(
    it: TeamScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    it.place()
    it.peer.respond = lambda request: _then_fail(it, request)
    with monkeypatch.context() as patch:
        patch.setattr(connections, "note_failure", _busy)
        delivery.run_due(it.hub)
    assert it.deliveries("order.open")[0].state == DeliveryState.UNKNOWN


def _busy(*given: object) -> None:
    raise OperationalError("UPDATE", {}, Locked())


def _then_fail(it: TeamScene, request: object) -> Answer:
    """Save, then answer 500; reading goes on working."""
    answer = it.rt(request)  # type: ignore[arg-type]
    return answer if request.method == "GET" else Answer(500)  # type: ignore[attr-defined]


def _switch(it: TeamScene, *, enabled: bool) -> None:
    with it.hub.db.write() as session:
        connection = connections.find(session, "noc-tickets")
        connections.change_connection(
            session, HUB, it.hub.registry, it.hub.keyring, connection, enabled=enabled
        )
