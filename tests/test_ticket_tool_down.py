"""A ticket tool that is down: its orders wait in their order, and the same account's mails go out."""

from datetime import timedelta

from imitated_rt import ImitatedRt
from mail_scene import mail_scene
from order_scene import SETTINGS
from sqlalchemy import select

from hub.base import clock
from hub.domain import connections, teams
from hub.domain.audit import HUB
from hub.domain.cases import Case
from hub.domain.outbox import Delivery
from hub.flows import desk
from hub.flows.runtime import Hub
from hub.testing.fixtures import MovingClock
from hub.testing.peers.recorder import Answer, recorder
from hub.testing.world import World


def test_orders_wait_in_their_order_and_mails_go_out(
    hub: Hub, world: World, moving_clock: MovingClock
) -> None:
    rt = ImitatedRt()
    with mail_scene(hub, world) as scene, recorder(rt) as peer:
        with hub.db.write() as session:
            settings = {**SETTINGS, "url": peer.url("").rstrip("/")}
            tool = connections.add_connection(
                *(session, HUB, hub.registry, hub.keyring, "request_tracker", "NOC", "team", settings),
                allowed_networks=["127.0.0.1"],
            )
            team = teams.add_team(session, HUB, "NOC", connection_id=tool.id, options={"queue": "NOC"})
            tool_id, team_id = tool.id, team.id
        peer.respond = lambda request: Answer(503)
        case_id, kim = scene.case(), scene.viewer(world.kim)
        with hub.db.write() as session:
            case = session.scalars(select(Case).where(Case.id == case_id)).one()
            order = desk.place_order(
                session, kim, case, session.get_one(teams.Team, team_id), "Splice", "At km 4"
            )
            for text in ("First word", "Second word"):
                desk.say_to_team(session, kim, order, text)
            soon = clock.now() + timedelta(hours=1)
            desk.publish_to_customer(
                session, kim, case, "A team is on its way.", next_step="Splicing", next_update_by=soon
            )
        scene.deliver()
        assert scene.sent_to() == [world.nordwind.login]
        assert (rt.tickets, waiting(hub, tool_id)) == ({}, 3)
        peer.respond = rt
        moving_clock.forward(timedelta(minutes=2))
        scene.deliver()
        assert waiting(hub, tool_id) == 0
        kinds = [transaction["Type"] for transaction in rt.transactions]
        assert kinds == ["Create", "Correspond", "Correspond"]
        said = [transaction["parts"][0][2] for transaction in rt.transactions[1:]]
        assert ["First word" in said[0], "Second word" in said[1]] == [True, True]
        assert scene.sent_to() == [world.nordwind.login]


def waiting(hub: Hub, tool_id: object) -> int:
    """How many deliveries to the tool are still to be made."""
    with hub.db.read() as session:
        rows = session.scalars(select(Delivery).where(Delivery.connection_id == tool_id))
        return sum(row.state != "done" for row in rows)
