"""What a connection may say of foreign objects: only of those that were linked and written over itself."""

import uuid
from collections.abc import Iterator

import pytest
from order_scene import TeamScene, team_scene

from hub.domain import connections, links
from hub.domain.audit import HUB
from hub.domain.links import Link
from hub.flows import sync
from hub.flows.runtime import Hub
from hub.plugin.contracts import ExternalUpdate
from hub.testing.fixtures import MovingClock

HASH = "6f" * 32


@pytest.fixture
def it(hub: Hub, moving_clock: MovingClock) -> Iterator[TeamScene]:
    with team_scene(hub, moving_clock) as scene:
        yield scene


def another(it: TeamScene) -> uuid.UUID:
    """A second connection to a tool of the same sort."""
    with it.hub.db.write() as session:
        return connections.add_connection(
            session,
            HUB,
            it.hub.registry,
            it.hub.keyring,
            "request_tracker",
            "Other tickets",
            "team",
            {"login": "hub", "token": "1-15-secret", "queue": "General", "url": it.peer.url("").rstrip("/")},
        ).id


def test_a_delivery_over_one_connection_is_not_adopted_over_another(it: TeamScene) -> None:
    it.place()
    [placed] = it.deliveries("order.open")
    carries = ExternalUpdate(
        "4711", "1", it.clock.now, "message", text="Mine now.", delivery_id=str(placed.id)
    )
    other = another(it)
    with it.hub.db.write() as session:
        configured = connections.by_id(session, other)
        assert configured is not None
        assert sync.apply(session, it.hub, configured, [carries]) == 0
    assert it.scene.all(Link) == []
    assert it.said() == []
    [(kept, _body)] = it.quarantined()
    assert (kept.connection_id, kept.subject) == (other, "4711: Mine now.")
    it.apply(carries)  # over its own connection it is
    assert [link.connection_id for link in it.scene.all(Link)] == [it.connection_id]


def test_what_they_wrote_is_never_taken_for_ours(it: TeamScene) -> None:
    with it.hub.db.write() as session:
        links.note_update(session, it.connection_id, "1", "7", links.THEIRS, content_hash=HASH)
        assert not links.we_wrote(session, it.connection_id, "1", HASH)
        links.note_update(session, it.connection_id, "1", "8", links.OURS, content_hash=HASH)
        assert links.we_wrote(session, it.connection_id, "1", HASH)


@pytest.mark.parametrize("content", [HASH, None])
def test_what_we_wrote_over_one_connection_is_not_ours_over_another(
    it: TeamScene, content: str | None
) -> None:
    other, delivery_id = another(it), uuid.uuid4()
    with it.hub.db.write() as session:
        links.note_ours(session, it.connection_id, "1", delivery_id, content)
        assert links.we_wrote(session, it.connection_id, "1", content, delivery_id)
        assert not links.we_wrote(session, other, "1", content, delivery_id)
        assert not links.we_wrote(session, it.connection_id, "2", content, delivery_id)
