"""A line is said as its reader needs it: to the customer or about them, with a case's number or not."""

import re
from datetime import timedelta

import pytest
from sqlalchemy import select

from hub.base import clock
from hub.domain import access, cases, notices, people
from hub.domain.accounts import Account
from hub.domain.audit import HUB
from hub.domain.cases import Case, NewCase
from hub.domain.kinds import Kind
from hub.domain.timeline import ENTRIES
from hub.flows import desk
from hub.flows.runtime import Hub
from hub.testing.pages import Browser, Shown
from hub.testing.world import World


@pytest.fixture
def case(hub: Hub, world: World) -> Case:
    """A shared case on which Kim has written to the customer."""
    with hub.db.write() as session:
        account, kim = session.get_one(Account, world.nordwind.account), access.viewer_of(session, world.kim)
        made = cases.open_case(session, HUB, account, NewCase(title="Down", customer_title="Line down")).case
        cases.share(session, HUB, made)
        soon = clock.now() + timedelta(hours=1)
        desk.publish_to_customer(session, kim, made, "We splice.", next_step="Wait", next_update_by=soon)
        cases.wait(session, HUB, made, "customer")
        return made


def story(browser: Browser, address: str) -> str:
    """The text of the timeline alone."""
    page = browser.get(address).text.split('id="timeline"', 1)[1].split("</ol>", 1)[0]
    return " ".join(Shown(f"<ol {page}").text.split())


def test_what_is_for_the_customer_is_said_to_staff_about_them(
    kim: Browser, petra: Browser, case: Case
) -> None:
    ours, theirs = story(kim, "/desk/nordwind"), story(petra, "/portal/nordwind")
    assert f"{case.number} is shared with the customer: Line down." in ours
    assert "waiting for the customer's answer" in ours
    assert f"We opened {case.number} for you: Line down." in theirs
    assert "waiting for your answer" in theirs
    assert story(kim, "/desk/nordwind?lens=customer") == theirs
    for words in ("for you", "your answer"):
        assert words not in ours
    assert "the customer" not in theirs


def test_on_its_own_page_no_line_repeats_the_number(kim: Browser, petra: Browser, case: Case) -> None:
    ours = story(kim, f"/desk/nordwind/case/{case.number}?details=1")
    theirs = story(petra, f"/portal/nordwind/case/{case.number}")
    assert case.number not in ours
    assert case.number not in theirs
    assert "Opened: Down." in ours
    assert "Shared with the customer: Line down." in ours
    assert "We opened this case for you: Line down." in theirs


def test_under_what_was_said_staff_read_who_got_it(
    kim: Browser, petra: Browser, hub: Hub, world: World, case: Case
) -> None:
    page = f"/desk/nordwind/case/{case.number}"
    with hub.db.write() as session:
        query = select(ENTRIES.c.seq).where(ENTRIES.c.case_id == case.id, ENTRIES.c.kind == Kind.PUBLISHED)
        seq, noc = session.scalars(query).one(), people.add_person(session, HUB, "Nordwind NOC")
        told = [world.nordwind.person, noc.id]
        mail, _lost = notices.add(session, case.account_id, told, "x", case_id=case.id, entry_seq=seq)
        notices.delivered(session, case.account_id, mail)
    foot = r"mailed \d\d:\d\d to Petra Petersen · "
    for place in (page, "/desk/nordwind"):
        assert re.search(foot + "on its way to Nordwind NOC", story(kim, place))
        with clock.shifted(timedelta(minutes=20)):
            assert re.search(foot + "not delivered so far to Nordwind NOC", story(kim, place))
    for place in (f"/portal/nordwind/case/{case.number}", "/portal/nordwind"):
        assert "mailed" not in story(petra, place)
        assert "delivered" not in story(petra, place)
