"""Every page opens for the person it is for; no text that anyone typed ever becomes markup."""

from collections.abc import Callable
from datetime import timedelta
from urllib.parse import urldefrag

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from hub.base import clock
from hub.domain import access, accounts, connections, coverage, outbox, quarantine, teams
from hub.domain.attachments import Files, Upload
from hub.domain.audit import HUB
from hub.domain.outbox import DELIVERIES, DeliveryState
from hub.domain.quarantine import QuarantineKind
from hub.flows import alarm, desk, portal
from hub.flows.portal import Report
from hub.flows.runtime import Hub
from hub.plugin.contracts import SignalEvent
from hub.testing.pages import Browser, Shown
from hub.testing.world import World

Browse = Callable[..., Browser]
SCRIPT = "<script>alert('x')</script>"
MAIL = f"From: Eve <eve@else.example>\nSubject: {SCRIPT}\n\n{SCRIPT}".encode()
STARTS = {
    "kim@elbe.example": (
        "/desk",
        "/desk/nordwind",
        "/desk/nordwind?lens=customer&details=1",
        "/desk/queues/bodies",
    ),
    "rita@elbe.example": (
        "/admin",
        "/admin/people/new",
        "/admin/accounts/new",
        "/admin/teams/new",
        "/auth/me",
    ),
    "petra@nordwind.example": ("/portal?all=1", "/portal/nordwind", "/portal/nordwind/report/question"),
}


@pytest.fixture
def lively(hub: Hub, world: World) -> None:
    """Something of every kind, with script in every text that comes from outside."""
    with hub.db.write() as session:
        monitor = connections.add_connection(
            session,
            HUB,
            hub.registry,
            hub.keyring,
            "alertmanager",
            "Alertmanager",
            "own",
            {"identifiers": "circuit"},
        )
        source = alarm.Source(monitor.id, SCRIPT)
        alarm.sound(session, source, [_signal("k1", "circuit", "CIR-4711"), _signal("k2", "host", SCRIPT)])
        for kind, body in ((QuarantineKind.MAIL, MAIL), (QuarantineKind.BODY, SCRIPT.encode())):
            quarantine.keep(session, monitor.id, kind, SCRIPT, body, subject=SCRIPT, sender=SCRIPT)
        for number in range(2):
            _lost(session, world, number)
        day = timedelta(days=1)
        coverage.add_absence(session, HUB, world.dana, clock.now() + day, clock.now() + 2 * day, SCRIPT)
        nordwind = accounts.get_account(session, world.nordwind.account)
        accounts.add_site(session, HUB, nordwind, SCRIPT, address=SCRIPT)
        _talk(session, world)


def _signal(key: str, kind: str, name: str) -> SignalEvent:
    now = clock.now()
    return SignalEvent(
        key, now, "firing", now, "critical", SCRIPT, SCRIPT, SCRIPT, {"name": SCRIPT}, ((kind, name),)
    )


def _lost(session: Session, world: World, number: int) -> None:
    lost = outbox.put(session, "mail", {"n": number}, account_id=world.nordwind.account)
    gone = {"state": DeliveryState.FAILED, "last_error": SCRIPT, "finished_at": clock.now()}
    session.execute(update(DELIVERIES).where(DELIVERIES.c.id == lost).values(**gone))


def _talk(session: Session, world: World) -> None:
    """Petra reports; Kim orders, notes and answers; each with a file and with script in every word."""
    kim, petra = access.viewer_of(session, world.kim), access.viewer_of(session, world.nordwind.person)
    nordwind = accounts.get_account(session, world.nordwind.account)
    files = Files([Upload(f"{SCRIPT}.html", "text/html", SCRIPT.encode())])
    told = Report(title=SCRIPT, text=SCRIPT, customer_reference=SCRIPT, service_id=world.nordwind.service)
    case = portal.report(session, petra, nordwind, told, files=files)
    team = teams.add_team(session, HUB, SCRIPT, email="team@elbe.example")
    order = desk.place_order(session, kim, case, team, SCRIPT, SCRIPT)
    desk.order_said(session, HUB, order, SCRIPT, SCRIPT)
    desk.order_changed(session, HUB, order, None, SCRIPT, False)
    desk.note(session, kim, case, SCRIPT, files=files)
    soon = clock.now() + timedelta(hours=1)
    desk.publish_to_customer(session, kim, case, SCRIPT, next_step=SCRIPT, next_update_by=soon)
    done = portal.report(session, petra, nordwind, Report(title="Second", text=SCRIPT))
    desk.resolve_case(session, kim, done, SCRIPT)


def pages_from(browser: Browser, starts: tuple[str, ...]) -> dict[str, Shown]:
    """Every page that one can reach by links, and what it shows."""
    found: dict[str, Shown] = {}
    waiting = list(starts)
    while waiting:
        address = urldefrag(waiting.pop()).url
        if address in found or not address.startswith("/") or "/file/" in address or "?before" in address:
            continue
        answer = browser.get(address)
        assert answer.status_code in (200, 302), address
        found[address] = Shown(answer.text if answer.status_code == 200 else "")
        waiting += found[address].links
    return found


@pytest.mark.usefixtures("lively")
@pytest.mark.parametrize("login", STARTS)
def test_every_page_one_can_reach_opens_and_holds_no_markup_of_others(browse: Browse, login: str):
    found = pages_from(browse(login), STARTS[login])
    assert len(found) > 5
    for address, shown in found.items():
        check(address, shown)


def check(address: str, shown: Shown) -> None:
    """No script but ours, no inline style, every id once, every field with a label."""
    assert "<script>" not in shown.html, address
    assert len(shown.ids) == len(set(shown.ids)), address
    scripts = [given.get("src", "") for tag, given in shown.tags if tag == "script"]
    assert all(source.startswith("/static/") for source in scripts), address
    assert not any(
        "style" in given or any(name.startswith("on") for name in given) for _, given in shown.tags
    )
    labels = {given.get("for") for tag, given in shown.tags if tag == "label"}
    for tag, given in shown.tags:
        if tag in ("textarea", "select") or (
            tag == "input" and given.get("type") in ("text", "email", "password")
        ):
            assert given.get("id") in labels, f"{address}: {given}"


@pytest.mark.usefixtures("lively")
def test_files_are_downloads_and_never_pages(kim: Browser, petra: Browser):
    for browser, page in ((kim, "/desk/nordwind"), (petra, "/portal/nordwind")):
        links = [link for link in Shown(browser.get(page).text).links if "/file/" in link]
        assert links
        answer = browser.get(links[0])
        assert answer.status_code == 200
        assert answer.headers["Content-Disposition"].startswith("attachment; filename=")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "sandbox" in answer.headers["Content-Security-Policy"]
        assert answer.mimetype == "application/octet-stream"


@pytest.mark.usefixtures("lively")
def test_a_staff_file_is_no_file_for_the_customer(kim: Browser, petra: Browser):
    ours = {
        link.rsplit("/", 1)[1] for link in Shown(kim.get("/desk/nordwind").text).links if "/file/" in link
    }
    theirs = {
        link.rsplit("/", 1)[1] for link in Shown(petra.get("/portal/nordwind").text).links if "/file/" in link
    }
    assert theirs < ours
    for only_ours in ours - theirs:
        assert petra.get(f"/portal/nordwind/file/{only_ours}").status_code == 404


@pytest.mark.usefixtures("lively")
def test_the_portal_never_shows_one_of_us_by_name(petra: Browser, hub: Hub):
    found = pages_from(petra, STARTS["petra@nordwind.example"])
    assert len(found) > 5
    for shown in found.values():
        for word in ("Kim Brandt", "Dana Krause", "Rita Okafor", "WO-1", "kim@elbe.example"):
            assert word not in shown.html
