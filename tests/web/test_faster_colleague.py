"""Somebody else was faster: the form one sent is not on the page any more, its words must be."""

from collections.abc import Mapping

import pytest

from hub.domain import access, cases, teams
from hub.domain.accounts import Account
from hub.domain.audit import HUB
from hub.domain.cases import Case, NewCase
from hub.flows import desk
from hub.flows.runtime import Hub
from hub.testing.pages import Browser, Shown
from hub.testing.world import World

TYPED = "The splice at kilometre four is wet & dark."
UPDATE = {"next_step": "Dry it", "next_update_by": "2030-01-01T10:00"}
ENDED = "Reopen it first"


@pytest.fixture
def case(hub: Hub, world: World) -> Case:
    with hub.db.write() as session:
        account = session.get_one(Account, world.nordwind.account)
        new = NewCase(title="Line down", case_type="incident", customer_title="Line down")
        return desk.open_case(session, access.viewer_of(session, world.kim), account, new, share=True)


def notice_of(shown: str) -> str:
    """The one message about what was sent, at the head of the page."""
    assert shown.count("error-summary") == 1
    return Shown(shown.split("error-summary", 1)[1].split("<h1", 1)[0]).text


@pytest.mark.parametrize(
    ("verb", "sent", "word"),
    [
        ("resolve", {"solution": TYPED}, ENDED),
        ("cancel", {"reason": TYPED}, ENDED),
        ("next", {"next_step": TYPED, "next_update_by": "2030-01-01T10:00"}, ENDED),
        ("write/answer", {"body": TYPED, **UPDATE}, "Take it up again"),
    ],
)
def test_what_a_colleague_made_impossible_is_told_with_what_was_typed(
    kim: Browser, rita: Browser, case: Case, verb: str, sent: Mapping[str, str], word: str
) -> None:
    address = f"/desk/nordwind/case/{case.number}"
    assert rita.post(f"{address}/resolve", {"solution": "Spliced."}).status_code == 303
    refused = kim.post(f"{address}/{verb}", sent)
    assert refused.status_code == 422
    told = notice_of(refused.text)
    assert word in told
    assert TYPED in told
    assert "error-summary" not in kim.get(address).text


@pytest.mark.parametrize(("verb", "sent"), [("confirm", {}), ("reopen", {"reason": TYPED})])
def test_a_customer_reads_why_and_keeps_their_words(
    kim: Browser, petra: Browser, case: Case, verb: str, sent: Mapping[str, str]
) -> None:
    address = f"/desk/nordwind/case/{case.number}"
    assert kim.post(f"{address}/resolve", {"solution": "Spliced."}).status_code == 303
    assert kim.post(f"{address}/close").status_code == 303
    refused = petra.post(f"/portal/nordwind/case/{case.number}/{verb}", sent)
    assert refused.status_code == 422
    told = notice_of(refused.text)
    assert "closed for good" in told
    assert not sent or TYPED in told


def test_a_form_that_is_there_tells_its_errors_itself_and_once(kim: Browser, case: Case) -> None:
    shown = kim.post(f"/desk/nordwind/case/{case.number}/resolve", {"solution": ""}).text
    assert shown.count("error-summary") == 1
    assert 'href="#resolve-solution"' in shown
    assert "This was not done" not in shown


def test_an_answer_to_a_case_that_ended_is_kept_on_the_page_of_the_account(
    kim: Browser, rita: Browser, case: Case
) -> None:
    assert (
        rita.post(f"/desk/nordwind/case/{case.number}/resolve", {"solution": "Spliced."}).status_code == 303
    )
    sent = {"case": case.number, "body": TYPED, **UPDATE}
    refused = kim.post("/desk/nordwind/write/answer", sent)
    assert refused.status_code == 422
    assert TYPED in notice_of(refused.text)


def test_a_word_to_a_team_that_is_missing_leads_to_its_field(
    hub: Hub, world: World, kim: Browser, case: Case
) -> None:
    with hub.db.write() as session:
        team = teams.add_team(session, HUB, "Fibre", email="fibre@elbe.example")
        viewer = access.viewer_of(session, world.kim)
        found = cases.find(session, viewer, "staff", case.number)
        order = desk.place_order(session, viewer, found, team, "Splice", "Kilometre four")
        number = order.number
    shown = kim.post(f"/desk/nordwind/order/{number}/say", {"text": ""}).text
    assert f'href="#say-{number}-text"' in shown
    assert f'id="say-{number}-text"' in shown
