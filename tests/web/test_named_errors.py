"""The head of a form says which field each complaint is about, as the field itself is called."""

import re

import pytest
from flask import Flask

from hub.domain import access, cases
from hub.domain.accounts import Account
from hub.domain.audit import HUB
from hub.domain.cases import NewCase
from hub.flows import desk
from hub.flows.runtime import Hub
from hub.testing.pages import Browser
from hub.testing.world import World
from hub.web.filters import labelled


def _head(page: str) -> str:
    return page.split("error-summary", 1)[1].split("</ul>", 1)[0]


@pytest.mark.parametrize("kind", ["problem", "request", "question"])
def test_a_report_names_each_field_that_is_missing(petra: Browser, kind: str) -> None:
    refused = petra.post(f"/portal/nordwind/report/{kind}", {"title": "", "text": ""})
    assert refused.status_code == 422
    head = _head(refused.text)
    assert 'href="#text">Tell us more: ' in head
    assert "in a few words" in head.split('href="#title">', 1)[1]


def test_a_move_of_a_case_names_each_field_that_is_missing(kim: Browser, hub: Hub, world: World) -> None:
    with hub.db.write() as session:
        account = session.get_one(Account, world.nordwind.account)
        number = cases.open_case(session, HUB, account, NewCase(title="Line down")).case.number
    where = f"/desk/nordwind/case/{number}"
    refused = kim.post(f"{where}/next", {"next_step": "", "next_update_by": ""})
    assert refused.status_code == 422
    head = _head(refused.text)
    assert 'href="#next-next_step">Next step, as the customer reads it: ' in head
    assert 'href="#next-next_update_by">Next update by: ' in head


def test_a_question_takes_no_colon() -> None:
    assert labelled("Please fill this in.", "Name") == "Name: Please fill this in."
    assert labelled("Please fill this in.", "What is it?") == "What is it? Please fill this in."


def test_a_secret_that_is_not_sent_back_is_asked_for_again(rita: Browser) -> None:
    typed = {"name": "Alarms", "side": "own", "severities": "P1", "api_token": "secret1"}
    refused = rita.post("/admin/connections/new/alertmanager", typed)
    assert refused.status_code == 422
    assert "secret1" not in refused.text
    beside = refused.text.split('id="connection-api_token"', 1)[1].split("</div></div>", 1)[0]
    assert "Please enter it again." in beside
    words = refused.text.split('id="connection-severities-error"', 1)[1].split("</div>", 1)[0]
    assert "P1" in words
    assert "word = level" in words
    without = rita.post("/admin/connections/new/alertmanager", {**typed, "api_token": ""})
    assert "Please enter it again." not in without.text


def test_all_that_an_answer_lacks_is_told_at_once(kim: Browser, hub: Hub, world: World) -> None:
    with hub.db.write() as session:
        account = session.get_one(Account, world.nordwind.account)
        new = NewCase(title="Line down", customer_title="Line down")
        case = desk.open_case(session, access.viewer_of(session, world.kim), account, new, share=True)
    to = f"/desk/nordwind/case/{case.number}/write/answer"
    empty = kim.post(to, {"body": "", "next_step": "", "next_update_by": ""})
    wrong = kim.post(to, {"body": "", "next_step": "x" * 201, "next_update_by": "2020-01-01T10:00"})
    for refused in (empty, wrong):
        assert refused.status_code == 422
        for field in ("body", "next_step", "next_update_by"):
            assert f'id="{field}-error"' in refused.text


def _wrong(page: str) -> set[str]:
    return set(re.findall(r'id="([a-z]+-[a-z_]+)-error"', page))


def test_all_that_a_connection_lacks_is_told_at_once(rita: Browser) -> None:
    typed = {"name": "", "side": "own", "severities": "P1", "allowed_networks": "office\n10.1.0.0/16"}
    refused = rita.post("/admin/connections/new/alertmanager", typed)
    assert refused.status_code == 422
    assert _wrong(refused.text) == {
        f"connection-{name}" for name in ("name", "severities", "allowed_networks")
    }
    assert "office is no network" in refused.text
    wrong = {**typed, "name": "Fibre", "status_map": "resolved", "severities": "P1 = critical"}
    assert "one of the states" in rita.post("/admin/connections/new/request_tracker", wrong).text


def test_all_that_a_kept_connection_lacks_is_told_at_once(rita: Browser) -> None:
    made = rita.post("/admin/connections/new/alertmanager", {"name": "Alarms", "side": "own"})
    assert made.status_code in (200, 303)
    refused = rita.post("/admin/connections/alarms", {"name": "", "severities": "P1", "body_limit": "much"})
    assert refused.status_code == 422
    assert _wrong(refused.text) == {f"settings-{name}" for name in ("name", "severities", "body_limit")}


def test_all_that_a_new_account_lacks_is_told_at_once(rita: Browser) -> None:
    typed = {"name": "", "prefix": "1", "language": "en", "zone": "Mars", "alert_threshold": "major"}
    reach = {"reach_phone": "call me", "reach_email": "anna at example"}
    refused = rita.post("/admin/accounts/new", {**typed, **reach})
    assert refused.status_code == 422
    fields = ("name", "prefix", "zone", "reach_phone", "reach_email")
    assert _wrong(refused.text) == {f"account-{name}" for name in fields}


def test_signing_in_names_what_is_missing(app: Flask) -> None:
    visitor = Browser(app)
    head = _head(visitor.post("/auth/login", {"login": "", "password": ""}, page="/auth/login").text)
    assert "Mail address or sign-in name: " in head
    assert "Password: " in head
