"""A hub that sends real SMTP to a sink in this process, with the flows of mail wired up."""

import email
import email.policy
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Any

from sqlalchemy import select

from hub.domain import access, cases, connections, teams
from hub.domain.access import Viewer
from hub.domain.accounts import Account
from hub.domain.audit import HUB
from hub.domain.cases import Case, NewCase
from hub.domain.outbox import DELIVERIES
from hub.domain.quarantine import Quarantined
from hub.domain.timeline import ENTRIES
from hub.flows import addresses, delivery, desk, mailroom
from hub.flows.runtime import Hub
from hub.testing.peers.smtp_sink import SmtpSink, smtp_sink
from hub.testing.world import World


@dataclass
class Scene:
    """The hub under test with its people, its mail server and the connection to it."""

    hub: Hub
    world: World
    sink: SmtpSink
    connection: uuid.UUID

    def viewer(self, person_id: uuid.UUID) -> Viewer:
        with self.hub.db.read() as session:
            return access.viewer_of(session, person_id)

    def case(self, shared: bool = True, **fields: Any) -> uuid.UUID:
        """A case of Nordwind, opened by Kim."""
        given = {"title": "Line down", "service_id": self.world.nordwind.service} | fields
        viewer = self.viewer(self.world.kim)
        with self.hub.db.write() as session:
            account = session.get_one(Account, self.world.nordwind.account)
            case = cases.open_case(
                session, desk.acting(session, viewer, account.id), account, NewCase(**given)
            ).case
            if shared:
                cases.share(session, HUB, case, "Your line is down")
            return case.id

    def get(self, case_id: uuid.UUID) -> Case:
        with self.hub.db.read() as session:
            return session.scalars(select(Case).where(Case.id == case_id)).one()

    def tell(self, audience: str, case_id: uuid.UUID, event: str, **more: Any) -> None:
        with self.hub.db.write() as session:
            case = session.scalars(select(Case).where(Case.id == case_id)).one()
            cases.tell(session, audience, case, event, **more)

    def deliver(self) -> int:
        return delivery.run_due(self.hub)

    def mails(self) -> list[EmailMessage]:
        return [parsed(mail.raw) for mail in self.sink.received]

    def sent_to(self) -> list[str]:
        return sorted(address for mail in self.sink.received for address in mail.recipients)

    def entries(self, *kinds: str) -> list[Any]:
        with self.hub.db.read() as session:
            query = select(ENTRIES).order_by(ENTRIES.c.account_id, ENTRIES.c.seq)
            return list(session.execute(query.where(ENTRIES.c.kind.in_(kinds)) if kinds else query))

    def deliveries(self, kind: str) -> list[Any]:
        with self.hub.db.read() as session:
            return list(session.execute(select(DELIVERIES).where(DELIVERIES.c.kind == kind)))


def parsed(raw: bytes) -> EmailMessage:
    return email.message_from_bytes(raw.replace(b"\r\n", b"\n"), policy=email.policy.default)


def text_of(mail: EmailMessage, kind: str = "plain") -> str:
    body = mail.get_body((kind,))
    assert body is not None
    return body.get_content()


def add_mail_connection(hub: Hub, smtp_port: int, **settings: Any) -> uuid.UUID:
    given = {"smtp_host": "127.0.0.1", "smtp_port": str(smtp_port), "smtp_security": "none"}
    values = {name: str(value) for name, value in (given | settings).items()}
    with hub.db.write() as session:
        return connections.add_connection(
            session,
            HUB,
            hub.registry,
            hub.keyring,
            "mail",
            "Mail",
            "own",
            values,
            allowed_networks=["127.0.0.0/8"],
        ).id


@contextmanager
def mail_scene(hub: Hub, world: World) -> Iterator[Scene]:
    with smtp_sink() as sink:
        yield Scene(hub, world, sink, add_mail_connection(hub, sink.port))


PETRA = "Petra Petersen <petra@nordwind.example>"


def mail(
    sender: str = PETRA, to: str = "hub@hub.example", text: str = "It works again.", **headers
) -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"] = sender, to
    message["Message-ID"] = f"<{uuid.uuid4()}@nordwind.example>"
    for name, value in ({"Subject": "Re: the line"} | headers).items():
        message[name.replace("_", "-")] = value
    message.set_content(text)
    return message


def token(scene: Scene, kind: str, object_id: uuid.UUID) -> str:
    return addresses.reply_address(scene.hub.settings, scene.hub.keyring, kind, object_id)


def take(scene: Scene, message: EmailMessage | bytes) -> str:
    raw = message if isinstance(message, bytes) else message.as_bytes()
    return mailroom.deliver(scene.hub, raw)


def parked(scene: Scene) -> list[Quarantined]:
    with scene.hub.db.read() as session:
        found = list(session.scalars(select(Quarantined).where(Quarantined.handled_at.is_(None))))
        _ = [each.body for each in found]
        return found


def wrote(scene: Scene) -> list[str]:
    return [entry.body for entry in scene.entries("message.customer")]


def assert_parked(scene: Scene, outcome: str, *words: str) -> Quarantined:
    assert outcome == "parked"
    [kept] = parked(scene)
    assert all(word in kept.reason for word in words), kept.reason
    assert wrote(scene) == []
    return kept


def order(scene: Scene, **team) -> uuid.UUID:
    given = {"email": "field@team.example"} | team
    viewer, case_id = scene.viewer(scene.world.kim), scene.case()
    with scene.hub.db.write() as session:
        row = teams.add_team(session, HUB, "Field", **given)
        case = cases.get_case(session, case_id)
        return desk.place_order(session, viewer, case, row, "Measure", "Please measure.").id
