"""The mail channel: what it sends, what it says when sending goes wrong, and what it reads."""

import email
import email.policy
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mail_peers import context, scripted, settings_of
from pydantic import SecretStr, ValidationError

from hub.plugin.contracts import AuthFailed, OutcomeUnknown, OutMail, Rejected, RetryLater
from hub.testing.conformance import MAIL, SENTINEL, ChannelConformance, FarSide, Sink
from hub.testing.peers.process import free_port
from hub.testing.peers.smtp_sink import SmtpSink, smtp_sink
from plugins.channels.mail import Mail
from plugins.channels.mail.compose import compose
from plugins.channels.mail.settings import MailSettings


def parsed(raw: bytes) -> email.message.EmailMessage:
    raw = raw.replace(b"\r\n", b"\n")
    return email.message_from_bytes(raw, policy=email.policy.default)


@pytest.fixture
def sink() -> Iterator[SmtpSink]:
    with smtp_sink() as peer:
        yield peer


# The conformance suite


def refusing_smtp(line: bytes) -> bytes:
    return b"250-there\r\n250 AUTH PLAIN\r\n" if line.startswith(b"ehlo") else b"535 5.7.8 wrong\r\n"


def refusing_imap(line: bytes) -> bytes:
    tag, command = line.split()[:2]
    if command == b"CAPABILITY":
        return b"* CAPABILITY IMAP4rev1\r\n" + tag + b" OK done\r\n"
    return tag + b" NO [AUTHENTICATIONFAILED] wrong\r\n"


class TestMailConformance(ChannelConformance):
    connector = Mail()
    speaks = "tcp"

    def settings(self, host: str, port: int) -> MailSettings:
        return settings_of(port, port, smtp_password=SecretStr(SENTINEL))

    @contextmanager
    def refusing(self, capability: str) -> Iterator[FarSide]:
        if capability == "send":
            with scripted(refusing_smtp, b"220 there ESMTP\r\n") as side:
                yield side
        else:
            with scripted(refusing_imap, b"* OK there\r\n") as side:
                yield side

    def target(self, port: int = 9):
        target = super().target(port)
        if self.signs_in:
            signed = target.settings.model_copy(update={"smtp_user": "hub"})
            return replace(target, settings=signed)
        return target

    signs_in = False

    def test_refused_credentials_are_told(self) -> None:
        self.signs_in = True
        super().test_refused_credentials_are_told()

    def test_no_call_says_or_logs_a_secret(self, caplog: pytest.LogCaptureFixture) -> None:
        self.signs_in = True
        super().test_no_call_says_or_logs_a_secret(caplog)

    @contextmanager
    def sink(self, refuse: frozenset[str] = frozenset()) -> Iterator[Sink]:
        with smtp_sink() as peer:
            for address in refuse:
                peer.refuse(address)
            yield Sink(peer.port, lambda: [mail.raw.decode() for mail in peer.received])


# Sending


def send(sink: SmtpSink, mail: OutMail = MAIL, seconds: float = 5.0, **settings: object):
    return Mail().send(context(settings_of(sink.port, **settings), seconds), mail)


def test_one_refused_recipient_leaves_the_other_its_mail(sink):
    sink.refuse("two@customer.example")
    receipt = send(sink)
    assert receipt.accepted == ("one@customer.example",)
    [(address, reason)] = receipt.refused
    assert address == "two@customer.example"
    assert "no such person" in reason
    assert [mail.recipients for mail in sink.received] == [("one@customer.example",)]


def test_nobody_taken_for_good_is_rejected(sink):
    for address in MAIL.to:
        sink.refuse(address)
    with pytest.raises(Rejected, match="no such person"):
        send(sink)


def test_nobody_taken_for_now_is_tried_again(sink):
    sink.refuse("one@customer.example")
    sink.refuse("two@customer.example", "450 4.2.0 greylisted")
    with pytest.raises(RetryLater, match="greylisted"):
        send(sink)


def test_a_busy_server_is_tried_again(sink):
    sink.script("busy")
    with pytest.raises(RetryLater, match="451"):
        send(sink)


def test_an_unwanted_mail_is_rejected(sink):
    sink.script("reject")
    with pytest.raises(Rejected, match="not wanted"):
        send(sink)


@pytest.mark.parametrize("ending", ["hang", "drop"])
def test_silence_after_the_mail_leaves_it_unknown(sink, ending):
    sink.script(ending)
    with pytest.raises(OutcomeUnknown):
        send(sink, seconds=0.5)
    assert len(sink.received) == 1


def test_nobody_listening_is_tried_again():
    with pytest.raises(RetryLater):
        Mail().send(context(settings_of(free_port())), MAIL)


def test_encryption_that_is_asked_for_is_never_left_out(sink):
    with pytest.raises(RetryLater, match="STARTTLS"):
        Mail().send(context(settings_of(sink.port).model_copy(update={"smtp_security": "starttls"})), MAIL)
    assert sink.received == []


def test_a_password_that_smtp_cannot_carry_is_no_secret_told(sink):
    def answers(line: bytes) -> bytes:
        return b"250-there\r\n250 AUTH PLAIN\r\n" if line.startswith(b"ehlo") else b"250 fine\r\n"

    with scripted(answers, b"220 there ESMTP\r\n") as side, pytest.raises(AuthFailed) as caught:
        secret = SecretStr("pässword")
        settings = settings_of(side.port, smtp_password=secret, smtp_user="hub")
        Mail().send(context(settings), MAIL)
    assert "pässword" not in repr(caught.value) + repr(caught.value.__cause__)


def test_the_envelope_sender_may_be_another(sink):
    send(sink, envelope_sender="bounces@hub.example.net")
    assert sink.received[0].sender == "bounces@hub.example.net"
    assert parsed(sink.received[0].raw)["From"] == "Ada Contact <contact@hub.example.net>"


def test_dots_and_long_lines_arrive_as_they_were(sink):
    text = ".\n..\n.hidden\n" + "x" * 5000 + "\nend"
    send(sink, replace(MAIL, text=text))
    assert parsed(sink.received[0].raw).get_content().strip() == text


def test_foreign_names_and_both_bodies_arrive(sink):
    mail = replace(
        MAIL, sender_name="Jörg Müller, „Elbe“", subject="Störung 光ファイバー", text="ä\n", html="<p>ö</p>"
    )
    send(sink, mail)
    message = parsed(sink.received[0].raw)
    assert message["From"].addresses[0].display_name == "Jörg Müller, „Elbe“"
    assert message["Subject"] == "Störung 光ファイバー"
    assert message.get_body(("plain",)).get_content() == "ä\n"
    assert message.get_body(("html",)).get_content() == "<p>ö</p>\n"
    assert all(len(line) <= 998 for line in sink.received[0].raw.splitlines())


def test_long_message_ids_are_never_encoded(sink):
    long = f"<c.{'a' * 26}.{'b' * 26}@hub.a-long-name.of-some-provider.example.net>"
    headers = {"In-Reply-To": long, "References": f"{long} {long}", "Auto-Submitted": "auto-generated"}
    send(sink, replace(MAIL, message_id=long, headers=headers))
    raw = sink.received[0].raw.decode()
    assert raw.count(long) == 4
    assert parsed(sink.received[0].raw)["References"].split() == [long, long]


def test_an_address_with_an_international_domain_is_written_in_ascii(sink):
    send(sink, replace(MAIL, to=("anna@bücher.example",)))
    assert sink.received[0].recipients == ("anna@xn--bcher-kva.example",)


@pytest.mark.parametrize("bad", ["nobody", "a b@c.example", "ä@c.example", "<a@b.example>", "a@b@", ""])
def test_what_is_no_address_is_rejected_before_anything_is_sent(sink, bad):
    with pytest.raises(Rejected):
        send(sink, replace(MAIL, to=(bad,)))
    assert sink.received == []


KNOWN = {"date", "message-id", "from", "to", "subject", "reply-to", "auto-submitted", "mime-version"}
KNOWN |= {"content-type", "content-transfer-encoding"}


@given(st.text(), st.text(), st.text(), st.text())
def test_no_text_can_add_a_header(subject, name, value, text):
    mail = replace(MAIL, subject=subject, sender_name=name, text=text, headers={"Auto-Submitted": value})
    hostile = replace(mail, subject=f"{subject}\r\nBcc: a@b.example", sender_name=f"{name}\nX-Evil: 1")
    for one in (mail, hostile):
        message = parsed(compose(context(settings_of()), one))
        assert {header.lower() for header in message.keys()} <= KNOWN  # noqa: SIM118


def test_settings_refuse_what_cannot_work():
    with pytest.raises(ValidationError):
        settings_of(imap_mailbox="Eingänge")
    with pytest.raises(ValidationError):
        settings_of(largest_mail_mib=0)
