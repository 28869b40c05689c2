"""The small functions that both sides of the border share."""

from datetime import UTC, datetime

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from hub.plugin.contracts import Answer, Incoming, Rejected, clip, content_hash, has_bearer, update_order


def incoming(**headers: str) -> Incoming:
    return Incoming("POST", "", headers, {}, b"", datetime(2026, 11, 24, tzinfo=UTC))


@pytest.mark.parametrize(
    ("header", "known"),
    [
        ("Bearer right", True),
        ("bearer  right", True),
        ("Bearer wrong", False),
        ("Basic right", False),
        ("right", False),
        ("", False),
        ("Bearer r\xefght", False),
        ("Bearer \ud800", False),
    ],
)
def test_a_bearer_token(header: str, known: bool) -> None:
    assert has_bearer(incoming(authorization=header), SecretStr("right")) is known


def test_an_empty_secret_lets_nobody_in() -> None:
    assert not has_bearer(incoming(authorization="Bearer "), SecretStr(""))
    assert not has_bearer(incoming(), SecretStr(""))


def test_the_hash_of_a_text_survives_what_ticket_tools_do_to_line_ends() -> None:
    assert content_hash("Link is down.\nOn it.") == content_hash("  Link is down.\r\n\r\nOn it. \n")
    assert content_hash("Link is down.") != content_hash("Link is up.")


def test_updates_are_ordered_by_number_where_they_are_numbers() -> None:
    assert sorted(["100", "9", "48"], key=update_order) == ["9", "48", "100"]
    assert sorted(["b", "a"], key=update_order) == ["a", "b"]


@hypothesis.settings(deadline=None)
@given(st.text(st.characters(codec=None), max_size=700), st.integers(1, 600))
def test_a_clipped_text_fits_and_can_be_stored(text: str, most: int) -> None:
    clipped = clip(text, most)
    assert len(clipped) <= most
    assert "\0" not in clipped
    clipped.encode()
    if len(text) <= most and text.isprintable() and text.isascii():
        assert clipped == text


def test_a_body_that_is_no_json_is_refused_without_showing_it() -> None:
    answer = Answer(200, {}, b"<html>secret</html>", "https://rt.example.com/?token=secret")
    with pytest.raises(Rejected) as caught:
        answer.json()
    assert "secret" not in caught.value.reason
    assert "secret" not in repr(answer)
