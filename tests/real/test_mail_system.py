"""Against a real Postfix and a real Dovecot: the mail goes out, the answer comes back onto the case."""

import uuid
from collections.abc import Iterator
from datetime import timedelta
from email.message import EmailMessage

import pytest
from mail_scene import add_mail_connection, text_of
from sqlalchemy import select

from hub.base import clock
from hub.domain import access, cases, connections, people, quarantine, teams, workorders
from hub.domain.accounts import Account
from hub.domain.audit import HUB
from hub.domain.cases import NewCase
from hub.domain.timeline import ENTRIES
from hub.flows import delivery, desk, mailroom
from hub.flows.mailroom.door import UNPROVEN
from hub.testing.peers.mail import MailSystem, mail_system

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def post() -> Iterator[MailSystem]:
    with mail_system() as peer:
        yield peer


@pytest.fixture
def mailbox(hub, world, post):
    """The connection of the hub to its mail server."""
    imap = {"imap_host": "127.0.0.1", "imap_port": post.imap_port, "imap_security": "none"}
    login = {"imap_user": "hub@hub.example", "imap_password": post.password}
    return add_mail_connection(hub, post.smtp_port, **imap, **login)


def give_address(hub, person, address: str) -> None:
    with hub.db.write() as session:
        for point in people.points_of(session, person):
            people.end_point(session, HUB, point)
        people.add_point(session, HUB, person, "email", address, verified=True)


def shared_case(hub, world, title: str, by: uuid.UUID) -> tuple[access.Viewer, uuid.UUID]:
    with hub.db.write() as session:
        viewer = access.viewer_of(session, by)
        account = session.get_one(Account, world.nordwind.account)
        new = NewCase(title=title, customer_title=title, service_id=world.nordwind.service)
        return viewer, desk.open_case(session, viewer, account, new, share=True).id


def bodies(hub, kind: str) -> list[str]:
    with hub.db.read() as session:
        return [row.body for row in session.execute(ENTRIES.select().where(ENTRIES.c.kind == kind))]


def answer(mail: EmailMessage, sender: str, text: str) -> EmailMessage:
    reply = EmailMessage()
    reply["From"], reply["To"], reply["Subject"] = sender, mail["Reply-To"], f"Re: {mail['Subject']}"
    reply["Message-ID"] = f"<answer.{mail['Message-ID'][1:40]}@customer.example>"
    reply["In-Reply-To"] = mail["Message-ID"]
    quoted = "\n".join(f"> {line}" for line in text_of(mail).splitlines())
    reply.set_content(f"{text}\n\nOn Monday {mail['From']} wrote:\n{quoted}\n")
    return reply


def test_a_published_sentence_and_the_answer_to_it_travel_by_real_mail(hub, world, post, mailbox):
    give_address(hub, world.nordwind.person, "petra@customer.example")
    viewer, case_id = shared_case(hub, world, "Störung der Leitung", world.kim)
    with hub.db.write() as session:
        case = cases.get_case(session, case_id)
        next_update = clock.now() + timedelta(days=1)
        desk.publish_to_customer(
            session, viewer, case, "Die Faser ist gebrochen.", next_step="Ein Spleißer fährt hin",
            next_update_by=next_update,
        )  # fmt: skip
    delivery.run_due(hub)
    mails = post.wait_for("petra@customer.example", 2)
    mail = next(each for each in mails if "Faser" in text_of(each))
    assert mail["Subject"].endswith("Störung der Leitung")
    assert "Ein Spleißer fährt hin" in text_of(mail)
    reply = answer(mail, "Petra <petra@customer.example>", "Danke, wir warten.")
    post.send(reply.as_bytes(), "petra@customer.example", mail["Reply-To"])
    post.wait_for("hub@hub.example")
    mailroom.poll(hub, mailbox)
    assert bodies(hub, "message.customer") == ["Danke, wir warten."]
    mailroom.poll(hub, mailbox)
    assert bodies(hub, "message.customer") == ["Danke, wir warten."]
    with hub.db.read() as session:
        assert connections.by_id(session, mailbox).cursor.endswith(
            f".{len(post.messages('hub@hub.example'))}"
        )


def test_what_a_real_mail_proves_decides_where_it_goes(hub, world, post, mailbox):
    give_address(hub, world.nordwind.person, "petra@customer.example")
    viewer, case_id = shared_case(hub, world, "Line down", world.kim)
    delivery.run_due(hub)
    mail = post.wait_for("petra@customer.example")[-1]
    guessed, proven = EmailMessage(), answer(mail, "Petra <petra@customer.example>", "It is the router.")
    guessed["From"], guessed["Subject"] = "Petra <petra@customer.example>", mail["Subject"]
    guessed["To"], guessed["Message-ID"] = "hub@hub.example", "<guessed@customer.example>"
    guessed.set_content("Please close it.")
    proven.replace_header("To", "hub@hub.example")
    before = len(post.messages("hub@hub.example"))
    for message in (guessed, proven):
        post.send(message.as_bytes(), "petra@customer.example", "hub@hub.example")
    post.wait_for("hub@hub.example", before + 2)
    mailroom.poll(hub, mailbox)
    assert bodies(hub, "message.customer") == ["It is the router."]
    with hub.db.write() as session:
        case = cases.get_case(session, case_id)
        parked = session.scalars(select(quarantine.Quarantined))  # the mailbox also holds mail of other tests
        about = guessed["Subject"]
        [kept] = [each for each in parked if (each.subject, each.reason) == (about, UNPROVEN)]
        mailroom.file_parked(session, viewer, kept, case)
    assert bodies(hub, "message.customer") == ["It is the router.", "Please close it."]


def test_a_work_order_by_mail_and_the_teams_answer(hub, world, post, mailbox):
    viewer, case_id = shared_case(hub, world, "Line down", world.kim)
    with hub.db.write() as session:
        team = teams.add_team(session, HUB, "Field", email="field@team.example")
        case = cases.get_case(session, case_id)
        order = desk.place_order(session, viewer, case, team, "Measure", "Please measure both ends.").id
    delivery.run_due(hub)
    mail = post.wait_for("field@team.example")[-1]
    assert "Please measure both ends." in text_of(mail)
    reply = answer(mail, "Tom <field@team.example>", "The fibre is cut.")
    before = len(post.messages("hub@hub.example"))
    post.send(reply.as_bytes(), "field@team.example", mail["Reply-To"])
    post.wait_for("hub@hub.example", before + 1)
    mailroom.poll(hub, mailbox)
    with hub.db.read() as session:
        assert workorders.get_order(session, order).last_word == "The fibre is cut."


def test_an_address_that_a_real_server_refuses_is_said(hub, world, post, mailbox):
    give_address(hub, world.kim, "nobody@team.example")
    give_address(hub, world.dana, "dana@team.example")
    give_address(hub, world.nordwind.person, "petra@customer.example")
    shared_case(hub, world, "Line down", world.rita)
    delivery.run_due(hub)
    with hub.db.read() as session:
        [missed] = session.execute(ENTRIES.select().where(ENTRIES.c.kind == "notice.not_sent"))
    assert "550" in missed.data["why"]
    assert "those before you" in text_of(post.wait_for("dana@team.example")[-1])
