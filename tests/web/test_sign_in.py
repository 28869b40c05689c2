"""Signing in: passwords, cookies, sessions that end, tries that are counted."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from argon2 import PasswordHasher
from flask import Flask
from sqlalchemy import select
from werkzeug.test import TestResponse

from hub.app import create_app, create_hub
from hub.domain import accounts, audit
from hub.domain.audit import HUB, AuditLine
from hub.flows.runtime import Hub
from hub.testing.fixtures import MovingClock
from hub.testing.pages import Browser, Shown
from hub.testing.world import PASSWORD, World

KIM = "kim@elbe.example"
HERE = "127.0.0.1"
Browse = Callable[..., Browser]


def test_everyone_lands_at_their_place(browse: Browse, world: World):
    assert browse(KIM).get("/").headers["Location"] == "/desk"
    assert browse(world.nordwind.login).get("/").headers["Location"] == "/portal"


def test_a_wrong_password_and_an_unknown_name_get_the_same_answer(browse: Browse, hub: Hub):
    browser = browse()
    wrong = browser.sign_in(KIM, "not this one")
    unknown = browser.sign_in("nobody@elbe.example", "not this one")
    assert wrong.status_code == unknown.status_code == 422
    assert "The name or the password is not right." in wrong.text
    assert "The name or the password is not right." in unknown.text
    assert browser.get("/desk").status_code == 302
    with hub.db.read() as session:
        refusals = list(session.scalars(select(AuditLine).where(AuditLine.action == "sign-in.refused")))
    assert len(refusals) == 2
    assert not any("not this one" in f"{line.sentence}{line.data}" for line in refusals)


def test_the_cookie_is_kept_from_scripts_and_other_sites(browse: Browse):
    cookie = next(
        c for c in browse().sign_in(KIM, PASSWORD).headers.getlist("Set-Cookie") if c.startswith("hub=")
    )
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Path=/" in cookie


def test_over_https_the_cookie_is_bound_to_this_host(hub: Hub, world: World):
    secure = create_hub(replace(hub.settings, secure_cookies=True))
    browser = Browser(create_app(secure))
    https = {"base_url": "https://hub.example.net"}
    page = browser.client.get("/auth/login", **https)
    token = page.text.split('name="csrf_token" value="')[1].split('"')[0]
    data = {"csrf_token": token, "login": KIM, "password": PASSWORD}
    answer = browser.client.post("/auth/login", data=data, **https)
    cookie = next(c for c in answer.headers.getlist("Set-Cookie") if c.startswith("__Host-hub="))
    assert "Secure" in cookie
    assert "Domain" not in cookie
    assert "max-age=31536000" in answer.headers["Strict-Transport-Security"]
    secure.close()


def test_signing_in_again_makes_the_old_session_worthless(app: Flask, browse: Browse):
    browser = browse(KIM)
    old = browser.client.get_cookie("hub")
    assert old is not None
    browser.sign_in(KIM, PASSWORD)
    thief = Browser(app)
    thief.client.set_cookie("hub", old.value)
    assert thief.get("/desk").status_code == 302


def test_signing_out_ends_the_session_on_our_side(app: Flask, browse: Browse):
    browser = browse(KIM)
    kept = browser.client.get_cookie("hub")
    assert kept is not None
    assert browser.post("/auth/logout").status_code == 303
    thief = Browser(app)
    thief.client.set_cookie("hub", kept.value)
    assert thief.get("/desk").headers["Location"].startswith("/auth/login")


def test_an_expired_session_leads_back_to_the_page_one_was_on(moving_clock: MovingClock, browse: Browse):
    browser = browse(KIM)
    assert browser.get("/desk").status_code == 200
    moving_clock.forward(timedelta(hours=13))
    asked = browser.get("/desk/nordwind?compose=note")
    assert asked.headers["Location"] == "/auth/login?next=/desk/nordwind?compose%3Dnote"
    page = {"Referer": "http://localhost/desk/nordwind?compose=note"}
    sent = browser.client.post("/desk/nordwind/write/note", data={"body": " "}, headers=page)
    assert sent.headers["Location"] == "/auth/login?next=/desk/nordwind?compose%3Dnote"
    typed = {"body": "half a <novel>", "api_token": "a secret"}
    refused = browser.client.post("/desk/nordwind/write/note", data=typed, headers=page)
    assert refused.status_code == 401
    assert "half a &lt;novel&gt;</textarea>" in refused.text
    assert "a secret" not in refused.text
    assert 'href="/auth/login?next=/desk/nordwind?compose%3Dnote"' in refused.text
    for foreign in ({}, {"Referer": "https://else.example/"}, {**page, "Sec-Fetch-Site": "cross-site"}):
        shown = browser.client.post("/desk/nordwind/write/note", data=typed, headers=foreign)
        assert (shown.status_code, "novel" in shown.text) == (303, False)
    back = browser.sign_in(KIM, PASSWORD, next="/desk/nordwind?compose=note")
    assert back.headers["Location"] == "/desk/nordwind?compose=note"


@pytest.mark.parametrize(
    "wanted",
    [
        *("https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", "desk"),
        *("http://[", "//[", "/desk\r\nSet-Cookie: a=b", "/\t/evil.example", "/desk\x85"),
    ],
)
def test_signing_in_never_leads_to_another_site(browse: Browse, wanted: str):
    browser = browse()
    page = browser.get("/auth/login", query_string={"next": wanted})
    assert page.status_code == 200
    assert 'name="next" value=""' in page.text
    assert browser.sign_in(KIM, PASSWORD, next=wanted).headers["Location"] == "/"


def test_any_page_of_ours_is_come_back_to(browse: Browse):
    browser = browse()
    asked = browser.get("/desk?q=Störung am [Ring]").headers["Location"]
    wanted = Shown(browser.get(asked).text).forms[0]["fields"]
    data = {field["name"]: field["value"] for field in wanted} | {"login": KIM, "password": PASSWORD}
    signed_in = browser.client.post("/auth/login", data=data)
    assert "q=St%C3%B6rung" in signed_in.headers["Location"]
    assert browser.get(signed_in.headers["Location"]).status_code == 200


def test_a_page_that_was_never_ours_is_no_way_back(browse: Browse, kim: Browser):
    broken = {"Referer": "http://[bad/"}
    assert kim.get("/desk/nowhere", headers=broken).status_code == 404
    assert browse().client.post("/desk/nordwind/write/note", headers=broken).status_code == 303
    old = kim.client.post("/desk/nordwind/write/note", data={"body": "half a novel"}, headers=broken)
    assert (old.status_code, "novel" in old.text) == (403, False)


def _from(address: str) -> dict[str, Any]:
    return {"environ_base": {"REMOTE_ADDR": address}}


def _try(browser: Browser, login: str, password: str, address: str = HERE) -> TestResponse:
    data = {"csrf_token": browser.token("/auth/login"), "login": login, "password": password}
    return browser.client.post("/auth/login", data=data, **_from(address))


def _guess(browser: Browser, times: int, login: str = KIM, address: str = HERE) -> list[int]:
    return [_try(browser, login, "guess", address).status_code for _ in range(times)]


def test_too_many_tries_have_to_wait_even_with_the_right_password(moving_clock: MovingClock, browse: Browse):
    browser = browse()
    assert _guess(browser, 5) == [422] * 5
    refused = _try(browser, KIM, PASSWORD)
    assert refused.status_code == 429
    assert 0 < int(refused.headers["Retry-After"]) <= 60
    assert _try(browser, "dana@elbe.example", PASSWORD).status_code == 303
    moving_clock.forward(timedelta(seconds=61))
    assert _try(browser, KIM, PASSWORD).status_code == 303


@pytest.mark.slow
def test_the_wait_grows_for_whoever_goes_on_guessing(moving_clock: MovingClock, browse: Browse):
    browser, waits, looked_at = browse(), [], 0
    while sum(waits) < timedelta(hours=8).total_seconds():
        answer = _try(browser, KIM, "guess")
        looked_at += answer.status_code == 422
        if answer.status_code == 429:
            waits.append(int(answer.headers["Retry-After"]))
            moving_clock.forward(timedelta(seconds=waits[-1]))
    assert waits[0] <= 60
    assert max(waits) > 60 * 60
    assert looked_at <= 3 * 20
    assert _try(browser, KIM, PASSWORD).status_code == 303


def test_waiting_clicks_do_not_make_the_wait_longer(moving_clock: MovingClock, browse: Browse):
    browser = browse()
    _guess(browser, 50)
    moving_clock.forward(timedelta(seconds=61))
    assert _try(browser, KIM, PASSWORD).status_code == 303


def test_nobody_can_lock_out_another_person_from_elsewhere(browse: Browse):
    browser = browse()
    assert _guess(browser, 12, address="203.0.113.9")[-1] == 429
    assert _try(browser, KIM, PASSWORD, "198.51.100.7").status_code == 303


@pytest.mark.slow
@pytest.mark.usefixtures("moving_clock")
def test_one_address_cannot_try_every_name(browse: Browse):
    browser = browse()
    answers = [_try(browser, f"someone{number}@elbe.example", "guess").status_code for number in range(62)]
    assert answers[0] == 422
    assert answers[-1] == 429


@pytest.mark.usefixtures("moving_clock")
def test_a_good_sign_in_forgives_its_own_name_and_no_other(browse: Browse):
    browser = browse()
    answers = []
    for number in range(70):
        if number in (0, 20, 40):
            assert _try(browser, "dana@elbe.example", PASSWORD).status_code == 303
        answers.append(_try(browser, f"someone{number}@elbe.example", "guess").status_code)
    assert answers[55] == 422
    assert answers[-1] == 429


@pytest.mark.slow
def test_people_of_one_office_who_sign_in_well_are_never_too_many(browse: Browse):
    browser = browse()
    assert [_try(browser, KIM, PASSWORD).status_code for _ in range(70)] == [303] * 70


def test_the_addresses_of_one_ipv6_network_are_one(moving_clock: MovingClock, browse: Browse):
    browser = browse()
    answers = [_try(browser, KIM, "guess", f"2001:db8::{number}").status_code for number in range(1, 7)]
    assert answers == [422] * 5 + [429]
    assert _try(browser, KIM, "guess", "2001:db8:0:1::1").status_code == 422


def test_a_new_password_ends_every_other_session_and_keeps_this_one(
    moving_clock: MovingClock, browse: Browse
):
    here, elsewhere = browse(KIM), browse(KIM)
    moving_clock.forward(timedelta(minutes=1))
    new = "a longer one than before"
    wrong = here.post("/auth/password", {"current": "no", "password": new, "again": new})
    assert wrong.status_code == 422
    assert "This is not your present password." in wrong.text
    differs = here.post("/auth/password", {"current": PASSWORD, "password": new, "again": "other"})
    assert "The two new passwords differ." in differs.text
    assert (
        here.post("/auth/password", {"current": PASSWORD, "password": new, "again": new}).status_code == 303
    )
    assert here.get("/desk").status_code == 200
    assert elsewhere.get("/desk").status_code == 302
    assert browse().sign_in(KIM, new).status_code == 303


def test_guessing_the_present_password_has_to_wait_like_signing_in(moving_clock: MovingClock, browse: Browse):
    browser, new = browse(KIM), "a longer one than before"
    typed = {"current": "guess", "password": new, "again": new}
    assert [browser.post("/auth/password", typed).status_code for _ in range(6)] == [422] * 5 + [429]
    assert browser.post("/auth/password", {**typed, "current": PASSWORD}).status_code == 429
    moving_clock.forward(timedelta(seconds=61))
    assert browser.post("/auth/password", {**typed, "current": PASSWORD}).status_code == 303
    assert _guess(browse(), 5, "kim@elbe.example") == [422] * 5


def test_others_write_while_a_new_password_is_hashed(
    hub: Hub, kim: Browser, browse: Browse, monkeypatch: pytest.MonkeyPatch
):
    slow: list[str] = []

    def meanwhile(name: str) -> Callable[..., Any]:
        kept = getattr(PasswordHasher, name)

        def hash_it(*given: Any) -> Any:
            with hub.db.write() as session:
                audit.write(session, HUB, "noted", "hub", None, "Somebody else was served.")
            slow.append(name)
            return kept(*given)

        return hash_it

    for name in ("hash", "verify"):
        monkeypatch.setattr(PasswordHasher, name, meanwhile(name))
    new = "a longer one than before"
    answer = kim.post("/auth/password", {"current": PASSWORD, "password": new, "again": new})
    assert (answer.status_code, slow) == (303, ["verify", "hash"])
    assert browse().sign_in(KIM, new).status_code == 303


def test_a_password_does_not_reach_an_account_that_wants_another_sign_in(
    hub: Hub, world: World, browse: Browse
):
    petra = browse(world.nordwind.login)
    assert petra.get("/portal/nordwind").status_code == 200
    with hub.db.write() as session:
        account = accounts.get_account(session, world.nordwind.account)
        accounts.change_account(session, HUB, account, password_login=False)
    assert petra.get("/portal/nordwind").status_code == 404


def test_my_language_and_zone_are_mine_to_choose(kim: Browser):
    assert "All times in UTC" in kim.get("/desk").text
    wrong = kim.post("/auth/me", {"language": "en", "zone": "Berlin"})
    assert wrong.status_code == 422
    assert 'value="Berlin"' in wrong.text
    assert kim.post("/auth/me", {"language": "en", "zone": "Europe/Berlin"}).status_code == 303
    assert "All times in Europe/Berlin" in kim.get("/desk").text
