"""What one customer may write: enough for anybody, and not without end."""

from collections.abc import Callable
from datetime import timedelta
from io import BytesIO

import pytest
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from hub.domain import accounts, people
from hub.domain.accounts import Account
from hub.domain.attachments import Attachment
from hub.domain.audit import HUB
from hub.domain.cases import Case
from hub.flows.runtime import Hub
from hub.testing.fixtures import MovingClock
from hub.testing.pages import Browser
from hub.testing.world import PASSWORD, World
from hub.web import measure

PAGE = {"Referer": "http://localhost/portal/nordwind/report/question"}


def report(browser: Browser, *files: bytes, **more: str) -> TestResponse:
    attached = [(BytesIO(content), f"{number}.bin") for number, content in enumerate(files)]
    told = {"title": "When?", "text": "We wait for you.", "effect": "none", "attachments": attached, **more}
    return browser.post("/portal/nordwind/report/question", told, headers=PAGE)


def count(hub: Hub, table: type[Case | Attachment]) -> int:
    with hub.db.read() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def test_a_customer_sends_so_many_forms_a_minute_and_loses_no_words(
    hub: Hub, moving_clock: MovingClock, petra: Browser
) -> None:
    most = measure.FORMS[0]
    assert [report(petra).status_code for _ in range(most)] == [303] * most
    refused = report(petra, text="Half a <novel>.")
    assert refused.status_code == 429
    assert 0 < int(refused.headers["Retry-After"]) <= 60
    assert "Half a &lt;novel&gt;.</textarea>" in refused.text
    assert petra.get("/portal/nordwind").status_code == 200
    assert count(hub, Case) == most
    moving_clock.forward(timedelta(minutes=1))
    assert report(petra).status_code == 303


def test_who_is_told_what_is_wrong_has_sent_nothing(petra: Browser) -> None:
    assert {report(petra, title=" ").status_code for _ in range(measure.FORMS[0] + 1)} == {422}
    assert report(petra).status_code == 303


def test_a_customer_sends_so_many_bytes_a_day(
    hub: Hub, world: World, moving_clock: MovingClock, petra: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measure, "BYTES", (1000, timedelta(days=1)))
    assert report(petra, b"a" * 400, b"b" * 500).status_code == 303
    for _ in range(2):
        refused = report(petra, b"c" * 200)
        assert refused.status_code == 429
        assert "We wait for you." in refused.text
    assert report(petra, b"d" * 100).status_code == 303
    assert report(petra).status_code == 303
    assert count(hub, Attachment) == 3
    moving_clock.forward(timedelta(days=1))
    petra.enter(world.nordwind.login)
    assert report(petra, b"e" * 900).status_code == 303


def test_each_person_has_their_own_measure_and_staff_has_none(
    hub: Hub,
    world: World,
    petra: Browser,
    browse: Callable[[str], Browser],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(measure, "FORMS", (1, timedelta(minutes=1)))
    monkeypatch.setattr(measure, "BYTES", (1, timedelta(days=1)))
    with hub.db.write() as session:
        account = session.get_one(Account, world.nordwind.account)
        nils = people.add_person(session, HUB, "Nils Voss")
        people.set_password(session, HUB, nils, "nils@nordwind.example", PASSWORD)
        for person in (nils, session.get_one(people.Person, world.kim)):
            accounts.add_member(session, HUB, account, person, ["requester"])
    assert [report(petra).status_code for _ in range(2)] == [303, 429]
    assert report(browse("nils@nordwind.example")).status_code == 303
    kim = browse("kim@elbe.example")
    assert [report(kim, b"abc").status_code for _ in range(3)] == [303] * 3
