"""An erasure empties an entry and its copies, is itself an entry, and touches nothing else."""

import uuid

import pytest
import scene
from sqlalchemy import select

from hub.base import clock, ids
from hub.base.errors import Conflict, Invalid, NotFound
from hub.domain import erasing, outbox, quarantine, reading, timeline
from hub.domain.attachments import Attachment
from hub.domain.audit import Actor
from hub.domain.kinds import Kind
from hub.domain.outbox import Delivery
from hub.domain.quarantine import Quarantined, QuarantineKind
from hub.domain.timeline import Entry, NewEntry
from hub.flows.runtime import Hub

KIM = Actor("staff", "Kim Brandt", uuid.uuid4())
SECRET = "Ms Petersen is ill"


@pytest.fixture
def acme(hub: Hub) -> scene.Place:
    (place,) = scene.accounts(hub.db, "Acme")
    _write(hub, place)
    return place


def _write(hub: Hub, place: scene.Place) -> None:
    """Entries of which the second came by mail, with a file, and is on its way to somebody."""
    with hub.db.write() as session:
        mailbox = scene.connection(session, f"Mail {place.prefix}")
        session.flush()  # the kept mail refers to the connection
        kept = quarantine.keep(
            session, mailbox, QuarantineKind.MAIL, "unknown sender", SECRET.encode(), subject=SECRET
        )
        session.flush()  # the kept mail is looked up
        row = quarantine.get(session, kept)
        row.filed_account, row.filed_seq = place.account, 2
        facts = {"person": "Ms Petersen"}
        write = [NewEntry(place.account, Kind.NOTE, KIM, facts, body=SECRET, audience="customer")] * 3
        timeline.append(session, *write)
        session.add(_file(place))
        for seq in (1, 2):
            outbox.put(session, "mail", {"entry_seq": seq, "text": SECRET}, account_id=place.account)


def _file(place: scene.Place) -> Attachment:
    return Attachment(
        account_id=place.account, id=ids.new_id(), entry_seq=2, audience="customer", name="sick-note.pdf",
        media_type="application/pdf", size=3, sha256="abc", created_at=clock.now(), content=b"pdf",
    )  # fmt: skip


def erase(hub: Hub, place: scene.Place, seq: int = 2, why: str = "asked by Ms Petersen") -> int:
    with hub.db.write() as session:
        return erasing.erase(session, KIM, place.account, seq, why)


def test_nothing_of_it_is_left_but_the_line(hub: Hub, acme: scene.Place) -> None:
    with hub.db.read() as session:
        digest = session.scalar(select(Entry.digest).where(Entry.seq == 2))
    assert erase(hub, acme) == 4
    with hub.db.read() as session:
        entries = {e.seq: e for e in session.scalars(select(Entry))}
        gone = entries[2]
        assert (gone.sentence, gone.body, gone.data, gone.actor_name, gone.salt) == ("", None, {}, "", "")
        assert (gone.digest, gone.customer_seq, gone.kind) == (digest, 2, Kind.NOTE)
        assert (entries[4].kind, entries[4].source_seq, entries[4].audience) == (Kind.ERASED, 2, "staff")
        assert entries[1].body == entries[3].body == SECRET
        (file,) = session.scalars(select(Attachment))
        assert (file.content, file.name) == (None, "")
        first, second = session.scalars(select(Delivery).order_by(Delivery.id))
        assert (first.state, first.body["text"]) == ("due", SECRET)
        assert (second.state, second.body) == ("cancelled", {"entry_seq": 2})
        (kept,) = session.scalars(select(Quarantined))
        assert (kept.body, kept.subject) == (None, "")


def test_what_another_account_has_under_the_same_number_stays(hub: Hub, acme: scene.Place) -> None:
    (bolt,) = scene.accounts(hub.db, "Bolt", circuit="CIR-2")
    _write(hub, bolt)
    erase(hub, acme)
    with hub.db.read() as session:
        entries = session.scalars(select(Entry).where(Entry.account_id == bolt.account).order_by(Entry.seq))
        assert [(entry.body, entry.erased_at) for entry in entries] == [(SECRET, None)] * 3
        file = session.scalars(select(Attachment).where(Attachment.account_id == bolt.account)).one()
        assert (file.content, file.name) == (b"pdf", "sick-note.pdf")
        sent = session.scalars(
            select(Delivery).where(Delivery.account_id == bolt.account).order_by(Delivery.id)
        )
        assert [(each.state, each.body) for each in sent] == [
            ("due", {"entry_seq": seq, "text": SECRET}) for seq in (1, 2)
        ]
        kept = session.scalars(select(Quarantined).where(Quarantined.filed_account == bolt.account)).one()
        assert (kept.body, kept.subject) == (SECRET.encode(), SECRET)


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("lens", ["staff", "customer"])
def test_nobody_reads_a_sentence_where_it_stood(
    hub: Hub, acme: scene.Place, lens: str, language: str
) -> None:
    erase(hub, acme)
    with hub.db.read() as session:
        lines = reading.page(session, acme.account, reading.View(lens, language, headlines=False)).lines
    shown = {line.seq: (line.erased, line.sentence, line.body) for line in lines}
    assert shown[2] == (True, "", None)
    assert shown[1][1] != ""


def test_it_needs_a_reason_and_happens_once(hub: Hub, acme: scene.Place) -> None:
    with pytest.raises(Invalid):
        erase(hub, acme, why="  ")
    with pytest.raises(NotFound):
        erase(hub, acme, seq=9)
    erase(hub, acme)
    with pytest.raises(Conflict):
        erase(hub, acme)


def test_a_correction_stands_beside_what_it_corrects_for_the_same_readers(
    hub: Hub, acme: scene.Place
) -> None:
    with hub.db.write() as session:
        seq = erasing.correct(session, KIM, acme.account, 1, "Ms Petersen is well")
    with hub.db.read() as session:
        entries = {e.seq: e for e in session.scalars(select(Entry))}
    assert (entries[seq].source_seq, entries[seq].audience) == (1, "customer")
    assert entries[seq].sentence == "A correction: Ms Petersen is well."
    assert entries[1].body == SECRET
