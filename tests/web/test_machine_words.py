"""What pages say of what monitoring did: what it is about, and why."""

from datetime import timedelta

from hub.base import clock
from hub.domain import connections
from hub.domain.accounts import Account
from hub.domain.audit import HUB
from hub.flows import alarm
from hub.flows.runtime import Hub
from hub.plugin.contracts import SignalEvent
from hub.testing.pages import Browser, Shown
from hub.testing.world import World

OVER = "Monitoring reports that the fault is over."


def text(browser: Browser, address: str) -> str:
    return " ".join(Shown(browser.get(address).text).text.split())


def test_the_customer_reads_what_is_solved_and_why(
    kim: Browser, petra: Browser, hub: Hub, world: World
) -> None:
    begun = clock.now() - timedelta(hours=1)
    with hub.db.write() as session:
        session.get_one(Account, world.nordwind.account).share_severity = "critical"
        added = connections.add_connection(
            session, HUB, hub.registry, hub.keyring, "alertmanager", "Alerts", "own", {}
        )
        source = alarm.Source(added.id, added.name)

    def says(state: str, minutes: int, start: int = 0) -> None:
        since, at = begun + timedelta(minutes=start), begun + timedelta(minutes=minutes)
        names = (("circuit", "CIR-4711"),)
        event = SignalEvent("k", since, state, at, "critical", "critical", "Down", identifiers=names)  # type: ignore[arg-type]
        with hub.db.write() as session:
            alarm.sound(session, source, [event])

    says("firing", 0)
    says("clear", 5)
    [case] = {
        link
        for link in Shown(petra.get("/portal/nordwind").text).links
        if "/case/" in link and "#" not in link
    }
    number = case.rpartition("/")[2].partition("?")[0]
    assert f"{number} is solved: A fault on Nordwind line. {OVER}" in text(petra, "/portal/nordwind")
    confirm = text(petra, case).partition("Is it solved?")[2]
    assert confirm.startswith(f" {OVER} Yes, it is solved")
    assert (
        OVER in text(kim, f"/desk/nordwind/case/{number}").partition("waits for the customer's word")[2][:80]
    )
    says("firing", 10, start=10)
    again = f"{number} was reopened: A fault on Nordwind line. Monitoring reports a fault again."
    assert again in text(petra, "/portal/nordwind")
    says("clear", 15, start=10)
    says("firing", 10, start=10)
    assert "again after its end" in text(kim, "/desk/nordwind")
    assert "again after its end" not in text(petra, "/portal/nordwind")
