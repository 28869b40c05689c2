"""Handing one mail to the next hop, and knowing exactly what is known when it goes wrong.

The commands are given one by one: until the message itself is on its way, nothing has happened and the same
mail may be tried again; from then on a broken connection leaves it unknown.
"""

import re
import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from hub.plugin.contracts import AuthFailed, Ctx, OutcomeUnknown, OutMail, Receipt, Rejected, RetryLater, clip
from plugins.channels.mail.compose import compose, wire_address
from plugins.channels.mail.dialing import LEAST_SECONDS, SmtpClient
from plugins.channels.mail.settings import MailSettings
from plugins.channels.mail.tls import trust

Refused = tuple[str, int, str]
_LEADING_DOT = re.compile(rb"(?m)^\.")


def send(ctx: Ctx[MailSettings], mail: OutMail) -> Receipt:
    """Carry a mail; see `Connector.send` for the answers."""
    raw = compose(ctx, mail)
    with _connected(ctx, mail) as client:
        accepted, refused = _offer(ctx, client, mail)
        answer = _transmit(ctx, client, raw)
        with suppress(OSError, smtplib.SMTPException):
            # The mail was taken; a server that will not say goodbye changes nothing.
            client.quit()
    reasons = tuple((address, reason) for address, _, reason in refused)
    return Receipt(provider_id=clip(answer), accepted=tuple(accepted), refused=reasons)


@contextmanager
def _connected(ctx: Ctx[MailSettings], mail: OutMail) -> Iterator[smtplib.SMTP]:
    """A signed-in client. Inside the block, whatever was not foreseen happened before the message went."""
    client: smtplib.SMTP | None = None
    try:
        client = _connect(ctx, mail)
        _sign_in(ctx, client)
        yield client
    except ssl.SSLCertVerificationError as error:
        reason = f"The certificate of the SMTP server is not trusted: {error.verify_message}."
        raise RetryLater(reason) from error
    except (OSError, smtplib.SMTPException) as error:
        raise RetryLater(f"The SMTP server cannot be spoken to: {_in_words(error)}.") from error
    finally:
        if client is not None:
            client.close()


def _connect(ctx: Ctx[MailSettings], mail: OutMail) -> smtplib.SMTP:
    settings = ctx.settings
    # Naming ourselves spares the standard library's look-up of our own name, which may hang.
    name = mail.sender.rpartition("@")[2].encode("idna").decode()
    client = SmtpClient(ctx, name, trust(settings.ca_file) if settings.smtp_security == "tls" else None)
    client.ehlo_or_helo_if_needed()
    if settings.smtp_security == "starttls":
        if not client.has_extn("starttls"):
            client.close()
            raise RetryLater("The SMTP server offers no STARTTLS; nothing is sent in the open.")
        client.starttls(context=trust(settings.ca_file))
        client.ehlo()
    return client


def _sign_in(ctx: Ctx[MailSettings], client: smtplib.SMTP) -> None:
    if not ctx.settings.smtp_user:
        return
    _hurry(ctx, client)
    try:
        client.login(ctx.settings.smtp_user, ctx.settings.smtp_password.get_secret_value())
    except smtplib.SMTPAuthenticationError as error:
        reason = f"The SMTP server refused the sign-in: {_answer(error.smtp_code, error.smtp_error)}"
        raise (AuthFailed if error.smtp_code >= 500 else RetryLater)(reason) from error
    except smtplib.SMTPNotSupportedError as error:
        raise AuthFailed(
            "The SMTP server offers no sign-in; leave the user empty if it needs none."
        ) from error
    except UnicodeEncodeError:
        # Not chained: the error quotes what it could not encode.
        raise AuthFailed("The SMTP user or password holds characters that SMTP cannot carry.") from None


def _offer(ctx: Ctx[MailSettings], client: smtplib.SMTP, mail: OutMail) -> tuple[list[str], list[Refused]]:
    """MAIL and RCPT: who is taken and who is not; raises when nobody is."""
    _hurry(ctx, client)
    _must(client.mail(ctx.settings.envelope_sender or mail.sender), 250, "the sender")
    accepted: list[str] = []
    refused: list[Refused] = []
    for address in mail.to:
        _hurry(ctx, client)
        code, text = client.rcpt(wire_address(address))
        if code in (250, 251):
            accepted.append(address)
        else:
            refused.append((address, code, _answer(code, text)))
    if not accepted:
        later = any(code < 500 for _, code, _ in refused)
        reason = "; ".join(f"{address}: {text}" for address, _, text in refused)
        raise (RetryLater if later else Rejected)(f"No recipient was taken. {reason}")
    return accepted, refused


def _transmit(ctx: Ctx[MailSettings], client: smtplib.SMTP, raw: bytes) -> str:
    _hurry(ctx, client)
    _must(client.docmd("DATA"), 354, "the mail")
    try:
        _hurry(ctx, client)
        client.send(_LEADING_DOT.sub(b"..", raw).removesuffix(b"\r\n") + b"\r\n.\r\n")
        answer = client.getreply()
    except (OSError, smtplib.SMTPException) as error:
        raise OutcomeUnknown(
            f"The connection broke after the mail was sent, and it may have been taken: {_in_words(error)}."
        ) from error
    return _must(answer, 250, "the mail")


def _must(answer: tuple[int, bytes], wanted: int, what: str) -> str:
    code, text = answer
    if code == wanted:
        return _answer(code, text)
    reason = f"The SMTP server did not take {what}: {_answer(code, text)}"
    raise (Rejected if code >= 500 else RetryLater)(reason)


def _answer(code: int, text: bytes | str) -> str:
    words = text if isinstance(text, str) else text.decode("utf-8", "replace")
    return clip(f"{code} {' '.join(words.split())}")


def _in_words(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "it did not answer in time"
    if isinstance(error, smtplib.SMTPResponseException):
        return _answer(error.smtp_code, error.smtp_error)
    return clip(str(error) or type(error).__name__)


def _time_left(ctx: Ctx[MailSettings]) -> float:
    return max(ctx.deadline.left(), LEAST_SECONDS)


def _hurry(ctx: Ctx[MailSettings], client: smtplib.SMTP) -> None:
    """Give the next command no more than what the call's deadline leaves."""
    if client.sock is not None:
        client.sock.settimeout(_time_left(ctx))
