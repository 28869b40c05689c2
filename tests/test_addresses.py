"""Reply addresses and Message-IDs: ours are recognised, nobody else's are."""

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.base.crypto import Keyring, new_key
from hub.config import Settings
from hub.flows import addresses

KEYRING = Keyring(new_key())
INSTANCES = st.from_regex(r"[a-z0-9][a-z0-9.-]{0,30}", fullmatch=True)


def settings_of(instance: str = "hub", domain: str = "hub.example") -> Settings:
    return Settings(instance=instance, mail_domain=domain)


@given(INSTANCES, st.uuids(), st.sampled_from(["case", "note", "order"]))
def test_a_reply_address_says_what_it_is_for(instance, object_id, kind):
    settings = settings_of(instance)
    address = addresses.reply_address(settings, KEYRING, kind, object_id)
    assert len(address.rpartition("@")[0]) <= 64
    for written in (address, address.upper(), f" {address} "):
        assert addresses.read_address(settings, KEYRING, written) == addresses.Token(kind, object_id, True)


@given(st.uuids(), st.data())
def test_a_changed_token_is_not_genuine(object_id, data):
    address = addresses.reply_address(settings_of(), KEYRING, "case", object_id)
    start, end = len("hub+c"), address.index("@")
    place = data.draw(st.integers(start, end - 1))
    other = data.draw(
        st.sampled_from("abcdefghijklmnopqrstuvwxyz234567").filter(lambda c: c != address[place])
    )
    read = addresses.read_address(settings_of(), KEYRING, address[:place] + other + address[place + 1 :])
    # The last letter of an id holds two bits only, so some changes of it are no change.
    assert read is None or not read.genuine


@given(st.uuids(), st.integers(1, 16))
def test_a_shortened_token_is_not_genuine(object_id, cut):
    local, _, domain = addresses.reply_address(settings_of(), KEYRING, "case", object_id).partition("@")
    read = addresses.read_address(settings_of(), KEYRING, f"{local[:-cut]}@{domain}")
    assert read is not None
    assert not read.genuine


@given(st.uuids())
def test_a_token_of_another_hub_is_not_ours(object_id):
    address = addresses.reply_address(settings_of(), Keyring(new_key()), "case", object_id)
    assert not addresses.read_address(settings_of(), KEYRING, address).genuine
    assert addresses.read_address(settings_of("other"), KEYRING, address) is None
    assert addresses.read_address(settings_of("hub", "else.example"), KEYRING, address) is None


def test_a_token_of_a_case_is_none_of_a_note_or_a_work_order():
    address = addresses.reply_address(settings_of(), KEYRING, "case", uuid.uuid4())
    for other in ("hub+w", "hub+n"):
        assert not addresses.read_address(settings_of(), KEYRING, address.replace("hub+c", other)).genuine


@given(st.text())
def test_any_text_can_be_asked(text):
    for address in (text, f"hub+{text}@hub.example", f"hub+c{text}@hub.example"):
        read = addresses.read_address(settings_of(), KEYRING, address)
        assert read is None or not read.genuine
    assert addresses.references(settings_of(), KEYRING, text) == []
    assert not addresses.is_own(settings_of(), KEYRING, text)


@given(st.uuids(), st.uuids())
def test_message_ids_are_recognised_in_headers(object_id, delivery_id):
    settings = settings_of()
    sent = addresses.message_id(settings, KEYRING, "case", object_id, delivery_id)
    root = addresses.root_id(settings, KEYRING, "case", object_id)
    header = f"<foreign@mail.example>\r\n\t{root}\r\n {sent.upper()}"
    assert addresses.references(settings, KEYRING, header) == [
        addresses.Reference("case", object_id, None, True),
        addresses.Reference("case", object_id, delivery_id, True),
    ]
    assert addresses.is_own(settings, KEYRING, sent)
    assert addresses.references(settings_of("second"), KEYRING, header) == []


@given(st.uuids(), st.uuids())
def test_what_a_customer_reads_makes_no_message_id_of_a_note_or_of_an_order(object_id, delivery_id):
    settings = settings_of()
    sent = addresses.message_id(settings, KEYRING, "case", object_id, delivery_id)
    root = addresses.root_id(settings, KEYRING, "case", object_id)
    mac = addresses.reply_address(settings, KEYRING, "case", object_id).partition("@")[0][-16:]
    short, domain = addresses.ids.short(object_id), addresses.message_domain(settings)
    for letter in "nw":
        for theirs in (sent, root, f"<c.{short}.{mac}@{domain}>", f"<c.{short}@{domain}>"):
            [found] = addresses.references(settings, KEYRING, theirs.replace("<c.", f"<{letter}."))
            assert (found.object_id, found.genuine) == (object_id, False)


@given(st.uuids(), st.uuids())
def test_a_message_id_without_its_digest_or_of_another_hub_is_a_guess(object_id, delivery_id):
    settings = settings_of()
    bare = f"<c.{addresses.ids.short(object_id)}.{addresses.ids.short(delivery_id)}@hub.hub.example>"
    other = addresses.message_id(settings, Keyring(new_key()), "case", object_id, delivery_id)
    for text in (bare, other):
        assert addresses.references(settings, KEYRING, text) == [
            addresses.Reference("case", object_id, delivery_id, False)
        ]
        assert not addresses.is_own(settings, KEYRING, text)


@pytest.mark.parametrize("near", ["<c.x@hub.hub.example>", "<x@evil-hub.hub.example>", "x@hub.hub.example"])
def test_what_only_looks_like_ours_is_not(near):
    assert addresses.references(settings_of(), KEYRING, near) == []
    assert addresses.is_own(settings_of(), KEYRING, "<a@evil-hub.hub.example>") is False
