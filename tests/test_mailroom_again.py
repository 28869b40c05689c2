"""The same mail again acts once, another one under its name is parked, and our own is dropped."""

import email
import email.policy
from concurrent.futures import ThreadPoolExecutor

import pytest
from mail_scene import mail, mail_scene, parked, take, token, wrote
from sqlalchemy import select

from hub.domain.audit import AuditLine


@pytest.fixture
def scene(hub, world):
    with mail_scene(hub, world) as made:
        yield made


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
