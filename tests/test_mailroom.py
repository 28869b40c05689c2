"""The mailroom: what may append where, and what is parked instead."""

import email
import email.policy
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from mail_scene import PETRA, Scene, assert_parked, mail, mail_scene, parked, take, token, wrote
from sqlalchemy import select

from hub.base import ids
from hub.base.crypto import Keyring, new_key
from hub.base.errors import Misconfigured
from hub.domain import accounts, attachments, cases, people, quarantine, teams, workorders
from hub.domain.accounts import Account
from hub.domain.audit import HUB, AuditLine
from hub.domain.cases import CaseState
from hub.flows import addresses, desk, mailroom
from hub.flows.mailroom.door import MOST_AN_HOUR
from hub.flows.mailroom.reading import read


@pytest.fixture
def scene(hub, world):
    with mail_scene(hub, world) as made:
        yield made


# What appends


def test_an_answer_to_a_genuine_address_is_the_customers_word(scene):
    case = scene.case()
    assert take(scene, mail(to=token(scene, "case", case))) == "appended"
    [entry] = scene.entries("message.customer")
    assert (entry.body, entry.audience, entry.channel, entry.direction) == (
        "It works again.",
        "customer",
        "email",
        "in",
    )
    assert (entry.case_id, entry.actor_id) == (case, scene.world.nordwind.person)


def test_whoever_works_on_the_case_is_told_and_the_writer_is_not(scene):
    take(scene, mail(to=token(scene, "case", scene.case())))
    scene.deliver()
    assert scene.sent_to() == ["kim@elbe.example"]


def test_an_answer_ends_a_wait_for_the_customer(scene):
    case = scene.case()
    with scene.hub.db.write() as session:
        cases.wait(session, HUB, cases.get_case(session, case), "customer")
    take(scene, mail(to=token(scene, "case", case)))
    assert scene.get(case).state == CaseState.IN_PROGRESS


def test_thanks_do_not_reopen_a_solved_case(scene):
    case = scene.case()
    with scene.hub.db.write() as session:
        cases.resolve(session, HUB, cases.get_case(session, case), "A fibre was replaced.")
    assert take(scene, mail(to=token(scene, "case", case), text="Thanks!")) == "appended"
    assert scene.get(case).state == CaseState.RESOLVED


def test_an_answer_long_after_opens_a_case_that_follows(moving_clock, scene):
    case = scene.case()
    with scene.hub.db.write() as session:
        cases.resolve(session, HUB, cases.get_case(session, case), "A fibre was replaced.")
    moving_clock.forward(cases.GRACE + timedelta(days=1))
    assert take(scene, mail(to=token(scene, "case", case), text="It is back.")) == "appended"
    [entry] = scene.entries("case.followed")
    assert entry.case_id != case
    assert scene.get(entry.case_id).follows_id == case


def test_the_mail_that_is_answered_is_proof_enough(scene):
    case = scene.case()
    scene.tell("customers", case, "published:1")
    scene.deliver()
    answered = scene.mails()[0]["Message-ID"]
    assert take(scene, mail(In_Reply_To=answered)) == "appended"
    assert take(scene, mail(References=f"<x@nordwind.example> {answered}")) == "appended"


def test_a_case_number_proves_nothing_and_makes_a_proposal(scene):
    number = scene.get(scene.case()).number
    message = mail(Subject=f"AW: question on {number.lower()}, NORD-999999")
    kept = assert_parked(scene, take(scene, message), "Nothing proves", f"probably about {number}.")
    assert proposed(scene, kept) == [number]


def test_a_work_orders_number_proves_nothing_and_makes_a_proposal(scene):
    placed = order(scene)
    with scene.hub.db.read() as session:
        number = workorders.get_order(session, placed).number
    before = len(scene.entries("order.message"))
    message = mail("Tom <field@team.example>", Subject=f"Re: [{number}] Measure")
    kept = assert_parked(scene, take(scene, message), f"probably about {number}.")
    assert proposed(scene, kept) == [number]
    assert len(scene.entries("order.message")) == before


@pytest.mark.parametrize("kind", ["case", "note", "order"])
def test_a_message_id_that_was_made_up_is_a_guess(scene, kind):
    sender = {"case": PETRA, "note": "kim@elbe.example", "order": "field@team.example"}[kind]
    about = order(scene) if kind == "order" else scene.case()
    letter = {"case": "c", "note": "n", "order": "w"}[kind]
    made_up = f"<{letter}.{ids.short(about)}@{addresses.message_domain(scene.hub.settings)}>"
    before = len(scene.entries())
    kept = assert_parked(scene, take(scene, mail(sender, In_Reply_To=made_up)), "Nothing proves")
    assert len(proposed(scene, kept)) == 1
    assert len(scene.entries()) == before


def test_no_part_of_a_customers_mail_lets_them_speak_as_one_of_us(scene):
    case = scene.case()
    scene.tell("customers", case, "published:1")
    scene.deliver()
    [theirs] = scene.mails()
    for header in ("Message-ID", "In-Reply-To", "References"):
        forged = theirs[header].replace("<c.", "<n.")
        assert take(scene, mail("Kim <kim@elbe.example>", In_Reply_To=forged)) == "parked"
    assert take(scene, mail("Kim <kim@elbe.example>", theirs["Reply-To"].replace("+c", "+n"))) == "parked"
    assert scene.entries("message.note") == []


def proposed(scene: Scene, kept: quarantine.Quarantined) -> list[str]:
    viewer = scene.viewer(scene.world.kim)
    with scene.hub.db.read() as session:
        return mailroom.proposals(scene.hub, session, viewer, read(kept.body))


def test_nobody_is_proposed_what_they_cannot_see(scene):
    case = scene.case()
    kept = assert_parked(scene, take(scene, mail(Subject=scene.get(case).number)), "Nothing proves")
    hidden = replace(scene.viewer(scene.world.kim), hidden=frozenset({scene.get(case).account_id}))
    with scene.hub.db.read() as session:
        assert mailroom.proposals(scene.hub, session, hidden, read(kept.body)) == []


def test_quotations_are_cut(scene):
    quoted = "On Mon, 2 Mar 2026 at 10:00, Kim of Elbe Connect\n<hub@hub.example> wrote:\n> News\n> on it\n"
    take(scene, mail(to=token(scene, "case", scene.case()), text=f"Better now.\n\n{quoted}"))
    assert wrote(scene) == ["Better now."]


def test_files_come_along_under_harmless_names(scene):
    message = mail(to=token(scene, "case", scene.case()))
    message.add_attachment(
        b"%PDF-1.4", maintype="application", subtype="pdf", filename="../../etc/\u202egnp.pdf"
    )
    assert take(scene, message) == "appended"
    [entry] = scene.entries("message.customer")
    with scene.hub.db.read() as session:
        [kept] = session.scalars(select(attachments.Attachment))
        assert (kept.entry_seq, kept.audience, kept.content) == (entry.seq, "customer", b"%PDF-1.4")
    assert "/" not in kept.name
    assert "\u202e" not in kept.name


def test_a_mail_of_nothing_but_a_file_is_kept(scene):
    message = mail(to=token(scene, "case", scene.case()), text="", Subject="")
    message.add_attachment(b"x", maintype="text", subtype="csv", filename="log.csv")
    assert take(scene, message) == "appended"
    assert wrote(scene) == ["(nothing but files)"]


def test_more_files_than_an_entry_takes_are_kept_as_the_whole_mail(scene):
    message = mail(to=token(scene, "case", scene.case()))
    for number in range(30):
        message.add_attachment(b"x", maintype="text", subtype="csv", filename=f"{number}.csv")
    raw = message.as_bytes()
    assert take(scene, raw) == "appended"
    with scene.hub.db.read() as session:
        [kept] = session.scalars(select(attachments.Attachment))
        assert kept.content == raw


def test_a_text_longer_than_an_entry_takes_is_attached_whole(scene):
    text = "word " * 20_000
    assert take(scene, mail(to=token(scene, "case", scene.case()), text=text)) == "appended"
    with scene.hub.db.read() as session:
        [kept] = session.scalars(select(attachments.Attachment))
        assert kept.content.decode().split() == text.split()


def test_one_of_us_answers_a_notice_among_ourselves(scene):
    case = scene.case()
    scene.tell("responsible", case, "case-opened:1")
    scene.deliver()
    reply_to = scene.mails()[0]["Reply-To"]
    assert take(scene, mail("Kim <kim@elbe.example>", reply_to, "I am on it.")) == "appended"
    [note] = scene.entries("message.note")
    assert (note.body, note.audience, note.actor_id) == ("I am on it.", "staff", scene.world.kim)


# Work orders


def order(scene: Scene, **team) -> uuid.UUID:
    given = {"email": "field@team.example"} | team
    viewer, case_id = scene.viewer(scene.world.kim), scene.case()
    with scene.hub.db.write() as session:
        row = teams.add_team(session, HUB, "Field", **given)
        case = cases.get_case(session, case_id)
        return desk.place_order(session, viewer, case, row, "Measure", "Please measure.").id


def test_a_teams_answer_lands_on_its_order(scene):
    placed = order(scene)
    message = mail("Tom <field@team.example>", token(scene, "order", placed), "Fibre is cut.")
    message.add_attachment(b"x", maintype="image", subtype="png", filename="splice.png")
    assert take(scene, message) == "appended"
    said = scene.entries("order.message")[-1]
    assert (said.body, said.audience, said.channel, said.data["person"]) == (
        "Fibre is cut.",
        "staff",
        "email",
        "Tom",
    )
    with scene.hub.db.read() as session:
        assert workorders.get_order(session, placed).last_word == "Fibre is cut."
        [kept] = session.scalars(select(attachments.Attachment))
        assert (kept.audience, kept.entry_seq) == ("staff", said.seq)


def test_colleagues_at_the_teams_domain_may_answer(scene):
    values = {"address": "orders@fibre.example", "answers_from": "@fibre.example", "zone": "UTC"}
    with scene.hub.db.write() as session:
        connection = mail_order_connection(scene, session, values)
    placed = order(scene, connection_id=connection, email="")
    assert take(scene, mail("Ida <ida@fibre.example>", token(scene, "order", placed), "Done.")) == "appended"
    assert (
        take(scene, mail("Eve <eve@evil-fibre.example>", token(scene, "order", placed), "Done.")) == "parked"
    )


def mail_order_connection(scene, session, values):
    add = mailroom.door.post.connections.add_connection
    hub = scene.hub
    return add(session, HUB, hub.registry, hub.keyring, "mail_order", "Fibre", "supplier", values).id


@pytest.mark.parametrize("sender", ["eve@evil.example", "petra@nordwind.example"])
def test_nobody_else_speaks_for_a_team(scene, sender):
    placed = order(scene)
    before = len(scene.entries("order.message"))
    assert_parked(scene, take(scene, mail(sender, token(scene, "order", placed))), "not the team")
    assert len(scene.entries("order.message")) == before


# What is parked


def test_a_genuine_address_in_the_hands_of_a_stranger(scene):
    message = mail("Eve <eve@evil.example>", token(scene, "case", scene.case()), Subject="Hello")
    kept = assert_parked(scene, take(scene, message), "not known")
    assert (kept.sender, kept.subject, kept.body) == ("eve@evil.example", "Hello", message.as_bytes())


def test_a_forged_address(scene):
    forged = addresses.reply_address(scene.hub.settings, Keyring(new_key()), "case", scene.case())
    assert_parked(scene, take(scene, mail(to=forged)), "not made by this hub")


def test_the_desk_sees_what_a_forged_address_is_about(scene):
    case = scene.case()
    forged = addresses.reply_address(scene.hub.settings, Keyring(new_key()), "case", case)
    number = scene.get(case).number
    kept = assert_parked(scene, take(scene, mail(to=forged)), f"probably about {number}")
    assert proposed(scene, kept) == [number]


def test_a_forged_address_is_not_saved_by_a_number(scene):
    case = scene.case()
    forged = addresses.reply_address(scene.hub.settings, Keyring(new_key()), "case", case)
    assert_parked(scene, take(scene, mail(to=forged, Subject=scene.get(case).number)), "not made by this hub")


@pytest.mark.parametrize("by", ["token", "reference"])
def test_nobody_writes_onto_the_case_of_another_account(scene, by):
    case = scene.case()
    headers = {
        "token": {"to": token(scene, "case", case)},
        "reference": {"In_Reply_To": addresses.root_id(scene.hub.settings, scene.hub.keyring, "case", case)},
    }
    assert_parked(scene, take(scene, mail("Ben <ben@bolt.example>", **headers[by])), "known, but not")


def test_a_case_that_the_customer_does_not_know_of(scene):
    assert_parked(
        scene, take(scene, mail(to=token(scene, "case", scene.case(shared=False)))), "known, but not"
    )


@pytest.mark.parametrize("role", ["viewer", "billing"])
def test_those_who_only_read_do_not_write_by_mail_either(scene, role):
    add_member(scene, "vera@nordwind.example", role)
    message = mail("vera@nordwind.example", token(scene, "case", scene.case()))
    assert_parked(scene, take(scene, message), "known, but not")


def test_a_requester_writes_on_their_own_cases_only(scene):
    person = add_member(scene, "rolf@nordwind.example", "requester")
    foreign, own = scene.case(), scene.case(requester_id=person)
    assert take(scene, mail("rolf@nordwind.example", token(scene, "case", foreign))) == "parked"
    assert take(scene, mail("rolf@nordwind.example", token(scene, "case", own))) == "appended"


def add_member(scene: Scene, address: str, *roles: str) -> uuid.UUID:
    with scene.hub.db.write() as session:
        person = people.add_person(session, HUB, address.split("@")[0].title(), emails=[address])
        account = session.get_one(Account, scene.world.nordwind.account)
        accounts.add_member(session, HUB, account, person, roles)
        return person.id


def test_a_customer_cannot_speak_as_one_of_us(scene):
    case = scene.case()
    assert take(scene, mail("Kim <kim@elbe.example>", token(scene, "case", case))) == "parked"
    assert take(scene, mail(to=token(scene, "note", case))) == "parked"
    assert scene.entries("message.note", "message.customer") == []


def test_a_mail_that_points_nowhere(scene):
    assert_parked(scene, take(scene, mail()), "no case")


def test_a_case_that_is_gone(scene):
    assert_parked(scene, take(scene, mail(to=token(scene, "case", uuid.uuid4()))), "not exist")


def test_too_many_mails_on_one_case(scene):
    to = token(scene, "case", scene.case())
    outcomes = [take(scene, mail(to=to, text=f"ping {number}")) for number in range(MOST_AN_HOUR + 2)]
    assert outcomes == ["appended"] * MOST_AN_HOUR + ["parked"] * 2
    assert "within an hour" in parked(scene)[0].reason


def test_a_mail_over_the_limit_is_kept_and_not_read(scene):
    message = mail(to=token(scene, "case", scene.case()))
    raw = message.as_bytes() + b"x" * 30 * 1024 * 1024
    kept = assert_parked(scene, take(scene, raw), "25 MiB")
    assert len(kept.body) == len(raw)
    assert kept.sender == "petra@nordwind.example"


def test_without_any_mail_connection_nothing_is_taken(hub, world):
    with pytest.raises(Misconfigured):
        mailroom.deliver(hub, mail().as_bytes())


# The same mail again, and our own


@pytest.mark.parametrize(
    "change", [{"text": "It is down."}, {"Subject": "Down again"}, {"sender": "Eve <e@x.example>"}]
)
def test_another_mail_under_a_known_id_is_parked_and_not_lost(scene, change):
    to = token(scene, "case", scene.case())
    first = mail(to=to)
    assert take(scene, first) == "appended"
    other = mail(**{"to": to, "text": "It works again."} | change)
    other.replace_header("Message-ID", first["Message-ID"])
    assert take(scene, other) == "parked"
    [kept] = parked(scene)
    assert "same Message-ID" in kept.reason
    assert kept.body == other.as_bytes()
    assert take(scene, other) == "known"
    assert wrote(scene) == ["It works again."]


def test_another_file_under_a_known_id_is_another_mail(scene):
    messages = [mail(to=token(scene, "case", scene.case())) for _ in range(2)]
    for number, message in enumerate(messages):
        message.replace_header("Message-ID", messages[0]["Message-ID"])
        message.replace_header("To", messages[0]["To"])
        message.add_attachment(b"%d" % number, maintype="text", subtype="csv", filename="log.csv")
    assert [take(scene, each) for each in messages] == ["appended", "parked"]


def test_the_same_mail_encoded_anew_on_its_way_acts_once(scene):
    message = mail(to=token(scene, "case", scene.case()), text="Es läuft wieder.")
    again = email.message_from_bytes(message.as_bytes(), policy=email.policy.default)
    again.set_content("Es läuft wieder.", cte="base64")
    outcomes = [take(scene, each) for each in (message, again, message.as_bytes().replace(b"\n", b"\r\n"))]
    assert outcomes == ["appended", "known", "known"]


def test_the_same_mail_acts_once(scene):
    message = mail(to=token(scene, "case", scene.case())).as_bytes()
    again = message.replace(b"Subject:", b"Received: by another mailbox\nSubject:")
    assert [take(scene, each) for each in (message, message, again)] == ["appended", "known", "known"]
    assert len(wrote(scene)) == 1


def test_the_same_mail_at_the_same_moment_acts_once(scene):
    raw = mail(to=token(scene, "case", scene.case())).as_bytes()
    with ThreadPoolExecutor(4) as pool:
        outcomes = list(pool.map(lambda _: take(scene, raw), range(4)))
    assert sorted(outcomes) == ["appended", "known", "known", "known"]
    assert len(wrote(scene)) == 1


def test_mails_without_an_id_are_told_apart_by_what_they_say(scene):
    to = token(scene, "case", scene.case())
    raws = []
    for text in ("one", "two"):
        message = mail(to=to, text=text)
        del message["Message-ID"]
        raws.append(message.as_bytes())
    assert [take(scene, raw) for raw in (*raws, raws[0])] == ["appended", "appended", "known"]


def test_our_own_mail_that_comes_back_is_dropped(scene):
    scene.tell("customers", scene.case(), "published:1")
    scene.deliver()
    assert take(scene, scene.sink.received[0].raw) == "dropped"
    assert take(scene, mail("Somebody <hub@hub.example>")) == "dropped"
    with scene.hub.db.read() as session:
        assert len(list(session.scalars(select(AuditLine).where(AuditLine.action == "mail.dropped")))) == 2
    assert parked(scene) == []
