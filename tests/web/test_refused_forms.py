"""What was typed and chosen is not lost without a word when a form is refused."""

import io

import pytest

from hub.flows.runtime import Hub
from hub.testing.pages import Browser
from hub.web.filters import size

REPORT = "/portal/nordwind/report/problem"


def _file(name: str = "plan.txt") -> tuple[io.BytesIO, str]:
    return io.BytesIO(b"x"), name


@pytest.mark.parametrize("title", ["", "The line is down"])
def test_files_of_a_refused_report_are_asked_for_again(petra: Browser, title: str) -> None:
    given = {"title": title, "effect": "none", "attachments": [_file(), _file("<b>.txt")]}
    refused = petra.post(REPORT, given, content_type="multipart/form-data")
    assert refused.status_code == 422
    shown = refused.text.split('id="attachments"', 1)[1]
    assert "Please choose plan.txt, &lt;b&gt;.txt again." in shown


def test_without_files_none_are_asked_for(petra: Browser) -> None:
    refused = petra.post(REPORT, {"attachments": (io.BytesIO(b""), "")}, content_type="multipart/form-data")
    assert refused.status_code == 422
    assert "Please choose" not in refused.text.split('id="attachments"', 1)[1]


def test_the_files_of_a_refused_note_stand_unfolded(kim: Browser) -> None:
    given = {"body": "", "attachments": [_file()]}
    refused = kim.post("/desk/nordwind/write/note", given, content_type="multipart/form-data")
    assert refused.status_code == 422
    (fold,) = (part for part in refused.text.split("<details ")[1:] if 'id="attachments"' in part)
    assert " open" in fold.split(">", 1)[0]
    assert "Please choose plan.txt again." in fold


def test_what_is_too_large_for_any_page_is_told_with_the_limit(hub: Hub, petra: Browser) -> None:
    large = io.BytesIO(b"x" * (hub.settings.max_upload_bytes + 2**21))
    refused = petra.post(REPORT, {"attachments": (large, "film.mp4")}, content_type="multipart/form-data")
    assert refused.status_code == 413
    assert f"up to {size(hub.settings.max_upload_bytes)} together" in refused.text
