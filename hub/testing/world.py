"""People with names for tests: two customers, who is responsible for them, a team and a mailbox.

Nordwind's contact is Kim Brandt, deputised by Dana Krause; Bolt's is Maya Cohen. Rita Okafor is admin and the
last resort. Petra Petersen (Nordwind) and Ben Bolt (Bolt) use the portal. Circuit CIR-4711 is Nordwind's,
CIR-4800 is Bolt's, and CIR-SHARED is known by both.
"""

import uuid
from dataclasses import dataclass

from sqlalchemy.orm import Session

from hub.domain import accounts, coverage, people
from hub.domain.accounts import Account
from hub.domain.audit import HUB
from hub.domain.people import Person
from hub.flows.runtime import Hub

PASSWORD = "correct horse battery"  # noqa: S105 - of people in tests


@dataclass(frozen=True)
class Customer:
    """An account with its one circuit and the person who uses the portal."""

    account: uuid.UUID
    slug: str
    service: uuid.UUID
    person: uuid.UUID
    login: str


@dataclass(frozen=True)
class World:
    """Who is who; every login is a mail address, every password `PASSWORD`."""

    nordwind: Customer
    bolt: Customer
    kim: uuid.UUID
    dana: uuid.UUID
    maya: uuid.UUID
    rita: uuid.UUID


def build(hub: Hub) -> World:
    """Fill an empty hub, in one transaction."""
    with hub.db.write() as session:
        kim = _one_of_us(session, "Kim Brandt", "contact")
        dana = _one_of_us(session, "Dana Krause", "contact")
        maya = _one_of_us(session, "Maya Cohen", "contact")
        rita = _one_of_us(session, "Rita Okafor", "admin", "lead")
        coverage.set_last_resort(session, HUB, rita.id)
        nordwind = _customer(session, "Nordwind", "Petra Petersen", "CIR-4711")
        bolt = _customer(session, "Bolt", "Ben Bolt", "CIR-4800")
        for customer, named, deputy in ((nordwind, kim, dana), (bolt, maya, dana)):
            _assign(session, customer, "named", named, f"{named.name.split()[0]} of Elbe Connect")
            _assign(session, customer, "deputy", deputy, "Your deputy contact")
        return World(nordwind, bolt, kim.id, dana.id, maya.id, rita.id)


def _person(session: Session, name: str, domain: str) -> tuple[Person, str]:
    login = f"{name.split()[0].lower()}@{domain}"
    person = people.add_person(session, HUB, name)
    people.add_point(session, HUB, person.id, "email", login, verified=True)
    people.set_password(session, HUB, person, login, PASSWORD)
    return person, login


def _one_of_us(session: Session, name: str, *roles: str) -> Person:
    person, _ = _person(session, name, "elbe.example")
    for role in roles:
        people.grant_role(session, HUB, person, role)
    return person


def _assign(session: Session, customer: Customer, role: str, person: Person, known_as: str) -> None:
    coverage.assign(
        session,
        HUB,
        customer.account,
        role,
        person.id,
        reach_name=known_as,
        reach_phone="+49 40 555 0142",
        reach_email="team@elbe.example",
    )


def _customer(session: Session, name: str, speaker: str, circuit: str) -> Customer:
    account: Account = accounts.add_account(session, HUB, name, prefix=name[:4])
    service = accounts.add_service(session, HUB, account, "circuit", f"{name} line")
    for value in (circuit, "CIR-SHARED"):
        accounts.add_identifier(session, HUB, service, "circuit", value)
    person, login = _person(session, speaker, f"{account.slug}.example")
    accounts.add_member(session, HUB, account, person, ["portal_admin"])
    return Customer(account.id, account.slug, service.id, person.id, login)
