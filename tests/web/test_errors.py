"""Errors as people and machines read them: never a traceback, never a secret."""

import gettext

import pytest
from flask import Flask
from scene import Locked
from sqlalchemy.exc import OperationalError

from hub.base import text
from hub.base.errors import Invalid, TooMany
from hub.testing.pages import Browser, Shown
from hub.testing.world import World

SECRET = "hunter2-in-a-message"


@pytest.fixture
def app(own_app: Flask) -> Flask:
    """Routes are added here, which no other test may meet."""
    return own_app


@pytest.fixture
def broken(app: Flask) -> Flask:
    def raises(error: Exception) -> object:
        def view() -> str:
            raise error

        return view

    locked = OperationalError("UPDATE x", {}, Locked())
    rules = {
        "boom": RuntimeError(SECRET),
        "locked": locked,
        "invalid": Invalid.field("name", "Please enter a name."),
        "many": TooMany("Slow down.", 30),
        "facts": Invalid.field("person", "%(person)s is away.", person="Kim 100 %(s)s"),
    }
    for name, error in rules.items():
        app.add_url_rule(f"/test/{name}", name, raises(error))  # type: ignore[arg-type]
        app.add_url_rule(f"/api/test/{name}", f"api-{name}", raises(error))  # type: ignore[arg-type]
    return app


def test_an_unexpected_error_gives_a_code_and_nothing_else(broken: Flask):
    for address in ("/test/boom", "/api/test/boom"):
        answer = broken.test_client().get(address)
        assert answer.status_code == 500
        assert SECRET not in answer.text
        assert "Traceback" not in answer.text
        assert "RuntimeError" not in answer.text
    assert "tell us this code" in broken.test_client().get("/test/boom").text


def test_a_busy_database_is_told_as_such(broken: Flask):
    answer = broken.test_client().get("/test/locked")
    assert answer.status_code == 503
    assert "Nothing was lost" in answer.text


def test_machines_get_problem_json(broken: Flask):
    answer = broken.test_client().get("/api/test/invalid")
    assert (answer.status_code, answer.content_type) == (400, "application/problem+json")
    assert answer.get_json(force=True) == {
        "type": "about:blank",
        "title": "Please check what you entered",
        "status": 400,
        "detail": "Please enter a name.",
        "errors": [{"field": "name", "detail": "Please enter a name."}],
    }
    asked = broken.test_client().get("/test/invalid", headers={"Accept": "application/json"})
    assert asked.content_type == "application/problem+json"
    assert broken.test_client().get("/test/invalid").mimetype == "text/html"


class Other(gettext.NullTranslations):
    """A language that knows one sentence."""

    def gettext(self, message: str) -> str:
        """The message in it."""
        return message.replace("is away", "ist fort")


def test_what_is_raised_speaks_the_language_of_whoever_reads_it(
    broken: Flask, monkeypatch: pytest.MonkeyPatch
):
    known = text.translations
    monkeypatch.setattr("hub.web.words.translations", lambda word: Other() if word == "de" else known(word))
    asked = broken.test_client().get("/api/test/facts", headers={"Accept-Language": "de"})
    problem = asked.get_json(force=True)
    assert problem["detail"] == "Kim 100 %(s)s ist fort."
    assert problem["errors"] == [{"field": "person", "detail": "Kim 100 %(s)s ist fort."}]
    assert "Kim 100 %(s)s is away." in broken.test_client().get("/test/facts").text


def test_a_machine_is_not_asked_to_sign_in(app: Flask):
    answer = app.test_client().post("/in/nowhere", json={})
    assert answer.status_code == 401
    assert answer.get_json(force=True)["title"] == "Not known here"


def test_a_rate_limit_says_when_to_come_back(broken: Flask):
    answer = broken.test_client().get("/test/many")
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "30")


def test_a_page_that_failed_leads_on(broken: Flask, kim: Browser) -> None:
    shown = Shown(kim.get("/test/locked?x=1").text)
    assert "/test/locked?x=1" in shown.links
    assert "Try again" in shown.text
    here = "http://localhost"
    for before, way in ((f"{here}/desk?q=1", "/desk?q=1"), (f"{here}//else.example/x", "/else.example/x")):
        gone = Shown(kim.get("/nowhere", headers={"Referer": before}).text)
        assert way in gone.links
        assert "/" in gone.links
    for before in ("", f"{here}/nowhere", "https://else.example/desk"):
        assert "Back to where I was" not in kim.get("/nowhere", headers={"Referer": before}).text


@pytest.mark.parametrize(("wait", "words"), [(30, "wait a minute"), (61, "wait 2 minutes")])
def test_who_guesses_is_told_how_long_to_wait(
    app: Flask, monkeypatch: pytest.MonkeyPatch, wait: int, words: str
) -> None:
    monkeypatch.setattr("hub.domain.sessions.hit", lambda *key: wait)
    browser = Browser(app)
    answer = browser.sign_in("nobody@else.example", "wrong password")
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, str(wait))
    assert words in answer.text


def test_unknown_addresses_and_wrong_methods_are_pages_too(kim: Browser):
    assert "There is nothing here." in kim.get("/nowhere").text
    wrong = kim.client.put("/desk")
    assert wrong.status_code == 405
    assert "GET" in wrong.headers["Allow"]


def test_the_page_of_last_resort_needs_no_template(broken: Flask, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("hub.web.errors.render_template", lambda *args, **values: 1 / 0)
    answer = broken.test_client().get("/test/boom")
    assert answer.status_code == 500
    assert "<h1>Something went wrong</h1>" in answer.text


def test_nobody_is_told_that_a_form_is_kept_which_no_server_keeps(kim: Browser, app: Flask) -> None:
    sent = {"title": "T", "text": "x", "csrf_token": "of another day"}
    forged = kim.client.post("/portal/nordwind/report/problem", data=sent)
    assert forged.status_code == 403
    assert "Nothing was saved. Copy what you typed" in forged.text
    stranger = Browser(app)
    gone = stranger.client.post("/portal/nordwind/report/problem", data=sent)
    assert "nothing was saved" in stranger.get(gone.headers["Location"]).text


def test_a_page_older_than_the_sign_in_gives_back_what_was_typed(kim: Browser, world: World) -> None:
    page, words = "/desk/nordwind", "The splice crew is on its way."
    stale = {"csrf_token": "of another day", "body": words, "password": SECRET}
    sent = {"Referer": f"http://localhost{page}", "Sec-Fetch-Site": "same-origin"}
    refused = kim.client.post(f"{page}/write/note", data=stale, headers=sent)
    assert refused.status_code == 403
    assert words in refused.text
    assert SECRET not in refused.text
    elsewhere = {"Referer": "https://evil.example/", "Sec-Fetch-Site": "cross-site"}
    assert words not in kim.client.post(f"{page}/write/note", data=stale, headers=elsewhere).text
