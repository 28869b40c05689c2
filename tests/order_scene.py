"""A team behind an imitated Request Tracker, for the rules of orders and sync."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import case_scene
from case_scene import Scene
from imitated_rt import ImitatedRt
from sqlalchemy import select

from hub.domain import connections, teams, workorders
from hub.domain.audit import HUB
from hub.domain.cases import Case
from hub.domain.connections import Configured
from hub.domain.outbox import Delivery
from hub.domain.people import StaffMember
from hub.domain.quarantine import Quarantined
from hub.domain.timeline import Entry
from hub.domain.workorders import WorkOrder
from hub.flows import delivery, desk, sync
from hub.flows.runtime import Hub
from hub.plugin.contracts import ExternalUpdate
from hub.testing.fixtures import MovingClock
from hub.testing.peers.recorder import Recorder, recorder

SETTINGS = {"login": "hub", "token": "1-14-secret", "queue": "General"}


@dataclass
class TeamScene:
    """The hub, its people, and the team's tool."""

    hub: Hub
    scene: Scene
    clock: MovingClock
    rt: ImitatedRt
    peer: Recorder
    connection_id: uuid.UUID
    token: str

    def place(self, title: str = "Splice", text: str = "At km 4") -> uuid.UUID:
        """Jonas places an order with the team; it is still to be delivered."""
        case_id = case_scene.opened(self.scene, shared=True)
        with self.scene.acting("Jonas Weber") as (session, viewer):
            case = session.get_one(Case, (self.scene.ids["nordwind"], case_id))
            team = teams.find(session, "noc")
            return desk.place_order(session, viewer, case, team, title, text).id

    def opened(self) -> uuid.UUID:
        """An order that stands in the team's tool as ticket 1."""
        order_id = self.place()
        delivery.run_due(self.hub)
        return order_id

    def say(self, order_id: uuid.UUID | str, text: str) -> None:
        with self.scene.acting("Jonas Weber") as (session, viewer):
            desk.say_to_team(session, viewer, self.order(order_id, session), text)

    def cancel(self, order_id: uuid.UUID | str, reason: str) -> None:
        with self.scene.acting("Jonas Weber") as (session, viewer):
            desk.cancel_order(session, viewer, self.order(order_id, session), reason)

    def order(self, order_id: uuid.UUID | str, session: Any = None) -> WorkOrder:
        order_id = uuid.UUID(str(order_id))
        if session is not None:
            found = workorders.get_order(session, order_id)
            assert found is not None
            return found
        (row,) = self.scene.all(WorkOrder, WorkOrder.id == order_id)
        return row  # type: ignore[no-any-return]

    def pull(self) -> bool:
        """Read what is new, after the pause between two polls."""
        self.clock.forward(timedelta(minutes=3))
        return sync.pull_connection(self.hub, self.connection_id)

    def apply(self, *updates: ExternalUpdate) -> int:
        with self.hub.db.write() as session:
            return sync.apply(session, self.hub, self.configured(), updates)

    def configured(self) -> Configured:
        with self.hub.db.read() as session:
            found = connections.by_id(session, self.connection_id)
        assert found is not None
        return found

    def said(self) -> list[tuple[str, str | None]]:
        """(who, what) of every message of the team on our timeline."""
        entries = [entry for entry in self.scene.entries() if entry.kind == "order.message"]
        return [(entry.actor_name, entry.body) for entry in entries if entry.direction == "in"]

    def deliveries(self, kind: str) -> list[Delivery]:
        return sorted(self.scene.all(Delivery, Delivery.kind == kind), key=lambda row: row.id)

    def quarantined(self) -> list[tuple[Quarantined, bytes]]:
        with self.hub.db.read() as session:
            return [(kept, kept.body or b"") for kept in session.scalars(select(Quarantined))]

    def entries(self, kind: str) -> list[Entry]:
        return [entry for entry in self.scene.entries() if entry.kind == kind]


@contextmanager
def team_scene(hub: Hub, moving_clock: MovingClock, token: str = SETTINGS["token"]) -> Iterator[TeamScene]:
    """Everything, with the team `NOC` behind the tool."""
    scene, rt = case_scene.build(hub.db), ImitatedRt()
    with recorder(rt) as peer, hub.db.write() as session:
        session.add(StaffMember(person_id=scene.ids["Mila Novak"], role="admin"))
        connection = connections.add_connection(
            session,
            HUB,
            hub.registry,
            hub.keyring,
            "request_tracker",
            "NOC tickets",
            "team",
            {**SETTINGS, "url": peer.url("").rstrip("/"), "token": token},
            allowed_networks=["127.0.0.1"],
        )
        bearer = connections.new_token(session, HUB, connection)
        teams.add_team(session, HUB, "NOC", connection_id=connection.id, options={"queue": "NOC"})
        session.commit()
        yield TeamScene(hub, scene, moving_clock, rt, peer, connection.id, bearer)
