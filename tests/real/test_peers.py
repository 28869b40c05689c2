"""Every real peer starts, does its main job once and leaves neither a process nor a file behind."""

import contextlib
import ctypes
import os
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import requests
import sqlalchemy

from hub.testing.peers.alertmanager import alertmanager
from hub.testing.peers.browser import browser, screenshot
from hub.testing.peers.mail import mail_system
from hub.testing.peers.postgres import postgres
from hub.testing.peers.recorder import Answer, recorder
from hub.testing.peers.request_tracker import request_tracker

pytestmark = pytest.mark.real
PR_SET_CHILD_SUBREAPER = 36


@pytest.fixture(autouse=True)
def nothing_left_running() -> Iterator[None]:
    """Adopt every orphan of the peers, so that whatever survives its peer is found among our descendants."""
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0
    before = descendants()
    yield
    end = time.monotonic() + 5
    while (left := descendants() - before) and time.monotonic() < end:
        time.sleep(0.05)
    libc.prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)
    assert not left, {pid: Path(f"/proc/{pid}/cmdline").read_bytes() for pid in left}


def descendants() -> set[int]:
    """The living processes below this one."""
    parents: dict[int, int] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, parent = stat.read_text(errors="replace").rpartition(")")[2].split()[:2]
            if state not in "ZX":
                parents[int(stat.parent.name)] = int(parent)
    found = {os.getpid()}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {os.getpid()}


def test_the_check_for_leftovers_sees_a_running_peer():
    before = descendants()
    with recorder() as hub, alertmanager(hub.url(), "token"):
        assert descendants() - before
    assert descendants() == before


def test_postgres_keeps_what_was_committed_through_a_crash():
    with postgres() as cluster:
        url = cluster.create_database("first")
        engine = sqlalchemy.create_engine(url)
        with engine.begin() as connection:
            connection.execute(sqlalchemy.text("CREATE TABLE note AS SELECT 'kept' AS text"))
        engine.dispose()

        copy = sqlalchemy.create_engine(cluster.create_database("second", template="first"))
        cluster.drop_database("first")
        cluster.restart("immediate")

        with copy.connect() as connection:
            assert connection.scalar(sqlalchemy.text("SELECT text FROM note")) == "kept"
        copy.dispose()
        directory = cluster.directory
    assert not directory.exists()


def test_the_login_of_the_hub_may_make_the_two_roles_and_no_more():
    with postgres() as cluster, psycopg.connect(_plain(cluster.create_database("hub"))) as connection:
        for role in ("hub_web", "hub_system"):
            connection.execute(f"CREATE ROLE {role}")
            connection.execute(f"GRANT {role} TO hub")
            connection.execute(f"SET ROLE {role}")
            assert connection.execute("SELECT current_user, session_user").fetchone() == (role, "hub")
            connection.execute("RESET ROLE")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("CREATE ROLE too_strong BYPASSRLS")


def _plain(url: str) -> str:
    """The same address without the name of the driver that SQLAlchemy wants to see."""
    return url.replace("+psycopg", "")


def test_a_durable_cluster_waits_for_the_disk():
    for durable, expected in ((True, "on"), (False, "off")):
        with postgres(durable=durable) as cluster:
            engine = sqlalchemy.create_engine(cluster.superuser_url())
            with engine.connect() as connection:
                assert connection.scalar(sqlalchemy.text("SHOW fsync")) == expected
            engine.dispose()


def test_alertmanager_tells_the_webhook_that_it_fires_and_that_it_is_over():
    labels = {"alertname": "LinkDown", "customer": "ACME-001", "severity": "critical", "site": "FRA1"}
    with recorder() as hub, alertmanager(hub.url("/hooks/alertmanager"), "s3cret") as monitoring:
        monitoring.fire(labels, {"summary": "Circuit CIR-4711 down"})
        [told] = hub.wait_for(1)
        [group] = monitoring.groups()
        monitoring.resolve(labels)
        [_, over] = hub.wait_for(2)
        directory = monitoring.log.parent

    assert (told.target, told.headers["authorization"]) == ("/hooks/alertmanager", "Bearer s3cret")
    assert group["alerts"][0]["status"]["state"] == "active"
    [fired], [cleared] = told.json()["alerts"], over.json()["alerts"]
    assert (fired["status"], fired["labels"]) == ("firing", labels)
    assert (cleared["status"], cleared["fingerprint"]) == ("resolved", fired["fingerprint"])
    assert cleared["startsAt"] == fired["startsAt"]
    assert not directory.exists()


def test_request_tracker_lets_a_team_work_and_pushes_what_it_did():
    with recorder() as hub, request_tracker() as tracker:
        tracker.create_queue("NOC")
        tracker.create_user("anna")
        tracker.push_to(hub.url("/hooks/rt"), {"Authorization": "Bearer s3$cr@et"})

        ticket = tracker.create_ticket("NOC", "Line döwn", "since 08:00", "bob@customer.example", by="hub")
        tracker.comment(ticket, "the splice, again ß", by="anna")
        tracker.correspond(ticket, "We are on it, €", by="anna")
        tracker.set_status(ticket, "resolved", by="anna")

        # Correspondence opens a new ticket: five transactions of ours, the status first by RT itself.
        pushed = sorted((request.json() for request in hub.wait_for(5)), key=lambda body: body["txn"])
        assert [body["type"] for body in pushed] == ["Create", "Comment", "Correspond", "Status", "Status"]
        assert {request.headers["authorization"] for request in hub.requests} == {"Bearer s3$cr@et"}
        assert (pushed[2]["content"], pushed[2]["creator"]) == ("We are on it, €", "anna")

        told = [(item["Type"], item["Content"]) for item in tracker.history(ticket) if "Content" in item]
        assert told[1:] == [("Comment", "the splice, again ß"), ("Correspond", "We are on it, €")]
        assert tracker.ticket(ticket)["Status"] == "resolved"
        directory = tracker.directory
    assert not directory.exists()


def test_a_token_of_request_tracker_is_its_users():
    with request_tracker() as tracker:
        tracker.create_user("anna")
        tokens = {"hub": tracker.token, "anna": tracker.create_token("anna")}
        for name, token in tokens.items():
            headers = {"Authorization": f"token {token}"}
            body = {"Queue": "General", "Subject": name}
            made = requests.post(f"{tracker.url}/REST/2.0/ticket", json=body, headers=headers, timeout=30)
            assert tracker.ticket(made.json()["id"])["Creator"]["id"] == name


def test_mail_reaches_mailboxes_and_never_the_world():
    raw = b"From: anna@customer.example\r\nSubject: Line down\r\n\r\nHelp\r\n"
    with mail_system() as mail:
        mail.send(raw, "anna@customer.example", "support+ACME-001@hub.example", "otto@team.example")
        [kept] = mail.wait_for("support@hub.example")
        assert (kept["Subject"], kept["Delivered-To"]) == ("Line down", "support+ACME-001@hub.example")
        assert [message.get_content() for message in mail.wait_for("otto@team.example")] == ["Help\r\n"]
        assert mail.messages("anna@customer.example") == []
        for address, code in (("nobody@team.example", 550), ("someone@example.com", 554)):
            with pytest.raises(Exception, match=str(code)):
                mail.send(raw, "support@hub.example", address)
        directory = mail.directory
    assert not directory.exists()


@pytest.mark.browser
def test_the_browser_shows_a_page_as_this_person_would_see_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    page_text = (
        b"<html lang=en><title>Hub</title><p>plain</p><script>document.body.append('live')</script></html>"
    )
    html = Answer(body=page_text, headers={"Content-Type": "text/html"})
    dark = "matchMedia('(prefers-color-scheme: dark)').matches"
    with recorder(lambda _: html) as site, browser() as chromium:
        with chromium.page(360, "dark", base_url=site.url()) as page:
            page.goto("/desk")
            assert (page.inner_text("body"), page.evaluate(dark)) == ("plain\n\nlive", True)
            assert page.evaluate("innerWidth") == 360
            assert screenshot(page, "desk-dark").stat().st_size > 1000
        with chromium.page(javascript=False) as page:
            page.goto(site.url("/desk"))
            assert page.inner_text("body") == "plain"


@pytest.mark.browser
def test_the_browser_reports_what_went_wrong_in_a_page():
    html = Answer(
        body=b"<img src='http://tracker.example.com/dot.gif'>", headers={"Content-Type": "text/html"}
    )
    with recorder(lambda _: html) as site, browser() as chromium:
        with pytest.raises(AssertionError, match=r"tracker\.example\.com/dot\.gif"), chromium.page() as page:
            page.goto(site.url())
        with pytest.raises(AssertionError, match="boom"), chromium.page() as page:
            page.set_content("<script>throw new Error('boom')</script>")
