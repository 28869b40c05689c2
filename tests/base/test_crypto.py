"""Secrets are bound to their row, signatures to their purpose, identifiers to their time."""

import pytest

from hub.base import ids
from hub.base.crypto import Keyring, new_key
from hub.base.errors import Misconfigured


def test_a_sealed_secret_opens_only_for_its_owner_and_key() -> None:
    ring = Keyring(new_key())
    sealed = ring.seal(b"token", "connection 1")
    assert ring.open(sealed, "connection 1") == b"token"
    assert b"token" not in sealed
    for other, owner in ((ring, "connection 2"), (Keyring(new_key()), "connection 1")):
        with pytest.raises(Misconfigured):
            other.open(sealed, owner)


@pytest.mark.parametrize("key", ["", "short", "ä" * 44, "A" * 43, "A" * 43 + "=AAAA"])
def test_a_bad_key_is_explained(key: str) -> None:
    with pytest.raises(Misconfigured, match="hub key"):
        Keyring(key)


def test_a_signature_is_for_one_purpose_and_one_message() -> None:
    ring = Keyring(new_key())
    signature = ring.sign("reply", b"case 1", 10)
    assert len(signature) == 10
    assert ring.verify("reply", b"case 1", signature)
    assert not ring.verify("reply", b"case 2", signature)
    assert not ring.verify("session", b"case 1", signature)
    assert not ring.verify("reply", b"case 1", b"")


def test_the_key_is_never_printed() -> None:
    key = new_key()
    assert key not in repr(Keyring(key))


def test_ids_sort_by_the_time_they_were_made() -> None:
    made = [ids.new_id() for _ in range(2000)]
    assert made == sorted(made)
    assert len(set(made)) == 2000
    assert {(one.version, one.variant) for one in made} == {(7, "specified in RFC 4122")}


def test_short_ids_come_back() -> None:
    one = ids.new_id()
    assert ids.from_short(ids.short(one)) == one
    assert [ids.from_short(text) for text in ("", "x" * 26, "1" * 26, ids.short(one)[:-1])] == [None] * 4


def test_tokens_say_what_they_are_for_and_are_stored_as_digests() -> None:
    token = ids.new_token("in")
    assert token.startswith("in_")
    assert len(token) > 40
    assert token not in ids.token_digest(token)
