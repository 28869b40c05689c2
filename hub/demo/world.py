"""Fills an empty hub with the cast, by the same verbs that the pages call."""

import uuid
from collections.abc import Mapping

from sqlalchemy.orm import Session

from hub.demo.cast import CUSTOMERS, LAST_RESORT, OFFICE, PASSWORD, STAFF, TEAMS, Customer, Human, Thing
from hub.domain import accounts, connections, coverage, people, teams
from hub.domain.accounts import Account, Site
from hub.domain.audit import Actor
from hub.domain.connections import Connection
from hub.domain.people import Person, PersonKind
from hub.flows.runtime import Hub

ACTOR = Actor("hub", "Demo")
LOOPBACK = ("127.0.0.0/8",)
MONITORING, MAIL, ORDERS = "alertmanager", "mail", "team-mail"
IDENTIFIERS = "circuit\nhost\nrack\nsensor\ndoor"


def fill(hub: Hub, smtp_port: int) -> None:
    """Make the whole cast in one transaction: all of it is there, or nothing."""
    with hub.db.write() as session:
        ours = {human.login: _human(session, human) for human in STAFF}
        for human in STAFF:
            for role in human.roles:
                people.grant_role(session, ACTOR, ours[human.login], role)
        coverage.set_last_resort(session, ACTOR, ours[LAST_RESORT])
        for customer in CUSTOMERS:
            _customer(session, customer, ours)
        _connections(hub, session, smtp_port)


def open_up(hub: Hub, smtp_port: int) -> str:
    """Tell the mail channel where the demo's mail server listens this time; answers a new webhook token."""
    with hub.db.write() as session:
        channel = connections.find(session, MAIL)
        if channel.settings["smtp_port"] != smtp_port:
            connections.change_connection(
                session, ACTOR, hub.registry, hub.keyring, channel, values=_smtp(smtp_port)
            )
        return connections.new_token(session, ACTOR, connections.find(session, MONITORING))


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
    return person


def _customer(session: Session, customer: Customer, ours: Mapping[str, Person]) -> None:
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
    for human in customer.people:
        person = _human(session, human)
        accounts.add_member(session, ACTOR, account, person, human.roles)
    for name, address in customer.functions:
        mailbox = people.add_person(
            session, ACTOR, name, kind=PersonKind.FUNCTION, zone=customer.zone, emails=[address]
        )
        accounts.add_member(session, ACTOR, account, mailbox, ["technical"])
    _assign(session, account, customer, ours)


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


def _connections(hub: Hub, session: Session, smtp_port: int) -> None:
    _connection(hub, session, "alertmanager", "Alertmanager", MONITORING, "own", {"identifiers": IDENTIFIERS})
    _connection(hub, session, "mail", "Mail", MAIL, "own", _smtp(smtp_port))
    orders = _connection(hub, session, "mail_order", "Work orders by mail", ORDERS, "team", {})
    _teams(session, orders.id)


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
        values,
        slug=slug,
        allowed_networks=LOOPBACK,
    )


def _smtp(port: int) -> dict[str, str]:
    return {"smtp_host": "127.0.0.1", "smtp_port": str(port), "smtp_security": "none"}


def _teams(session: Session, connection_id: uuid.UUID) -> None:
    for team in TEAMS:
        teams.add_team(
            session,
            ACTOR,
            team.name,
            kind=team.kind,
            connection_id=connection_id,
            email=team.email,
            zone=team.zone,
        )
