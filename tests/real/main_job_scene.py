"""The chain of the main job on real systems: monitoring, the served hub, mail, a ticket tool, browsers."""

import contextlib
import os
import re
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import make_msgid
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

import requests
from playwright.sync_api import Page, expect
from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.domain import connections, people, teams
from hub.domain.audit import HUB
from hub.domain.connections import Connection
from hub.domain.people import ContactPoint
from hub.flows.runtime import Hub
from hub.plugin.settings import form_values
from hub.testing.peers.alertmanager import Alertmanager, alertmanager
from hub.testing.peers.browser import Browser
from hub.testing.peers.mail import MailSystem
from hub.testing.peers.process import free_port, service, tail
from hub.testing.peers.request_tracker import RequestTracker
from hub.testing.world import PASSWORD, World

KIM, PETRA, BEN = "kim@team.example", "petra@customer.example", "ben@customer.example"
QUEUE, TEAM_MEMBER = "NOC", "lena"
LOOPBACK = ["127.0.0.0/8"]
PATIENCE = 60
"""Seconds until something that has to happen counts as lost: timers tick, and the machine may be busy."""

Found = TypeVar("Found")


@dataclass
class Scene:
    """The running systems, and people at their screens."""

    url: str
    log: Path
    mail: MailSystem
    rt: RequestTracker
    monitoring: Alertmanager
    browser: Browser

    @contextlib.contextmanager
    def signed_in(self, login: str) -> Iterator[Page]:
        """A browser of this person, signed in through the page."""
        with self.browser.page(base_url=self.url) as page:
            page.goto("/auth/login")
            page.locator("[name=login]").fill(login)
            page.locator("[name=password]").fill(PASSWORD)
            page.get_by_role("button", name="Sign in").click()
            expect(page).not_to_have_url(re.compile("/auth/login"))
            yield page

    def shown(self, page: Page, address: str, *texts: str) -> None:
        """Load a page again and again until it says all of this."""

        def said() -> bool:
            page.goto(address)
            body = page.locator("main").inner_text()
            return all(text in body for text in texts)

        self.wait(
            said, lambda: f"{address} does not say all of {texts}:\n{page.locator('main').inner_text()}"
        )

    def letter(self, address: str, *texts: str) -> EmailMessage:
        """Wait for a mail with all of this in somebody's mailbox; there must be one only."""

        def arrived() -> list[EmailMessage]:
            mails = self.mail.messages(address)
            return [mail for mail in mails if all(text in read(mail) for text in texts)]

        found = self.wait(arrived, lambda: f"no mail with {texts}: {self.subjects(address)}")
        assert len(found) == 1, self.subjects(address)
        return found[0]

    def subjects(self, address: str) -> list[str]:
        """What lies in somebody's mailbox."""
        return [mail["Subject"] for mail in self.mail.messages(address)]

    def ticket(self) -> int:
        """Wait for the one ticket of the team's queue."""
        address = "/tickets?query=" + quote(f"Queue = '{QUEUE}'")
        items = self.wait(lambda: self.rt.call("GET", address)["items"], lambda: "no ticket was opened")
        [item] = items
        return int(item["id"])

    def wait(self, what: Callable[[], Found], complaint: Callable[[], str]) -> Found:
        """What a check finds as soon as it finds something."""
        end = time.monotonic() + PATIENCE
        while not (found := what()):
            assert time.monotonic() < end, complaint() + tail(self.log)
            time.sleep(0.3)
        return found


def read(mail: EmailMessage) -> str:
    """Subject and plain text of a mail."""
    body = mail.get_body(("plain",))
    return f"{mail['Subject']}\n{body.get_content() if body else ''}"


def reply_to(mail: EmailMessage, text: str) -> bytes:
    """What a mail program sends when the reader answers a mail."""
    reply = EmailMessage()
    reply["From"], reply["To"] = f"Petra Petersen <{PETRA}>", str(mail["Reply-To"])
    reply["Subject"], reply["Message-ID"] = f"Re: {mail['Subject']}", make_msgid(domain="customer.example")
    reply["In-Reply-To"] = reply["References"] = str(mail["Message-ID"])
    quoted = "\n".join(f"> {line}" for line in read(mail).splitlines())
    reply.set_content(f"{text}\n\nOn Monday Elbe Connect wrote:\n{quoted}\n")
    return reply.as_bytes()


@contextlib.contextmanager
def running(
    hub: Hub, world: World, mail: MailSystem, rt: RequestTracker, browser: Browser, log: Path
) -> Iterator[Scene]:
    """Set everything up by the verbs, then serve the hub from a process of its own."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    rt.create_queue(QUEUE)
    rt.create_user(TEAM_MEMBER)
    with hub.db.write() as session:
        for person, address in ((world.kim, KIM), (world.nordwind.person, PETRA), (world.bolt.person, BEN)):
            _move_to(session, person, address)
        _connect(hub, session, "mail", "Mail", "own", _mail_values(mail))
        monitored = _connect(hub, session, "alertmanager", "Alertmanager", "own", {})
        tickets = _connect(hub, session, "request_tracker", "NOC tickets", "team", _rt_values(rt))
        teams.add_team(session, HUB, QUEUE, connection_id=tickets.id, options={"queue": QUEUE})
        alert_token = connections.new_token(session, HUB, monitored)
        ticket_token = connections.new_token(session, HUB, tickets)
        alert_door, ticket_door = (f"{url}/in/{each.slug}" for each in (monitored, tickets))
    rt.push_to(ticket_door, {"Authorization": f"Bearer {ticket_token}"})
    with (
        _served(hub, port, url, log),
        alertmanager(alert_door, alert_token) as monitoring,
    ):
        yield Scene(url, log, mail, rt, monitoring, browser)


@contextlib.contextmanager
def _served(hub: Hub, port: int, url: str, log: Path) -> Iterator[None]:
    settings = hub.settings
    environment = {
        "HUB_DATABASE_URL": settings.database_url,
        "HUB_SECRET_KEY": settings.secret_key,
        "HUB_PORT": str(port),
        "HUB_INSTANCE": settings.instance,
        "HUB_MAIL_DOMAIN": settings.mail_domain,
        "HUB_PROVIDER_NAME": settings.provider_name,
    }

    def ready() -> bool:
        return requests.get(f"{url}/readyz", timeout=5).ok and "Contact Hub at" in log.read_text()

    argv = [sys.executable, "-m", "hub", "serve"]
    with service(argv, ready, log, env={**os.environ, **environment}, timeout=90):
        yield


def _connect(
    hub: Hub, session: Session, connector: str, name: str, side: str, values: dict[str, str]
) -> Connection:
    known = hub.registry.connector(connector)
    assert known is not None
    given = form_values(known.settings_model, {}) | values
    return connections.add_connection(
        session, HUB, hub.registry, hub.keyring, connector, name, side, given, allowed_networks=LOOPBACK
    )


def _mail_values(mail: MailSystem) -> dict[str, str]:
    return {
        "smtp_host": "127.0.0.1",
        "smtp_port": str(mail.smtp_port),
        "smtp_security": "none",
        "imap_host": "127.0.0.1",
        "imap_port": str(mail.imap_port),
        "imap_security": "none",
        "imap_user": "hub@hub.example",
        "imap_password": mail.password,
    }


def _rt_values(rt: RequestTracker) -> dict[str, str]:
    return {"url": rt.url, "login": "hub", "token": rt.token}


def _move_to(session: Session, person_id: uuid.UUID, address: str) -> None:
    """From now on the person reads mail in a mailbox of the running mail system."""
    for point in session.scalars(select(ContactPoint).where(ContactPoint.person_id == person_id)):
        people.end_point(session, HUB, point)
    people.add_point(session, HUB, person_id, "email", address, verified=True)
