"""An entry is put right or emptied by a lead or an administrator, with a reason; the line itself stays."""

import uuid

import pytest
from sqlalchemy import select

from hub.domain import access
from hub.domain.accounts import Account
from hub.domain.attachments import Files, Upload
from hub.domain.cases import NewCase
from hub.domain.timeline import Entry
from hub.flows import desk, portal
from hub.flows.runtime import Hub
from hub.testing.pages import Browser, Shown
from hub.testing.world import World

SECRET = "My passport number is C01X00T47."


@pytest.fixture
def said(hub: Hub, world: World) -> int:
    """The position of what Petra wrote about a shared case."""
    with hub.db.write() as session:
        kim = access.viewer_of(session, world.kim)
        account = session.get_one(Account, world.nordwind.account)
        new = NewCase(title="Line down", case_type="incident", customer_title="Line down")
        case = desk.open_case(session, kim, account, new, share=True)
        files = Files((Upload("passport.txt", "text/plain", b"C01X00T47"),))
        portal.answer(session, access.viewer_of(session, world.nordwind.person), case, SECRET, files=files)
    return _entry(hub, world.nordwind.account, Entry.body == SECRET).seq


def _entry(hub: Hub, account: uuid.UUID, *conditions: object) -> Entry:
    with hub.db.read() as session:
        query = select(Entry).where(Entry.account_id == account, *conditions).order_by(Entry.seq.desc())
        return session.scalars(query.limit(1)).one()


def test_a_lead_erases_an_entry_and_says_why(
    rita: Browser, petra: Browser, hub: Hub, world: World, said: int
) -> None:
    address = f"/desk/nordwind/entry/{said}"
    assert address in rita.get("/desk/nordwind?details=1").text
    assert SECRET in rita.get(address).text
    silent = rita.post(f"{address}/erase", {"why": ""})
    assert silent.status_code == 422
    assert "Please fill this in." in silent.text
    assert SECRET in petra.get("/portal/nordwind?details=1").text
    assert rita.post(f"{address}/erase", {"why": "She asked for it."}).status_code == 303
    for page in (
        rita.get("/desk/nordwind?details=1"),
        petra.get("/portal/nordwind?details=1"),
        rita.get(address),
    ):
        assert SECRET not in page.text
    line = _entry(hub, world.nordwind.account)
    assert (line.kind, line.source_seq, line.data["why"]) == ("entry.erased", said, "She asked for it.")
    again = rita.post(f"{address}/erase", {"why": "Once more."})
    assert again.status_code == 422
    assert "This entry was erased already." in again.text


def test_a_file_that_was_erased_is_offered_no_more(rita: Browser, petra: Browser, said: int) -> None:
    pages = ((rita, "/desk/nordwind?details=1"), (petra, "/portal/nordwind?details=1"))
    for browser, page in pages:
        assert "passport.txt" in browser.get(page).text
    rita.post(f"/desk/nordwind/entry/{said}/erase", {"why": "She asked for it."})
    for browser, page in pages:
        assert not [link for link in Shown(browser.get(page).text).links if "/file/" in link]


def test_a_correction_reaches_the_same_readers_and_changes_nothing(
    rita: Browser, petra: Browser, hub: Hub, world: World, said: int
) -> None:
    address = f"/desk/nordwind/entry/{said}"
    assert rita.post(f"{address}/correct", {"what": "It was the red cable."}).status_code == 303
    page = petra.get("/portal/nordwind?details=1").text
    assert "It was the red cable." in page
    assert SECRET in page
    line = _entry(hub, world.nordwind.account)
    assert (line.kind, line.source_seq, line.audience) == ("entry.corrected", said, "customer")


@pytest.mark.parametrize("verb", ["erase", "correct"])
def test_contacts_do_not_mend_what_stands(kim: Browser, said: int, verb: str) -> None:
    address = f"/desk/nordwind/entry/{said}"
    assert address not in kim.get("/desk/nordwind?details=1").text
    assert kim.get(address).status_code == 403
    assert kim.post(f"{address}/{verb}", {"why": "x", "what": "x"}).status_code == 403


def test_there_is_no_page_of_an_entry_that_is_not_there(rita: Browser, said: int) -> None:
    for seq in (0, said + 500, 2**63 - 1):
        assert rita.get(f"/desk/nordwind/entry/{seq}").status_code == 404
        assert rita.post(f"/desk/nordwind/entry/{seq}/correct", {"what": "x"}).status_code == 404
    assert rita.get("/desk/bolt/entry/1").status_code == 200


def test_the_link_stands_on_the_case_too(rita: Browser, said: int) -> None:
    pages = [link for link in Shown(rita.get("/desk/nordwind").text).links if "/case/" in link]
    assert f"/desk/nordwind/entry/{said}" in rita.get(pages[0].split("#")[0]).text


@pytest.mark.parametrize("asked", ["before", "after", "open"])
def test_a_position_beyond_every_timeline_is_no_failure(rita: Browser, said: int, asked: str) -> None:
    for position in (2**31, 2**63, 10**18):
        assert rita.get(f"/desk/nordwind?{asked}={position}").status_code == 200
