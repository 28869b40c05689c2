"""What the desk does with parked mail, and how mailboxes are fetched."""

import uuid
from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import pytest
from mail_scene import Scene, mail, mail_scene, parked, take, token, wrote
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from structlog.processors import format_exc_info
from structlog.testing import capture_logs

from hub import hookimpl
from hub.app import create_hub
from hub.base.errors import Conflict, Forbidden, Unavailable
from hub.domain import attachments, cases, connections, people, quarantine, teams
from hub.domain.audit import HUB
from hub.flows import desk, mailroom
from hub.flows.mailroom import door
from hub.plugin.contracts import Connector, InMail, PulledMail, RetryLater
from plugins.channels.mail.settings import MailSettings


@pytest.fixture
def scene(hub, world):
    with mail_scene(hub, world) as made:
        yield made


def file(scene: Scene, case_id: uuid.UUID, person: uuid.UUID | None = None) -> None:
    viewer = scene.viewer(person or scene.world.kim)
    [waiting] = parked(scene)
    with scene.hub.db.write(viewer.lens_scope("staff")) as session:
        kept = quarantine.get(session, waiting.id)
        mailroom.file_parked(session, viewer, kept, cases.get_case(session, case_id))


# The desk


def test_a_strangers_mail_becomes_a_note_with_all_of_it(scene):
    case = scene.case()
    message = mail("Eve <eve@evil.example>", text="I saw it.\n\n> quoted", Subject="About the line")
    message.add_attachment(b"x", maintype="text", subtype="csv", filename="log.csv")
    take(scene, message)
    file(scene, case)
    [note] = scene.entries("message.note")
    for part in ("Eve <eve@evil.example>: About the line", "I saw it.", "> quoted"):
        assert part in note.body
    assert (note.audience, note.case_id) == ("staff", case)
    with scene.hub.db.read() as session:
        [kept] = session.scalars(select(attachments.Attachment))
        assert (kept.audience, kept.entry_seq, kept.content) == ("staff", note.seq, b"x")


def test_a_customers_mail_becomes_their_word_and_is_told(scene):
    case = scene.case()
    take(scene, mail(text="No number here."))
    file(scene, case)
    assert wrote(scene) == ["No number here."]
    scene.deliver()
    assert scene.sent_to() == ["kim@elbe.example"]


def test_a_customers_mail_on_a_case_that_is_not_shared_stays_among_us(scene):
    case = scene.case(shared=False)
    take(scene, mail(text="No number here."))
    file(scene, case)
    [note] = scene.entries("message.note")
    assert note.audience == "staff"


def test_a_teams_mail_is_put_onto_its_order_as_the_teams_word(scene):
    viewer, case_id = scene.viewer(scene.world.kim), scene.case()
    with scene.hub.db.write() as session:
        team = teams.add_team(session, HUB, "Field", email="field@team.example")
        case = cases.get_case(session, case_id)
        number = desk.place_order(session, viewer, case, team, "Measure", "Please measure.").number
    for sender in ("Tom <field@team.example>", "Eve <eve@evil.example>"):
        take(scene, mail(sender, Subject=number, text=f"I am {sender}"))
    for waiting in parked(scene):
        with scene.hub.db.write() as session:
            target = mailroom.target_of(session, viewer, number)
            mailroom.file_parked(session, viewer, quarantine.get(session, waiting.id), target)
    assert parked(scene) == []
    said = scene.entries("order.message")[-1]
    assert (said.body, said.data["person"], said.audience) == (
        "I am Tom <field@team.example>",
        "Tom",
        "staff",
    )
    [note] = scene.entries("message.note")
    assert (note.actor_id, note.case_id, "eve@evil.example" in note.body) == (scene.world.kim, case_id, True)


def test_what_was_filed_is_off_the_queue_and_emptied(scene):
    case = scene.case()
    take(scene, mail())
    file(scene, case)
    assert parked(scene) == []
    with scene.hub.db.write() as session:
        [kept] = session.scalars(select(quarantine.Quarantined))
        assert (kept.body, kept.sender, kept.subject) == (None, "", "")
        assert (kept.outcome, kept.filed_account) == ("Filed.", scene.get(case).account_id)
        with pytest.raises(Conflict):
            mailroom.file_parked(session, scene.viewer(scene.world.kim), kept, cases.get_case(session, case))


def test_a_mail_too_large_to_read_is_filed_by_its_headers_and_kept(scene):
    case = scene.case()
    raw = mail("Eve <eve@evil.example>", Subject="Huge").as_bytes() + b"x" * 26 * 1024 * 1024
    take(scene, raw)
    file(scene, case)
    assert "Huge" in scene.entries("message.note")[0].body
    with scene.hub.db.read() as session:
        [kept] = session.scalars(select(quarantine.Quarantined))
        assert kept.body == raw


def test_a_mail_with_two_senders_is_nobodys_word(scene):
    case = scene.case()
    raw = mail(to=token(scene, "case", case)).as_bytes()
    assert take(scene, raw.replace(b"From:", b"From: Eve <eve@evil.example>\nfrom:", 1)) == "parked"
    [waiting] = parked(scene)
    assert waiting.reason == "It names more than one sender."
    assert waiting.sender == "Eve <eve@evil.example>, Petra Petersen <petra@nordwind.example>"
    file(scene, case)
    [note] = scene.entries("message.note")
    assert wrote(scene) == []
    for part in ("eve@evil.example", "petra@nordwind.example", "It works again."):
        assert part in note.body


def test_an_auditor_files_nothing(scene):
    case = scene.case()
    take(scene, mail())
    with scene.hub.db.write() as session:
        person = people.add_person(session, HUB, "Ada Auditor")
        people.grant_role(session, HUB, person, "auditor")
    with pytest.raises(Forbidden):
        file(scene, case, person.id)
    assert len(parked(scene)) == 1


def test_a_mail_that_cannot_be_taken_is_parked_and_not_lost(scene, monkeypatch):
    def broken(*_: object) -> None:
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr(door, "append", broken)
    message = mail(to=token(scene, "case", scene.case()))
    assert take(scene, message) == "parked"
    [kept] = parked(scene)
    assert kept.body == message.as_bytes()
    assert "RuntimeError" in kept.reason


def test_the_words_of_a_mail_that_cannot_be_taken_are_not_logged(scene, monkeypatch):
    def broken(*_: object) -> None:
        raise IntegrityError("INSERT", {"body": "a word in confidence"}, Exception("Key (in confidence)"))

    monkeypatch.setattr(door, "append", broken)
    with capture_logs([format_exc_info]) as logs:
        assert take(scene, mail(to=token(scene, "case", scene.case()))) == "parked"
    [line] = [line for line in logs if line["event"] == "mail.not_taken"]
    assert line["error"] == "IntegrityError"
    assert line["frames"][-1].endswith(" in broken")
    assert "in confidence" not in str(logs) + parked(scene)[0].reason


# Mailboxes


@dataclass
class Mailbox(Connector[MailSettings]):
    """A channel that hands out mails from a list, two a page."""

    name = "mailbox"
    kind = "channel"
    title = "A mailbox in this process"
    capabilities = frozenset({"pull_mail"})
    settings_model = MailSettings
    mails: list[InMail] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    fails: bool = False

    def pull_mail(self, ctx, cursor: str) -> PulledMail:
        self.asked.append(cursor)
        if self.fails:
            raise RetryLater("The IMAP server cannot be spoken to.")
        start = int(cursor or 0)
        page: Sequence[InMail] = self.mails[start : start + 2]
        end = start + len(page)
        return PulledMail(tuple(page), str(end), more=end < len(self.mails))

    @hookimpl
    def hub_connectors(self, register) -> None:
        register(self)


@contextmanager
def fetching(scene: Scene, box: Mailbox):
    hub = create_hub(scene.hub.settings, plugins=[("mailbox", box)])
    with hub.db.write() as session:
        values = {"smtp_host": "x", "smtp_port": "25", "smtp_security": "none", "largest_mail_mib": "25"}
        values |= {"imap_port": "143", "imap_security": "none"}
        added = connections.add_connection(
            session, HUB, hub.registry, hub.keyring, "mailbox", "Box", "own", values
        )
    try:
        yield hub, added.id
    finally:
        hub.close()


def test_a_mailbox_is_read_to_its_end_and_only_once(moving_clock, scene):
    to = token(scene, "case", scene.case())
    box = Mailbox([InMail(f"1.{n}", mail(to=to, text=f"mail {n}").as_bytes()) for n in range(5)])
    with fetching(scene, box) as (hub, _):
        mailroom.poll_due(hub)
        assert wrote(scene) == [f"mail {n}" for n in range(5)]
        mailroom.poll_due(hub)
        assert len(box.asked) == 3
        moving_clock.forward(mailroom.polling.EVERY * 2)
        mailroom.poll_due(hub)
        assert (len(wrote(scene)), box.asked[-1]) == (5, "5")


def test_a_poll_cut_short_loses_and_doubles_nothing(scene, monkeypatch):
    to = token(scene, "case", scene.case())
    box = Mailbox([InMail(f"1.{n}", mail(to=to, text=f"mail {n}").as_bytes()) for n in range(4)])
    taken = 0

    def once_interrupted(*args, **kwargs):
        nonlocal taken
        taken += 1
        if taken == 4:
            raise Unavailable("The database is busy.")
        return mailroom.deliver(*args, **kwargs)

    monkeypatch.setattr(mailroom.polling, "deliver", once_interrupted)
    with fetching(scene, box) as (hub, connection_id):
        with pytest.raises(Unavailable):
            mailroom.poll(hub, connection_id)
        with hub.db.write() as session:  # as when the lease has run out
            connections.settle_poll(session, connection_id, None)
        mailroom.poll(hub, connection_id)
    assert wrote(scene) == [f"mail {n}" for n in range(4)]


def test_a_mailbox_that_cannot_be_read_shows_on_the_health_page(scene):
    box = Mailbox(fails=True)
    with fetching(scene, box) as (hub, connection_id):
        mailroom.poll(hub, connection_id)
        with hub.db.read() as session:
            connection = connections.by_id(session, connection_id)
    assert connection.failures == 1
    assert box.asked == [""]


def test_the_beginning_of_a_mail_that_was_too_large_to_fetch_is_parked(scene):
    raw = mail(to=token(scene, "case", scene.case())).as_bytes()
    box = Mailbox([replace(InMail("1.1", raw), trouble="The mail is larger than 25 MiB.")])
    with fetching(scene, box) as (hub, connection_id):
        mailroom.poll(hub, connection_id)
    [kept] = parked(scene)
    assert (kept.reason, kept.connection_id, kept.sender) == (
        "The mail is larger than 25 MiB.",
        connection_id,
        "petra@nordwind.example",
    )
    assert wrote(scene) == []
