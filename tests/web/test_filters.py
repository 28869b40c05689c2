"""What a reader chooses of a timeline is there."""

import scene
from sqlalchemy import select

from hub.domain.accounts.identified import IDENTIFIERS
from hub.flows import alarm
from hub.flows.runtime import Hub
from hub.testing.pages import Browser
from hub.testing.world import World


def test_alerts_are_found_by_their_filter(kim: Browser, hub: Hub, world: World) -> None:
    with hub.db.write() as session:
        source = alarm.Source(scene.connection(session), "Alertmanager")
        known = select(IDENTIFIERS.c.kind, IDENTIFIERS.c.value)
        name = session.execute(known.where(IDENTIFIERS.c.service_id == world.nordwind.service)).first()
    with hub.db.write() as session:
        alarm.sound(
            session, source, [scene.event(identifiers=(tuple(name or ()),), title="LinkDown on port 7")]
        )
    alerts = kim.get("/desk/nordwind?show=alerts").text
    assert "LinkDown on port 7" in alerts.split('id="timeline"', 1)[1]
    assert 'href="/desk/nordwind#timeline">Headlines only' in alerts
    headlines = kim.get("/desk/nordwind").text
    assert 'href="/desk/nordwind?details=1#timeline">With all details' in headlines
