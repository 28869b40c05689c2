"""The queues of the desk: nothing waits that nobody can find, and many things are done at once."""

import contextlib
import re
from datetime import timedelta
from typing import Any

import orjson
import pytest
from flask import Flask
from sqlalchemy import func, select, update

from hub.base import clock
from hub.base.errors import Conflict
from hub.domain import access, connections, outbox, quarantine
from hub.domain.accounts import Account, Identifier
from hub.domain.audit import HUB, AuditLine
from hub.domain.cases import Case, NewCase
from hub.domain.outbox import DELIVERIES, DeliveryState
from hub.domain.quarantine import Quarantined, QuarantineKind
from hub.domain.signals import Signal
from hub.flows import alarm, desk, intake, mailroom, queues
from hub.flows.runtime import Hub
from hub.plugin.contracts import SignalEvent
from hub.testing.pages import Browser, Shown
from hub.testing.world import World
from hub.web import queues_read

PAGE = "/desk/queues/signals"
STARTED = clock.now() - timedelta(hours=1)
ODD = 'Gerät "7" \\ <b>'


@pytest.fixture
def source(hub: Hub, world: World) -> alarm.Source:
    with hub.db.write() as session:
        given = {"identifiers": "instance", "severity_label": "severity"}
        added = connections.add_connection(
            session, HUB, hub.registry, hub.keyring, "alertmanager", "Alerts", "own", given
        )
        return alarm.Source(added.id, added.name)


def event(number: int, *names: tuple[str, str], state: str = "firing") -> SignalEvent:
    start = STARTED
    return SignalEvent(
        f"k{number}", start, state, start, "critical", "critical", f"Fault {number}",  # type: ignore[arg-type]
        identifiers=names or (("host", f"h{number}"),),
    )  # fmt: skip


def sound(hub: Hub, source: alarm.Source, *events: SignalEvent) -> None:
    with hub.db.write() as session:
        alarm.sound(session, source, events)


def rows(hub: Hub, table: type[Any]) -> list[Any]:
    with hub.db.read() as session:
        return list(session.scalars(select(table)))


def text(browser: Browser, address: str) -> str:
    return " ".join(Shown(browser.get(address).text).text.split())


# Naming


def test_naming_reaches_every_signal_that_waits_under_the_name(
    kim: Browser, hub: Hub, world: World, source: alarm.Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.flows.queues.BATCH", 2)
    known = [event(number, ("host", "other"), ("host", ODD)) for number in (1, 200, 300, 400, 1205)]
    others = [event(number) for number in range(500, 1700)]
    others += [event(2, (ODD, "host")), event(3, ("host", ODD + " ")), event(4, ("name", ODD))]
    sound(hub, source, known[0])
    sound(hub, source, *others, *known[1:])
    [first] = [signal for signal in rows(hub, Signal) if signal.natural_key == "k1"]
    data = {"account": "nordwind", "identifier": f"host:{ODD}", "service": str(world.nordwind.service)}
    assert kim.post(f"{PAGE}/{first.id}", data).status_code == 303
    matched = {signal.natural_key for signal in rows(hub, Signal) if signal.matched}
    assert matched == {each.natural_key for each in known}
    assert len(rows(hub, Case)) == 1


def test_a_name_is_given_to_a_service_of_the_chosen_account_only(
    kim: Browser, hub: Hub, world: World, source: alarm.Source
) -> None:
    sound(hub, source, event(1))
    [waiting] = rows(hub, Signal)
    known = len(rows(hub, Identifier))
    data = {"account": "nordwind", "identifier": "host:h1", "service": str(world.bolt.service)}
    refused = kim.post(f"{PAGE}/{waiting.id}", data)
    assert refused.status_code == 422
    assert "choose a service of this account" in refused.text
    assert (len(rows(hub, Identifier)), rows(hub, Case)) == (known, [])


# Many at once


def test_what_is_over_leaves_the_queue_and_can_be_looked_at(
    kim: Browser, hub: Hub, source: alarm.Source
) -> None:
    sound(hub, source, event(1), event(2))
    sound(hub, source, event(2, state="clear"))
    queue = text(kim, PAGE)
    assert "Fault 1" in queue
    assert "Fault 2" not in queue
    assert "Those that are over (1)" in queue
    over = text(kim, f"{PAGE}?over=1")
    assert "Fault 2" in over
    assert "Fault 1" not in over


@pytest.mark.parametrize(
    ("which", "left"), [("over", {"k1", "k2"}), ("ticked", {"k2", "k3"}), ("from:alerts", set())]
)
def test_many_are_dropped_at_once(
    kim: Browser, hub: Hub, source: alarm.Source, which: str, left: set[str]
) -> None:
    sound(hub, source, event(1), event(2), event(3))
    sound(hub, source, event(3, state="clear"))
    [one] = [str(signal.id) for signal in rows(hub, Signal) if signal.natural_key == "k1"]
    assert kim.post(PAGE, {"which": which, "signal": [one]}, page=PAGE).status_code == 422
    answer = kim.post(PAGE, {"which": which, "signal": [one], "outcome": "A test"}, page=PAGE)
    assert answer.status_code == 303
    assert {signal.natural_key for signal in rows(hub, Signal) if signal.handled_at is None} == left
    dropped = 3 - len(left)
    [line] = [line for line in rows(hub, AuditLine) if line.action == "signal.dropped"]
    what = "One signal was" if dropped == 1 else f"{dropped} signals were"
    assert (line.sentence, line.data["count"]) == (f"{what} dropped: A test", dropped)


def test_nothing_is_dropped_without_saying_what(kim: Browser, hub: Hub, source: alarm.Source) -> None:
    sound(hub, source, event(1))
    for which in ("", "else"):
        assert kim.post(PAGE, {"which": which, "outcome": "A test"}, page=PAGE).status_code == 422
    assert kim.post(PAGE, {"which": "from:nobody", "outcome": "A test"}, page=PAGE).status_code == 404
    refused = kim.post(PAGE, {"which": "ticked", "outcome": "A test"}, page=PAGE)
    assert refused.status_code == 422
    assert 'href="#which"' in refused.text
    assert [signal.handled_at for signal in rows(hub, Signal)] == [None]


def test_a_signal_that_a_colleague_was_faster_with_is_dropped_once(
    hub: Hub, world: World, source: alarm.Source
) -> None:
    sound(hub, source, event(1))
    with hub.db.read() as session:
        signal = session.scalars(select(Signal)).one()
    for words in ("A test", "Nothing to do"):
        with contextlib.suppress(Conflict), hub.db.write() as session:
            queues.drop_signal(session, access.viewer_of(session, world.kim), signal, words)
    lines = [line for line in rows(hub, AuditLine) if line.action == "signal.dropped"]
    assert [line.sentence for line in lines] == ["The signal \u201cFault 1\u201d was dropped: A test"]


def test_a_count_says_when_there_are_more_than_it_counts(
    kim: Browser, hub: Hub, source: alarm.Source
) -> None:
    sound(hub, source, *(event(number) for number in range(100)))
    assert "Unmapped signals 100Parked mail" in text(kim, "/desk")
    sound(hub, source, event(100))
    assert "Unmapped signals 100+Parked mail" in text(kim, "/desk")


# Messages that could not be read


def keep(hub: Hub, source: alarm.Source, kind: QuarantineKind, body: Any) -> str:
    with hub.db.write() as session:
        kept = quarantine.keep(
            session, source.id, kind, "A fault of ours.", orjson.dumps(body), subject="POST "
        )
        return f"/desk/queues/bodies/{kept}"


def webhook(name: str = "LinkDown") -> dict[str, Any]:
    alert = {
        "status": "firing", "labels": {"alertname": name, "instance": "web17"}, "annotations": {},
        "fingerprint": name, "startsAt": "2026-03-02T12:00:00Z", "endsAt": "0001-01-01T00:00:00Z",
    }  # fmt: skip
    return {"version": "4", "alerts": [alert]}


def test_what_could_not_be_read_is_in_the_navigation(kim: Browser, hub: Hub, source: alarm.Source) -> None:
    keep(hub, source, QuarantineKind.BODY, webhook())
    assert "Unreadable messages 1" in text(kim, "/desk/accounts")


@pytest.mark.parametrize("kind", [QuarantineKind.BODY, QuarantineKind.ITEM])
def test_a_message_is_read_again_when_what_was_wrong_is_mended(
    kim: Browser, hub: Hub, source: alarm.Source, kind: QuarantineKind
) -> None:
    page = keep(hub, source, kind, webhook())
    assert "Read it again" in text(kim, page)
    assert kim.post(f"{page}/again", page=page).status_code == 303
    assert "Everything could be read" in text(kim, "/desk/queues/bodies")
    assert rows(hub, Signal) == []
    assert intake.parse_waiting(hub) == 1
    assert [signal.title for signal in rows(hub, Signal)] == ["LinkDown"]
    [kept] = rows(hub, Quarantined)
    assert kept.outcome == "Parsed by the worker."
    assert kim.post(f"{page}/again", page="/desk").status_code == 409


@pytest.mark.parametrize("kind", [QuarantineKind.BODY, QuarantineKind.ITEM])
@pytest.mark.parametrize("body", [[], {"version": "4", "alerts": [{}]}, {"labels": {}}])
def test_a_message_that_still_cannot_be_read_comes_back(
    kim: Browser, hub: Hub, source: alarm.Source, kind: QuarantineKind, body: Any
) -> None:
    page = keep(hub, source, kind, body)
    assert kim.post(f"{page}/again", page=page).status_code == 303
    intake.parse_waiting(hub)
    waiting = [kept for kept in rows(hub, Quarantined) if kept.handled_at is None]
    assert [kept.kind in (QuarantineKind.BODY, QuarantineKind.ITEM) for kept in waiting] == [True]
    assert intake.parse_waiting(hub) == 0
    assert rows(hub, Signal) == []


def test_what_no_plugin_could_read_now_stays_in_the_queue(
    kim: Browser, hub: Hub, source: alarm.Source
) -> None:
    page = keep(hub, source, QuarantineKind.BODY, webhook())
    with hub.db.write() as session:
        connections.find(session, "alerts").connector = "gone"
    assert kim.post(f"{page}/again", page=page).status_code >= 400
    assert [kept.kind for kept in rows(hub, Quarantined)] == ["body"]


@pytest.mark.parametrize("kind", [QuarantineKind.MAIL, QuarantineKind.UPLOAD])
def test_what_is_no_message_of_a_machine_is_not_among_them(
    kim: Browser, hub: Hub, source: alarm.Source, kind: QuarantineKind
) -> None:
    page = keep(hub, source, kind, "From: x")
    assert kim.get(page).status_code == 404
    assert kim.post(page, {"outcome": "Gone."}, page="/desk").status_code == 404
    assert [kept.handled_at for kept in rows(hub, Quarantined)] == [None]


def test_a_parked_mail_is_not_read_as_a_message(kim: Browser, hub: Hub, source: alarm.Source) -> None:
    page = keep(hub, source, QuarantineKind.MAIL, "From: x")
    assert kim.post(f"{page}/again", page="/desk").status_code == 409


@pytest.mark.parametrize("kind", [QuarantineKind.WAITING, QuarantineKind.AGAIN])
def test_what_the_worker_does_not_get_to_is_shown(
    kim: Browser, hub: Hub, source: alarm.Source, kind: QuarantineKind
) -> None:
    page = keep(hub, source, kind, webhook())
    assert "Everything could be read" in text(kim, "/desk/queues/bodies")
    with hub.db.write() as session:
        session.execute(update(Quarantined).values(received_at=clock.now() - queues_read.LATE))
    assert "A fault of ours." in text(kim, "/desk/queues/bodies")
    assert "Unreadable messages 1" in text(kim, "/desk/accounts")
    assert "LinkDown" in text(kim, page)
    assert kim.post(page, {"outcome": "Its plugin is gone."}, page=page).status_code == 303
    assert intake.parse_waiting(hub) == 0


# Deliveries


def lose(hub: Hub, world: World, *keys: str) -> list[str]:
    with hub.db.write() as session:
        lost = [
            outbox.put(session, "mail", {}, account_id=world.nordwind.account, unique_key=k) for k in keys
        ]
        gone: dict[str, Any] = {"state": DeliveryState.FAILED, "finished_at": clock.now()}
        session.execute(update(DELIVERIES).where(DELIVERIES.c.id.in_(lost)).values(**gone))
    return [f"/desk/queues/deliveries/{each}" for each in lost]


def test_what_is_wrong_with_one_delivery_is_said_in_its_row_alone(
    kim: Browser, hub: Hub, world: World
) -> None:
    first, _second = lose(hub, world, "one", "two")
    long = "x" * 201
    refused = kim.post(f"{first}/drop", {"outcome": long}, page="/desk/queues/deliveries")
    assert refused.status_code == 422
    assert refused.text.count(long) == 1
    assert refused.text.count('aria-invalid="true"') == 1
    assert f'href="#d{first.rpartition("/")[2]}-outcome"' in refused.text


def test_what_is_wrong_with_a_delivery_of_a_later_page_is_said_above(
    kim: Browser, hub: Hub, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.web.queues_read.PAGE", 1)
    older, _newer = lose(hub, world, "one", "two")
    refused = kim.post(f"{older}/drop", {"outcome": "x" * 201}, page="/desk/queues/deliveries")
    assert refused.status_code == 422
    assert refused.text.count("At most 200 characters") == 1


@pytest.mark.parametrize("verb", ["retry", "drop"])
def test_a_delivery_that_a_colleague_was_faster_with_waits_no_longer(
    kim: Browser, rita: Browser, hub: Hub, world: World, verb: str
) -> None:
    [page] = lose(hub, world, "one")
    assert rita.post(f"{page}/{verb}", {"outcome": "By phone."}, page="/desk").status_code == 303
    late = kim.post(f"{page}/drop", {"outcome": "By post."}, page="/desk")
    assert late.status_code == 409
    assert "no longer waiting for anyone" in late.text


def test_what_is_wrong_with_no_field_is_said_at_none(kim: Browser, hub: Hub, world: World) -> None:
    with hub.db.write() as session:
        account = session.get_one(Account, world.nordwind.account)
        new = NewCase(title="Line down", case_type="incident")
        case = desk.open_case(session, access.viewer_of(session, world.kim), account, new)
    page = f"/desk/nordwind/case/{case.number}"
    for _ in range(2):
        answer = kim.post(f"{page}/wait", {"reason": "supplier"}, page=page)
    assert answer.status_code == 422
    assert answer.text.count("already waits for that") == 1
    assert 'aria-invalid="true"' not in answer.text


# Parked mail


def test_a_parked_mail_goes_where_it_probably_belongs_with_one_click(
    kim: Browser, petra: Browser, hub: Hub, app: Flask, world: World
) -> None:
    with hub.db.write() as session:
        given = {"smtp_host": "mx.example", "smtp_port": "25", "smtp_security": "none"}
        connections.add_connection(session, HUB, hub.registry, hub.keyring, "mail", "Mail", "own", given)
    data = {"title": "No light", "text": "It is dark.", "effect": "degraded"}
    report = petra.post("/portal/nordwind/report/problem", data, page="/portal/nordwind/report/problem")
    number = report.location.rpartition("/")[2]
    raw = f"From: Petra <{world.nordwind.login}>\nTo: hub@x.example\nSubject: {number}\n\nStill dark."
    assert mailroom.deliver(hub, raw.encode()) == "parked"
    queue = kim.get("/desk/queues/mail").text
    [page] = set(re.findall(r"/desk/queues/mail/[0-9a-f-]{36}", queue))
    shown = Shown(kim.get(page).text)
    [form] = [form for form in shown.forms if {"hidden"} == {f["type"] for f in form["fields"]}][-1:]
    fields = {field["name"]: field["value"] for field in form["fields"]}
    assert fields["number"] == number
    assert kim.post(form["action"], {"number": number}, page=page).location.endswith(number)
    assert "Still dark." in text(petra, f"/portal/nordwind/case/{number}")
    with hub.db.read() as session:
        open_mail = select(func.count()).select_from(Quarantined).where(Quarantined.handled_at.is_(None))
        assert session.scalar(open_mail) == 0
