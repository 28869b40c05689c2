"""Files of strangers: names, types, sizes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.base.errors import Invalid, TooLarge
from hub.domain import attachments
from hub.domain.attachments import Files, Upload


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\temp\\trace.pcap", "trace.pcap"),
        ("re\u202egnp.exe", "re_gnp.exe"),
        ("a\r\nSet-Cookie: x.txt", "a__Set-Cookie_ x.txt"),
        ("..", "file"),
        ("", "file"),
        ("übersicht \u200b 1.pdf", "übersicht _ 1.pdf"),
        ("x" * 300 + ".tar", "x" * 146 + ".tar"),
    ],
)
def test_hostile_names_become_harmless(name: str, kept: str) -> None:
    assert attachments.harmless_name(name) == kept


@given(st.text())
def test_any_name_becomes_one_that_can_be_shown_and_saved(name: str) -> None:
    kept = attachments.harmless_name(name)
    assert 0 < len(kept) <= 150
    assert not set(kept) & set('/\\\x00\r\n\t"<>')
    assert kept not in (".", "..")
    assert attachments.harmless_name(kept) == kept


@pytest.mark.parametrize(
    ("claimed", "content", "kept"),
    [
        ("image/png", b"%PDF-1.7", "application/pdf"),
        ("text/html", b"<script>", "application/octet-stream"),
        ("image/svg+xml", b"<svg onload=x>", "application/octet-stream"),
        ("text/plain; charset=utf-8", b"hi", "text/plain"),
        ("application/zip", b"PK\x03\x04", "application/zip"),
        (
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            b"PK\x03\x04",
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        ),
    ],
)
def test_a_type_is_what_the_content_shows(claimed: str, content: bytes, kept: str) -> None:
    assert attachments.media_type_of(Upload("x", claimed, content)) == kept


def test_too_many_or_too_large_files_are_refused() -> None:
    small = Upload("a", "text/plain", b"12345")
    with pytest.raises(TooLarge):
        Files([small], limit=4).check()
    with pytest.raises(Invalid):
        Files([small] * 21).check()
    Files([small] * 20, limit=5).check()
