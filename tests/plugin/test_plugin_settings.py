"""Settings travel between model, form, store and secrets without losing or showing anything."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import AnyHttpUrl, AnyUrl, BaseModel, Field, SecretStr, field_validator, model_validator

from hub.base.errors import Invalid, in_english
from hub.plugin.settings import (
    CLEAR,
    UnsuitableModel,
    form_fields,
    form_values,
    join,
    read_form,
    secret_names,
    secrets_to_ask_again,
    split,
)

SECRET = "s3cr3t-sentinel-0451"


class Mode(StrEnum):
    PLAIN = "plain"
    TLS = "tls"


class Ticketing(BaseModel):
    url: AnyHttpUrl = Field(title="Address", description="Where the tool lives.")
    token: SecretStr
    old_token: SecretStr | None = None
    queue: Annotated[str, Field(min_length=2, max_length=10)] = "General"
    note: str = Field("", json_schema_extra={"multiline": True})
    folder: Path | None = None
    retries: int = Field(3, ge=0, le=9)
    ratio: float = 0.5
    verify: bool = True
    side: Literal["team", "supplier"] = "team"
    mode: Mode = Field(Mode.TLS, json_schema_extra={"words": {"tls": "Encrypted"}})
    senders: list[str] = []
    priorities: dict[str, str] = {"1": "90"}
    ca_file: str = ""
    api_url: str = ""

    @field_validator("token")
    @classmethod
    def long_enough(cls, token: SecretStr) -> SecretStr:
        if len(token.get_secret_value()) < 8:
            raise ValueError(f"{token.get_secret_value()} is too short")
        return token

    @field_validator("note")
    @classmethod
    def whole(cls, note: str) -> str:
        if note.endswith("%"):
            raise ValueError(f"{note}: how much of what?")
        return note

    @model_validator(mode="after")
    def together(self) -> "Ticketing":
        if self.retries == 7 and not self.verify:
            raise ValueError("Seven retries need verification.")
        return self


POSTED = {
    "url": "https://rt.example.com/",
    "token": SECRET,
    "queue": " Network ",
    "note": "a\nb",
    "retries": "5",
    "ratio": "0.25",
    "side": "supplier",
    "mode": "plain",
    "senders": "a@example.com\n\n b@example.com ",
    "priorities": "1 = 90\n2=50",
}


def test_the_form_is_drawn_from_the_model() -> None:
    fields = {field.name: field for field in form_fields(Ticketing)}
    assert [(f.name, f.type) for f in fields.values()] == [
        ("url", "url"),
        ("token", "password"),
        ("old_token", "password"),
        ("queue", "text"),
        ("note", "textarea"),
        ("folder", "text"),
        ("retries", "number"),
        ("ratio", "number"),
        ("verify", "checkbox"),
        ("side", "select"),
        ("mode", "select"),
        ("senders", "list"),
        ("priorities", "map"),
        ("ca_file", "text"),
        ("api_url", "text"),
    ]
    assert (fields["url"].label, fields["url"].help, fields["url"].required) == (
        "Address",
        "Where the tool lives.",
        True,
    )
    assert (fields["old_token"].label, fields["old_token"].required) == ("Old token", False)
    assert (fields["ca_file"].label, fields["api_url"].label) == ("CA file", "API URL")
    assert (fields["mode"].choices, fields["mode"].words) == (("plain", "tls"), {"tls": "Encrypted"})
    assert fields["side"].choices == ("team", "supplier")
    assert (fields["mode"].default, fields["verify"].default, fields["priorities"].default) == (
        "tls",
        "on",
        "1 = 90",
    )
    assert secret_names(Ticketing) == ("token", "old_token")


def test_a_form_becomes_settings() -> None:
    settings = read_form(Ticketing, POSTED)
    assert str(settings.url) == "https://rt.example.com/"
    assert (settings.queue, settings.note, settings.retries, settings.ratio) == ("Network", "a\nb", 5, 0.25)
    assert (settings.side, settings.mode, settings.verify, settings.folder) == (
        "supplier",
        Mode.PLAIN,
        False,
        None,
    )
    assert settings.senders == ["a@example.com", "b@example.com"]
    assert settings.priorities == {"1": "90", "2": "50"}
    assert settings.token.get_secret_value() == SECRET


def test_what_is_stored_comes_back_the_same_and_secrets_apart() -> None:
    settings = read_form(Ticketing, POSTED)
    plain, secrets = split(settings)
    assert SECRET not in repr(plain)
    assert secrets == {"token": SECRET}
    assert join(Ticketing, plain, secrets) == settings
    shown = form_values(Ticketing, plain)
    assert SECRET not in repr(shown)
    assert (shown["token"], shown["verify"], shown["senders"]) == ("", "", "a@example.com\nb@example.com")
    assert read_form(Ticketing, shown, secrets) == settings


def test_a_secret_is_kept_when_left_empty_changed_when_typed_and_cleared_on_request() -> None:
    kept = {"token": SECRET, "old_token": "older-secret"}
    same = read_form(Ticketing, {**POSTED, "token": ""}, kept)
    assert split(same)[1] == kept
    changed = read_form(Ticketing, {**POSTED, "token": "another-secret"}, kept)
    assert split(changed)[1] == {**kept, "token": "another-secret"}
    cleared = read_form(Ticketing, {**POSTED, "token": "", "old_token" + CLEAR: "on"}, kept)
    assert split(cleared)[1] == {"token": SECRET}
    with pytest.raises(Invalid) as caught:
        read_form(Ticketing, {**POSTED, "token": "", "token" + CLEAR: "on"}, kept)
    assert caught.value.fields == {"token": "Please fill this in."}


@pytest.mark.parametrize(
    ("change", "fields"),
    [
        ({"url": ""}, {"url": "Please fill this in."}),
        ({"url": "rt.example.com"}, {"url": "A whole address, please, such as https://tickets.example.com."}),
        ({"url": "ftp://x/"}, {"url": "The address must start with 'http' or 'https'."}),
        ({"queue": "x"}, {"queue": "At least 2 characters, please."}),
        ({"queue": "x" * 11}, {"queue": "At most 10 characters, please."}),
        ({"retries": "many"}, {"retries": "A whole number, please."}),
        ({"retries": "10"}, {"retries": "At most 9, please."}),
        ({"ratio": "half"}, {"ratio": "A number, please."}),
        ({"side": "theirs"}, {"side": "Please choose one of the list."}),
        ({"mode": "x"}, {"mode": "Please choose one of the list."}),
        ({"token": "curt"}, {"token": "[secret] is too short"}),
        ({"note": "50 %"}, {"note": "50 %: how much of what?"}),
        ({"retries": "7"}, {"": "Seven retries need verification."}),
        ({"url": "", "retries": "x"}, {"url": "Please fill this in.", "retries": "A whole number, please."}),
    ],
)
def test_what_is_wrong_is_said_in_plain_words(change: dict[str, str], fields: dict[str, str]) -> None:
    with pytest.raises(Invalid) as caught:
        read_form(Ticketing, {**POSTED, **change})
    assert caught.value.fields == fields
    assert caught.value.told_fields(in_english) == fields
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


def test_what_is_wrong_is_said_in_the_readers_language_without_secrets() -> None:
    with pytest.raises(Invalid) as caught:
        read_form(Ticketing, {**POSTED, "retries": "10", "token": "curt"})

    def say(message: str, **facts: object) -> str:
        return f"{message} | {sorted(facts.items())}"

    told = caught.value.told_fields(say)
    assert told == {
        "retries": "At most %(le)s, please. | [('le', '9')]",
        "token": "[secret] is too short | []",
    }


def test_an_older_store_still_opens() -> None:
    plain, secrets = split(read_form(Ticketing, POSTED))
    assert join(Ticketing, {**plain, "gone": 1}, {**secrets, "gone_too": "x"}).retries == 5
    del plain["retries"]
    assert join(Ticketing, plain, secrets).retries == 3


class Nested(BaseModel):
    inner: Ticketing


class Numbers(BaseModel):
    ports: list[int] = []


@pytest.mark.parametrize("model", [Nested, Numbers])
def test_a_model_that_no_form_can_show_is_refused(model: type[BaseModel]) -> None:
    with pytest.raises(UnsuitableModel, match="no form can show"):
        form_fields(model)


class Texts(BaseModel):
    line: str = "default"
    maybe: str | None = None
    many: list[str] = []


LINES = st.text(st.characters(categories=("L", "N", "P")), min_size=1)


@hypothesis.settings(deadline=None)
@given(LINES, st.none() | LINES, st.lists(LINES))
def test_every_text_survives_the_form(line: str, maybe: str | None, many: list[str]) -> None:
    settings = Texts(line=line, maybe=maybe, many=many)
    assert read_form(Texts, form_values(Texts, split(settings)[0])) == settings


def test_an_emptied_text_does_not_fall_back_to_its_default() -> None:
    values: dict[str, Any] = {"line": "", "maybe": "", "many": ""}
    assert read_form(Texts, values) == Texts(line="", maybe=None, many=[])


class Mailbox(BaseModel):
    """A far side of two addresses, each with its own secret."""

    smtp_host: str = ""
    smtp_password: SecretStr = SecretStr("")
    imap_host: str = ""
    imap_password: SecretStr = SecretStr("")
    proxy_url: str = ""
    title: str = ""


@pytest.mark.parametrize(
    ("change", "asked"),
    [
        ({"title": "Another"}, set()),
        ({"smtp_host": "b"}, {"smtp_password"}),
        ({"imap_host": "b"}, {"imap_password"}),
        ({"proxy_url": "http://b"}, {"smtp_password", "imap_password"}),
    ],
)
def test_a_secret_is_asked_for_again_when_it_would_go_elsewhere(
    change: dict[str, str], asked: set[str]
) -> None:
    before = {"smtp_host": "a", "imap_host": "a"}
    after = Mailbox(**{**before, **change})  # type: ignore[arg-type]
    assert secrets_to_ask_again(Mailbox, before, after, ["smtp_password", "imap_password"]) == asked


class Careless(BaseModel):
    """Its checks raise what pydantic does not catch."""

    token: SecretStr
    folder: str = ""

    @field_validator("folder")
    @classmethod
    def there(cls, folder: str) -> str:
        if folder == "leave":
            sys.exit(5)
        return dict[str, str]()[folder] if folder else folder

    @model_validator(mode="after")
    def fits(self) -> "Careless":
        if self.token.get_secret_value() == "wrong":
            raise RuntimeError(f"not {self.token.get_secret_value()}")
        return self


@pytest.mark.parametrize("change", [{"folder": "/a"}, {"folder": "leave"}, {"token": "wrong"}])
def test_a_check_that_breaks_is_told_with_the_name_of_the_plugins_model(change: dict[str, str]) -> None:
    values = {"token": SECRET, "folder": "", **change}
    with pytest.raises(Invalid, match=r"test_plugin_settings\.Careless") as caught:
        read_form(Careless, values)
    assert set(caught.value.fields) == {""}
    assert caught.value.__context__ is None
    assert "not wrong" not in str(caught.value)
    with pytest.raises(Invalid, match=r"test_plugin_settings\.Careless"):
        join(Careless, {"folder": values["folder"]}, {"token": values["token"]})


class Wordy(BaseModel):
    note: str = ""

    @field_validator("note")
    @classmethod
    def short(cls, note: str) -> str:
        raise ValueError(note * 100)


def test_a_complaint_has_a_bound() -> None:
    with pytest.raises(Invalid) as caught:
        read_form(Wordy, {"note": "x" * 100_000})
    assert len(caught.value.fields["note"]) <= 500


class Addresses(BaseModel):
    url: AnyHttpUrl
    api_url: str = ""
    database: AnyUrl | None = None
    note: str = ""


@pytest.mark.parametrize(
    ("change", "refused"),
    [
        ({"url": "http://user:pw@host/"}, {"url"}),
        ({"url": "http://user@host/"}, {"url"}),
        ({"api_url": "https://user:pw@host/x"}, {"api_url"}),
        ({"database": "ldap://user:pw@host/x"}, {"database"}),
        ({"url": "http://user:pw@host/", "api_url": "https://pw@host/"}, {"url", "api_url"}),
        ({"url": "http://host/a@b:c"}, set()),
        ({"api_url": "help@example.net"}, set()),
        ({"note": "http://user:pw@host/"}, set()),
        ({"database": "ldap://host/x"}, set()),
        ({"database": "ssh://git@host/x"}, set()),
    ],
)
def test_an_address_may_hold_no_password_because_anybody_may_read_it(
    change: dict[str, str], refused: set[str]
) -> None:
    posted = {"url": "http://host/", **change}
    if not refused:
        read_form(Addresses, posted)
        return
    with pytest.raises(Invalid) as caught:
        read_form(Addresses, posted)
    assert set(caught.value.fields) == refused
    assert "pw" not in str(caught.value.told_fields(in_english))


def test_what_was_stored_before_still_opens() -> None:
    assert join(Addresses, {"url": "http://user:pw@host/"}, {}).note == ""
