"""Senders that take their time over a body: nothing is locked meanwhile, and everybody else goes on."""

import io
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlencode

import pytest
from flask import Flask
from sqlalchemy import text

from hub.flows.runtime import Hub
from hub.testing.pages import Browser
from hub.testing.world import World
from hub.web import bodies

FORM = "application/x-www-form-urlencoded"
REPORT = "/portal/nordwind/report/problem"


class Line(io.RawIOBase):
    """A sender: `meanwhile` happens whenever more of the body is asked for."""

    def __init__(self, body: bytes, meanwhile: Callable[[], None]) -> None:
        self._body, self._meanwhile, self.asked = io.BytesIO(body), meanwhile, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._meanwhile()
        self.asked += 1
        got = self._body.read(len(buffer))
        buffer[: len(got)] = got
        return len(got)


def send(
    browser: Browser, path: str, fields: dict[str, str], meanwhile: Callable[[], None], **more: Any
) -> Any:
    body = urlencode(fields).encode()
    line = Line(body, meanwhile)
    sent = {"wsgi.input": line, "CONTENT_LENGTH": str(len(body)), "CONTENT_TYPE": FORM}
    answer = browser.client.post(path, headers=more, environ_overrides=sent)
    return answer, line.asked


@pytest.fixture
def writes(hub: Hub) -> Callable[[], None]:
    """Another request that writes; it waits, and fails, where a request keeps the database to itself."""

    def write() -> None:
        with hub.db.write() as session:
            session.execute(text("UPDATE web_sessions SET issuer = issuer"))

    return write


def test_a_form_is_read_before_anything_is_locked(petra: Browser, writes: Callable[[], None]) -> None:
    fields = {"csrf_token": petra.token(), "title": "No light", "text": "Since noon.", "effect": "one"}
    answer, asked = send(petra, REPORT, fields, writes)
    assert asked
    assert answer.status_code in (303, 422)


def test_of_strangers_nothing_is_read(app: Flask) -> None:
    stranger = Browser(app)
    stranger.client.set_cookie("hub", "bogus")
    ours = {"Referer": "http://localhost/portal", "Sec-Fetch-Site": "same-origin"}
    answer, asked = send(stranger, REPORT, {"text": "x" * 100}, lambda: None, **ours)
    assert answer.status_code == 303
    assert not asked


def test_words_typed_before_a_session_ended_are_read_with_nothing_locked(
    petra: Browser, writes: Callable[[], None]
) -> None:
    cookie = petra.client.get_cookie("hub")
    assert cookie is not None
    petra.post("/auth/logout")
    petra.client.set_cookie("hub", cookie.value)
    ours = {"Referer": f"http://localhost{REPORT}", "Sec-Fetch-Site": "same-origin"}
    answer, asked = send(petra, REPORT, {"text": "The light is out."}, writes, **ours)
    assert asked
    assert answer.status_code == 401
    assert "The light is out." in answer.text


def test_sign_in_takes_no_more_than_it_needs(app: Flask) -> None:
    answer = Browser(app).client.post("/auth/login", data={"login": "x" * bodies.STRANGERS_FORM})
    assert answer.status_code == 413


def test_slow_strangers_keep_nobody_from_anything_but_signing_in(
    app: Flask, petra: Browser, world: World
) -> None:
    go_on = threading.Event()
    reading = threading.Semaphore(0)

    def hold() -> None:
        reading.release()
        go_on.wait(30)

    def slow(number: int) -> int:
        answer, _asked = send(Browser(app), "/auth/login", {"login": f"n{number}"}, hold)
        return int(answer.status_code)

    with ThreadPoolExecutor(2) as pool:
        try:
            slow_ones = [pool.submit(slow, number) for number in range(2)]
            assert reading.acquire(timeout=10)
            assert reading.acquire(timeout=10)
            another = Browser(app).client.post("/auth/login", data={"login": "kim", "password": "x"})
            assert another.status_code == 503
            assert "try again" in another.text
            assert Browser(app).get("/auth/login").status_code == 200
            assert petra.post(f"{REPORT}", {"title": "", "text": ""}).status_code == 422
        finally:
            go_on.set()
        assert {done.result(30) for done in slow_ones} == {403}
    free = Browser(app).client.post("/auth/login", data={"login": "kim", "password": "x"})
    assert free.status_code == 403


def test_slow_webhooks_keep_their_seats_and_no_others(app: Flask, hub: Hub, petra: Browser) -> None:
    with bodies.MACHINES.one(), bodies.MACHINES.one(), bodies.MACHINES.one(), bodies.MACHINES.one():
        with pytest.raises(bodies.Unavailable), bodies.MACHINES.one():
            pass
        assert petra.get("/portal").status_code in (200, 302)
    with bodies.MACHINES.one():
        pass
