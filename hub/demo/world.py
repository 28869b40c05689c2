"""Fills an empty hub with the cast, by the same verbs that the pages call."""

import socket
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy.orm import Session

from hub.base.errors import Misconfigured
from hub.demo import stories
from hub.demo.cast import CUSTOMERS, LAST_RESORT, OFFICE, PASSWORD, STAFF, TEAMS, Customer, Human, Thing
from hub.demo.ticket_tool import TOKEN
from hub.demo.tickets import HUB as LOGIN
from hub.domain import accounts, connections, coverage, people, teams
from hub.domain.accounts import Account, Site
from hub.domain.audit import Actor
from hub.domain.connections import Connection
from hub.domain.people import Person, PersonKind
from hub.flows.runtime import Hub
from hub.plugin.settings import form_values

ACTOR = Actor("hub", "Demo")
LOOPBACK = ("127.0.0.0/8",)
MONITORING, MAIL, TOOL = "alertmanager", "mail", "team-tool"
IDENTIFIERS = "circuit\nhost\nrack\nsensor\ndoor"


@dataclass(frozen=True, slots=True)
class Ports:
    """Where the stand-ins listen this time."""

    smtp: int
    tool: int


@dataclass(frozen=True, slots=True)
class Tokens:
    """What the stand-ins show at the hub's door; new ones at every start."""

    monitoring: str
    tool: str


def fill(hub: Hub) -> None:
    """Make the whole cast in one transaction: all of it is there, or nothing."""
    with hub.db.write() as session:
        ours = {human.login: _human(session, human) for human in STAFF}
        for human in STAFF:
            for role in human.roles:
                people.grant_role(session, ACTOR, ours[human.login], role)
        coverage.set_last_resort(session, ACTOR, ours[LAST_RESORT].id)
        theirs: dict[str, Person] = {}
        for customer in CUSTOMERS:
            theirs |= _customer(session, customer, ours)
        _connections(hub, session, Ports(*free_ports(2)))
        stories.begin(session, ours | theirs)


def free_ports(count: int) -> list[int]:
    """Ports of loopback that nobody listens on at this moment."""
    with ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]


def known_ports(hub: Hub) -> Ports:
    """Where the hub believes the stand-ins to listen; best they do."""
    with hub.db.read() as session:
        smtp = connections.find(session, MAIL).settings["smtp_port"]
        tool = urlsplit(connections.find(session, TOOL).settings["url"]).port
    return Ports(smtp, tool or 0)


def open_up(hub: Hub, ports: Ports) -> Tokens:
    """Tell the hub where the stand-ins listen if that has changed, and give them new tokens."""
    known = known_ports(hub)
    with hub.db.write() as session:
        for slug, values in ((MAIL, _smtp(ports)), (TOOL, _tool(ports))) if ports != known else ():
            found = connections.find(session, slug)
            full = _form(hub, found.connector, found.settings) | values
            connections.change_connection(session, ACTOR, hub.registry, hub.keyring, found, values=full)
        return Tokens(
            *(
                connections.new_token(session, ACTOR, connections.find(session, slug))
                for slug in (MONITORING, TOOL)
            )
        )


def _human(session: Session, human: Human) -> Person:
    person = people.add_person(
        session,
        ACTOR,
        human.name,
        zone=human.zone,
        emails=[human.email],
        phones=[human.phone] if human.phone else [],
    )
    people.set_password(session, ACTOR, person, human.login, PASSWORD)
    _verify(session, person)
    return person


def _verify(session: Session, person: Person) -> None:
    """Customers are told only over addresses that were verified."""
    for point in people.points_of(session, person.id):
        people.verify(session, ACTOR, point)


def _customer(session: Session, customer: Customer, ours: Mapping[str, Person]) -> dict[str, Person]:
    account = accounts.add_account(
        session,
        ACTOR,
        customer.name,
        slug=customer.slug,
        prefix=customer.prefix,
        zone=customer.zone,
        share_severity=None if customer.share_after_minutes is None else "critical",
        share_after_minutes=customer.share_after_minutes,
    )
    sites = {
        name: accounts.add_site(session, ACTOR, account, name, address=address, zone=zone)
        for name, address, zone in customer.sites
    }
    for thing in customer.things:
        _thing(session, account, thing, sites[thing.site])
    theirs = {human.login: _human(session, human) for human in customer.people}
    for human in customer.people:
        accounts.add_member(session, ACTOR, account, theirs[human.login], human.roles)
    for name, address in customer.functions:
        mailbox = people.add_person(
            session, ACTOR, name, kind=PersonKind.FUNCTION, zone=customer.zone, emails=[address]
        )
        _verify(session, mailbox)
        accounts.add_member(session, ACTOR, account, mailbox, ["technical"])
    _assign(session, account, customer, ours)
    return theirs


def _thing(session: Session, account: Account, thing: Thing, site: Site) -> None:
    service = accounts.add_service(session, ACTOR, account, thing.kind, thing.name, site_id=site.id)
    for kind, value in thing.identifiers:
        accounts.add_identifier(session, ACTOR, service, kind, value)


def _assign(session: Session, account: Account, customer: Customer, ours: Mapping[str, Person]) -> None:
    """The named contact in office hours, the deputy around the clock, somebody to escalate to."""
    for role, login, hours in (
        ("named", customer.named, OFFICE),
        ("deputy", customer.deputy, ()),
        ("escalation", customer.beyond, ()),
    ):
        human = next(human for human in STAFF if human.login == login)
        coverage.assign(
            session,
            ACTOR,
            account.id,
            role,
            ours[login].id,
            level=1 if role == "escalation" else 0,
            hours=hours,
            zone=customer.zone,
            reach_name=human.name,
            reach_phone=human.phone,
            reach_email=human.email,
        )


def _connections(hub: Hub, session: Session, ports: Ports) -> None:
    _connection(hub, session, "alertmanager", "Alertmanager", MONITORING, "own", {"identifiers": IDENTIFIERS})
    _connection(hub, session, "mail", "Mail", MAIL, "own", _smtp(ports))
    tool = _connection(hub, session, "request_tracker", "Team tickets", TOOL, "team", _tool(ports))
    for crew in TEAMS:
        by_mail = {"address": crew.email, "zone": crew.zone}
        reached = (
            tool
            if crew.queue
            else _connection(hub, session, "mail_order", crew.name, "", "supplier", by_mail)
        )
        teams.add_team(
            session,
            ACTOR,
            crew.name,
            kind=crew.kind,
            connection_id=reached.id,
            email=crew.email,
            options={"queue": crew.queue} if crew.queue else {},
            zone=crew.zone,
        )


def _connection(
    hub: Hub, session: Session, connector: str, name: str, slug: str, side: str, values: Mapping[str, str]
) -> Connection:
    return connections.add_connection(
        session,
        ACTOR,
        hub.registry,
        hub.keyring,
        connector,
        name,
        side,
        {**_form(hub, connector, {}), **values},
        slug=slug,
        allowed_networks=LOOPBACK,
    )


def _form(hub: Hub, connector: str, stored: Mapping[str, Any]) -> dict[str, str]:
    """What the form of a connector would post for stored settings, defaults included."""
    found = hub.registry.connector(connector)
    if found is None:
        raise Misconfigured(
            f"The demo needs the connector {connector}; `hub plugin list` says why it is missing."
        )
    return form_values(found.settings_model, stored)


def _smtp(ports: Ports) -> dict[str, str]:
    return {"smtp_host": "127.0.0.1", "smtp_port": str(ports.smtp), "smtp_security": "none"}


def _tool(ports: Ports) -> dict[str, str]:
    return {"url": f"http://127.0.0.1:{ports.tool}", "login": LOGIN, "token": TOKEN}
