"""An OutMail as the bytes of a message (RFC 5322, 2045, 2047).

Nothing that comes in an OutMail can add a header: every value is put on one line first.
"""

import unicodedata
from email.headerregistry import Address, HeaderRegistry, UnstructuredHeader
from email.message import EmailMessage
from email.policy import SMTP, EmailPolicy
from email.utils import format_datetime

from hub.plugin.contracts import Ctx, OutMail, Rejected
from plugins.channels.mail.settings import MailSettings


class _AsIs(UnstructuredHeader):
    """A header of plain ASCII words that stay whole: one a line where they do not fit.

    The standard library would encode a Message-ID longer than a line, and no mailer could thread by it.
    """

    def fold(self, *, policy: EmailPolicy) -> str:
        """The header's lines."""
        words, limit = str(self).split(), policy.max_line_length or 998
        lines = [f"{self.name}:"]  # type: ignore[attr-defined]
        for word in words:
            if len(lines[-1]) + 1 + len(word) <= limit:
                lines[-1] += f" {word}"
            else:
                lines.append(f" {word}")
        return policy.linesep.join(lines) + policy.linesep


def _policy() -> "EmailPolicy[EmailMessage]":
    registry = HeaderRegistry()
    for name in ("in-reply-to", "references", "message-id"):
        registry.map_to_type(name, _AsIs)  # type: ignore[arg-type]
    return SMTP.clone(header_factory=registry, cte_type="7bit")


POLICY = _policy()


def compose(ctx: Ctx[MailSettings], mail: OutMail) -> bytes:
    """The message, ready for DATA but for its dots. Raises Rejected when an address is no address."""
    message = EmailMessage(policy=POLICY)
    message["Date"] = format_datetime(ctx.now)
    message["Message-ID"] = one_line(mail.message_id)
    message["From"] = _address(mail.sender, mail.sender_name)
    message["To"] = [_address(address) for address in mail.to]
    if mail.reply_to:
        message["Reply-To"] = _address(mail.reply_to)
    message["Subject"] = one_line(mail.subject)
    for name, value in mail.headers.items():
        message[name] = one_line(value)
    message.set_content(_body(mail.text))
    if mail.html is not None:
        message.add_alternative(_body(mail.html), subtype="html")
    return message.as_bytes()


def one_line(value: str) -> str:
    """A header's value without line ends and other control characters."""
    kept = "".join(" " if unicodedata.category(c) in ("Cc", "Zl", "Zp") else c for c in value)
    return " ".join(kept.encode("utf-8", "replace").decode().split())


def _body(text: str) -> str:
    return text.encode("utf-8", "replace").decode().replace("\0", "")


def _address(address: str, name: str = "") -> Address:
    try:
        return Address(one_line(name), addr_spec=wire_address(address))
    except Exception as error:
        # The parser of the standard library fails on hostile addresses in many ways.
        raise Rejected(f"{address!r} is no mail address.") from error


def wire_address(address: str) -> str:
    """An address as SMTP carries it: the domain in its ASCII form. Raises ValueError for what is none."""
    local, at, domain = address.strip().rpartition("@")
    if not (at and local and domain) or not local.isascii() or any(c.isspace() or c in "<>" for c in address):
        raise ValueError("no address that SMTP carries")
    return f"{local}@{domain.encode('idna').decode()}"
