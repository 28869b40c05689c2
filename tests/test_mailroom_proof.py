"""What proves that a mail answers the hub, and what is only a guess for the desk."""

from dataclasses import replace

import pytest
from mail_scene import PETRA, Scene, assert_parked, mail, mail_scene, order, take, token

from hub.base import ids
from hub.base.crypto import Keyring, new_key
from hub.domain import accounts, cases, coverage, quarantine, workorders
from hub.domain.accounts import Account
from hub.domain.audit import HUB
from hub.domain.cases import NewCase
from hub.flows import addresses, mailroom
from hub.flows.mailroom.appending import NOT_OURS
from hub.flows.mailroom.reading import read


@pytest.fixture
def scene(hub, world):
    with mail_scene(hub, world) as made:
        yield made


def test_a_case_number_proves_nothing_and_makes_a_proposal(scene):
    number = scene.get(scene.case()).number
    message = mail(Subject=f"AW: question on {number.lower()}, NORD-999999")
    kept = assert_parked(scene, take(scene, message), "Nothing proves")
    assert proposed(scene, kept) == [number]


def test_a_work_orders_number_proves_nothing_and_makes_a_proposal(scene):
    placed = order(scene)
    with scene.hub.db.read() as session:
        number = workorders.get_order(session, placed).number
    before = len(scene.entries("order.message"))
    message = mail("Tom <field@team.example>", Subject=f"Re: [{number}] Measure")
    kept = assert_parked(scene, take(scene, message), "Nothing proves")
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


def test_one_of_us_writes_on_a_restricted_account_only_where_they_are_its_contact(scene):
    bolt = scene.world.bolt.account
    with scene.hub.db.write() as session:
        account = session.get_one(Account, bolt)
        accounts.change_account(session, HUB, account, restricted=True)
        case = cases.open_case(session, HUB, account, NewCase(title="Line down")).case.id
    message = mail("Kim <kim@elbe.example>", token(scene, "note", case), "I am on it.")
    assert_parked(scene, take(scene, message), NOT_OURS)
    assert scene.entries("message.note") == []
    with scene.hub.db.write() as session:
        coverage.assign(session, HUB, bolt, "deputy", scene.world.kim, reach_name="Kim of Elbe Connect")
    again = mail("Kim <kim@elbe.example>", token(scene, "note", case), "I am on it.")
    assert take(scene, again) == "appended"
    [note] = scene.entries("message.note")
    assert (note.account_id, note.case_id, note.actor_id) == (bolt, case, scene.world.kim)


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


def test_a_forged_address(scene):
    forged = addresses.reply_address(scene.hub.settings, Keyring(new_key()), "case", scene.case())
    assert_parked(scene, take(scene, mail(to=forged)), "not made by this hub")


def test_the_desk_sees_what_a_forged_address_is_about(scene):
    case = scene.case()
    forged = addresses.reply_address(scene.hub.settings, Keyring(new_key()), "case", case)
    number = scene.get(case).number
    kept = assert_parked(scene, take(scene, mail(to=forged)), "not made by this hub")
    assert proposed(scene, kept) == [number]


def test_a_forged_address_is_not_saved_by_a_number(scene):
    case = scene.case()
    forged = addresses.reply_address(scene.hub.settings, Keyring(new_key()), "case", case)
    assert_parked(scene, take(scene, mail(to=forged, Subject=scene.get(case).number)), "not made by this hub")
