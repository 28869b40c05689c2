"""The mailroom: what may append where, and what is parked instead."""

import uuid
from datetime import timedelta

import pytest
from mail_scene import Scene, assert_parked, mail, mail_scene, order, parked, take, token, wrote
from sqlalchemy import select

from hub.base.errors import Misconfigured
from hub.domain import accounts, attachments, cases, people, workorders
from hub.domain.accounts import Account, Limits
from hub.domain.audit import HUB
from hub.domain.cases import CaseState
from hub.flows import addresses, mailroom
from hub.flows.mailroom.door import MOST_AN_HOUR


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


def test_whoever_is_limited_to_a_site_writes_on_cases_of_no_other(scene):
    with scene.hub.db.write() as session:
        account = session.get_one(Account, scene.world.nordwind.account)
        kiel, bremen = (accounts.add_site(session, HUB, account, city).id for city in ("Kiel", "Bremen"))
    add_member(scene, "tim@nordwind.example", "technical", limits=Limits(sites=frozenset((kiel,))))
    theirs, other = (scene.case(site_id=site, service_id=None) for site in (kiel, bremen))
    kept = take(scene, mail("tim@nordwind.example", token(scene, "case", other)))
    assert_parked(scene, kept, "known, but not")
    assert take(scene, mail("tim@nordwind.example", token(scene, "case", theirs))) == "appended"


def add_member(scene: Scene, address: str, *roles: str, **options) -> uuid.UUID:
    with scene.hub.db.write() as session:
        person = people.add_person(session, HUB, address.split("@")[0].title(), emails=[address])
        account = session.get_one(Account, scene.world.nordwind.account)
        accounts.add_member(session, HUB, account, person, roles, **options)
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
