"""What presses most stands on top: what still needs a promise, then what was promised, then what waits."""

from datetime import timedelta

import pytest

from hub.base import clock
from hub.domain import access, cases
from hub.domain.accounts import Account
from hub.domain.audit import HUB
from hub.domain.cases import Case, NewCase
from hub.flows import desk
from hub.flows.runtime import Hub
from hub.testing.pages import Browser
from hub.testing.world import World

EFFECT = {"critical": ("high", "high"), "low": ("low", "low")}


@pytest.fixture
def opened(hub: Hub, world: World) -> list[str]:
    """Cases in the order in which they press; opened the other way round."""
    with hub.db.write() as session:
        account = session.get_one(Account, world.nordwind.account)
        viewer = access.viewer_of(session, world.kim)

        def add(priority: str) -> Case:
            impact, urgency = EFFECT[priority]
            new = NewCase(title="Line down", case_type="incident", impact=impact, urgency=urgency)
            return desk.open_case(session, viewer, account, new)

        theirs, late, soon, low, critical = (
            add(priority) for priority in ("critical", "low", "low", "low", "critical")
        )
        cases.wait(session, HUB, theirs, "customer")
        for case, minutes in ((soon, 67), (late, 300)):
            cases.set_next(session, HUB, case, "Splice", clock.now() + timedelta(minutes=minutes))
        return [case.number for case in (critical, low, soon, late, theirs)]


@pytest.mark.parametrize("place", ["/desk", "/desk/nordwind"])
def test_a_case_without_a_promise_stands_above_those_with_one(
    kim: Browser, opened: list[str], place: str
) -> None:
    page = kim.get(place).text.split("<h1", 1)[1]
    if place != "/desk":
        page = page.split("Open cases", 1)[1]
    assert sorted(opened, key=lambda number: page.index(f">{number}</a>")) == opened


def test_who_follows_the_responsible_is_read_at_once(kim: Browser) -> None:
    page = kim.get("/desk/nordwind").text.split("Responsible now", 1)[1]
    assert "then Dana Krause, deputy" in page.split('class="follows"', 1)[0]
