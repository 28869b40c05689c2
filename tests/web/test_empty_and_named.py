"""Pages say what to do next where nothing is, and speak of things by the words that people know."""

import re
import uuid
from typing import get_args

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from hub.base import clock
from hub.domain import access, accounts, connections, coverage, outbox, people, quarantine, teams
from hub.domain.accounts import Account
from hub.domain.audit import HUB
from hub.domain.cases import Case, NewCase
from hub.domain.outbox import DELIVERIES, DeliveryState
from hub.domain.quarantine import QuarantineKind
from hub.flows import desk
from hub.flows.runtime import Hub
from hub.plugin.contracts.connector import Kind
from hub.testing.pages import Browser, Shown
from hub.testing.world import World
from hub.web.state_words import CONNECTOR_KINDS

RAW = re.compile(r"\b(?:request_tracker|csv_directory|mail_order|itsm|crm|Url|Api|Ca file|Id)\b")


def text(browser: Browser, address: str) -> str:
    return " ".join(Shown(browser.get(address).text).text.split())


@pytest.fixture
def no_accounts(hub: Hub, world: World) -> None:
    """Every customer has left."""
    with hub.db.write() as session:
        for account in session.scalars(select(Account)).all():
            accounts.close_account(session, HUB, account)


@pytest.fixture
def mail(hub: Hub, world: World) -> connections.Connection:
    """A connection for mail."""
    given = {"smtp_host": "mx.example", "smtp_port": "25", "smtp_security": "none"}
    with hub.db.write() as session:
        return connections.add_connection(
            session, HUB, hub.registry, hub.keyring, "mail", "Post", "own", given
        )


@pytest.mark.usefixtures("no_accounts")
def test_an_admin_without_accounts_is_led_to_the_first(rita: Browser) -> None:
    page = Shown(rita.get("/desk/accounts").text)
    assert "No accounts yet" in page.text
    assert "/admin/accounts/new" in page.links
    assert rita.get("/admin/accounts/new").status_code == 200


@pytest.mark.usefixtures("no_accounts")
def test_a_contact_without_accounts_is_told_who_adds_them(kim: Browser) -> None:
    page = Shown(kim.get("/desk/accounts").text)
    assert "An administrator adds accounts" in page.text
    assert "/admin/accounts/new" not in page.links


@pytest.mark.parametrize("kind", [QuarantineKind.MAIL, QuarantineKind.BODY])
def test_what_has_no_subject_is_named_by_its_reason(
    kim: Browser, hub: Hub, mail: connections.Connection, kind: QuarantineKind
) -> None:
    with hub.db.write() as session:
        kept = quarantine.keep(
            session, mail.id, kind, "the body ends early.", b"From: x@else.example\n\nHello"
        )
    queue = "/desk/queues/mail" if kind == QuarantineKind.MAIL else "/desk/queues/bodies"
    assert "The body ends early." in text(kim, queue)
    one = kim.get(f"{queue}/{kept}")
    assert re.search(r"<title>The body ends early\. · [^<]+</title>", one.text)
    assert re.search(r"<h1[^>]*>The body ends early\.</h1>", one.text)


def test_a_delivery_says_whom_and_what_it_was_about(
    kim: Browser, hub: Hub, world: World, mail: connections.Connection
) -> None:
    with hub.db.write() as session:
        account = session.get_one(Account, world.nordwind.account)
        new = NewCase(title="Line down", case_type="incident")
        case: Case = desk.open_case(session, access.viewer_of(session, world.kim), account, new)
        body = {"case_id": str(case.id), "person_id": str(world.dana)}
        outbox.put(session, "mail", body, account_id=account.id, connection_id=mail.id)
        outbox.put(session, "pull", {}, connection_id=mail.id)
        failed = update(DELIVERIES).values(
            state=DeliveryState.FAILED, attempts=3, finished_at=clock.now(), last_error="mx.example: refused"
        )
        session.execute(failed.where(DELIVERIES.c.kind.in_(("mail", "pull"))))
    page = Shown(kim.get("/desk/queues/deliveries").text)
    words = " ".join(page.text.split())
    assert "Mail · Dana Krause · Post" in words
    assert "Asking a tool for news · Post" in words
    assert "mx.example: refused" in words
    assert f"/desk/nordwind/case/{case.number}" in page.links


@pytest.mark.usefixtures("mail")
@pytest.mark.parametrize(
    "address",
    [
        "/admin/connections",
        *(
            f"/admin/connections/new/{name}"
            for name in ("alertmanager", "request_tracker", "mail", "mail_order", "csv_directory")
        ),
        "/admin/accounts/nordwind",
        "/admin/audit",
    ],
)
def test_the_administration_speaks_in_words(rita: Browser, address: str) -> None:
    shown = text(rita, address)
    assert RAW.findall(shown) == []


def test_the_audit_log_tells_changes_in_words(rita: Browser, hub: Hub, world: World) -> None:
    with hub.db.write() as session:
        kim = people.get_person(session, world.kim)
        people.grant_role(session, HUB, kim, "oncall")
        people.revoke_role(session, HUB, kim, "oncall")
        coverage.set_last_resort(session, HUB, world.dana, reach_name="Night desk")
        team = teams.add_team(session, HUB, "Fibre", email="fibre@team.example")
        teams.change_team(session, HUB, team, connection_id=_tool(hub, session), zone="Europe/Berlin")
    log = text(rita, "/admin/audit")
    for sentence in (
        "Kim Brandt is now one of those on call.",
        "Kim Brandt is no longer one of those on call.",
        "Dana Krause answers when nobody else does; customers see Night desk.",
        "Fibre was changed: connection, zone.",
    ):
        assert sentence in log
    assert "_" not in log


def _tool(hub: Hub, session: Session) -> uuid.UUID:
    given = {"url": "https://rt.example.net", "login": "hub", "token": "1-14-secret"}
    return connections.add_connection(
        session, HUB, hub.registry, hub.keyring, "request_tracker", "Tickets", "team", given
    ).id


def test_every_kind_of_connector_has_a_word() -> None:
    assert set(CONNECTOR_KINDS) == set(get_args(Kind))


def test_a_team_named_like_a_page_has_a_page_of_its_own(hub: Hub, rita: Browser) -> None:
    with hub.db.write() as session:
        team = teams.add_team(session, HUB, "New", email="new@elbe.example")
        slug = team.slug
    assert "New" in Shown(rita.get(f"/admin/teams/{slug}").text).text
    assert slug == "new-team"
