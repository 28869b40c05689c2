"""Mails that no human wrote: automatic answers, lists, bounces, and our own that come back."""

import uuid

import pytest
from mail_scene import assert_parked, mail, mail_scene, parked, take, token, wrote


@pytest.fixture
def scene(hub, world):
    with mail_scene(hub, world) as made:
        yield made


@pytest.mark.parametrize(
    "headers",
    [
        {"Auto_Submitted": "auto-replied"},
        {"Auto_Submitted": "auto-generated; owner-email=x"},
        {"X_Autoreply": "yes"},
        {"Precedence": "auto_reply"},
        {"Return_Path": "<>"},
    ],
)
def test_an_automatic_answer_is_a_detail_and_wakes_nobody(scene, headers):
    message = mail(to=token(scene, "case", scene.case()), text="I am away.", **headers)
    assert take(scene, message) == "noted"
    scene.deliver()
    assert (wrote(scene), scene.sent_to(), parked(scene)) == ([], [], [])
    [note] = scene.entries("message.note")
    assert (note.audience, note.weight) == ("staff", "detail")
    assert note.body == "I am away."
    assert note.sentence.startswith("Automatic answer of ")


def test_a_human_says_so(scene):
    message = mail(
        to=token(scene, "case", scene.case()), Auto_Submitted="no", Return_Path="<petra@nordwind.example>"
    )
    assert take(scene, message) == "appended"


@pytest.mark.parametrize("headers", [{"List_Id": "<x>"}, {"Precedence": "bulk"}, {"Precedence": "junk"}])
def test_what_was_sent_to_many_is_parked(scene, headers):
    assert_parked(scene, take(scene, mail(to=token(scene, "case", scene.case()), **headers)), "to many")


def test_an_automatic_answer_that_answers_nothing_of_ours_is_parked(scene):
    assert_parked(scene, take(scene, mail(Auto_Submitted="auto-replied")), "automatic answer")


def test_an_automatic_answer_with_a_number_is_parked_as_what_it_is(scene):
    number = scene.get(scene.case()).number
    message = mail(Auto_Submitted="auto-replied", Subject=f"Out of office: {number}")
    kept = assert_parked(scene, take(scene, message), "automatic answer")
    assert number not in kept.reason
    assert "sender" not in kept.reason


BOUNCE = b"""From: MAILER-DAEMON@mx.example
Return-Path: <>
To: hub@hub.example
Message-ID: <%s@mx.example>
Subject: Undelivered
MIME-Version: 1.0
Content-Type: multipart/report; boundary="b"; report-type=delivery-status

--b

Sorry.
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example

Final-Recipient: rfc822; kim@elbe.example
Action: %s
Status: 5.1.1
Diagnostic-Code: smtp; 550 no such person

--b
Content-Type: message/rfc822

%s
--b--
"""


def bounce(original: bytes, action: str = "failed") -> bytes:
    return BOUNCE % (uuid.uuid4().hex.encode(), action.encode(), original)


def test_a_bounce_is_said_and_the_next_in_line_is_told(scene):
    scene.tell("responsible", scene.case(), "case-opened:1")
    scene.deliver()
    assert take(scene, bounce(scene.sink.received[0].raw)) == "noted"
    [line] = scene.entries("notice.not_sent")
    assert line.data["person"] == "Kim Brandt"
    assert "550 no such person" in line.data["why"]
    scene.deliver()
    assert scene.sent_to() == ["dana@elbe.example", "kim@elbe.example"]


def test_a_delay_is_no_bounce(scene):
    scene.tell("responsible", scene.case(), "case-opened:1")
    scene.deliver()
    assert take(scene, bounce(scene.sink.received[0].raw, "delayed")) == "noted"
    assert scene.entries("notice.not_sent") == []


def test_a_bounce_of_a_mail_that_is_not_ours_is_parked(scene):
    original = b"Message-ID: <x@elsewhere.example>\nSubject: x\n\nx"
    assert_parked(scene, take(scene, bounce(original)), "none of ours")


def test_a_bounce_of_a_mail_that_somebody_made_up_is_parked(scene):
    scene.tell("responsible", scene.case(), "case-opened:1")
    scene.deliver()
    [ours] = scene.mails()
    name, host = ours["Message-ID"].rsplit("@", 1)
    made_up = f"{name[:-1]}{'b' if name[-1] == 'a' else 'a'}@{host}"
    raw = scene.sink.received[0].raw.replace(ours["Message-ID"].encode(), made_up.encode())
    assert raw != scene.sink.received[0].raw
    assert_parked(scene, take(scene, bounce(raw)), "none of ours")
    assert scene.entries("notice.not_sent") == []
