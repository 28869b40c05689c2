"""Signs that a machine wrote a mail: automatic answers, lists, bounces (RFC 3834, 3464 and custom)."""

from dataclasses import dataclass
from email import message_from_string
from email.message import Message
from typing import Literal

from hub.flows.mailroom.headers import Headers

Machine = Literal["", "answer", "bulk"]
"""Nobody's machine; one that answers (out of office, a receipt); one that sends to many."""

_BULK = {"bulk", "junk", "list"}
_ANSWERS = ("x-autoreply", "x-autorespond", "x-auto-reply-from", "x-mail-autoreply")
_REPORT = "multipart/report"


@dataclass(frozen=True, slots=True)
class Bounce:
    """What a delivery status notification says of a mail; `original` is that mail's Message-ID."""

    failed: bool
    recipient: str
    reason: str
    original: str


def machine_of(headers: Headers, message: "Message[str, str]") -> Machine:
    """Which sort of machine wrote a mail, if any."""
    precedence = headers.word("precedence")
    if precedence in _BULK or any(name.startswith("list-") for name in headers.names()):
        return "bulk"
    if headers.has("auto-submitted") and headers.word("auto-submitted") != "no":
        return "answer"
    if precedence == "auto_reply" or any(headers.has(name) for name in _ANSWERS):
        return "answer"
    empty_path = headers.has("return-path") and headers.raw("return-path") in ("", "<>")
    return "answer" if empty_path or message.get_content_type() == _REPORT else ""


def bounce_of(message: "Message[str, str]") -> Bounce | None:
    """What a delivery status notification says; None for any other mail."""
    if message.get_content_type() != _REPORT or not message.is_multipart():
        return None
    parts = [part for part in message.walk() if isinstance(part, Message)]
    status = next((part for part in parts if part.get_content_type() == "message/delivery-status"), None)
    if status is None:
        return None
    fields = Headers(Message())
    for block in status.walk():
        own = Headers(block)
        if own.has("action") and (not fields.has("action") or own.word("action") == "failed"):
            fields = own
    return Bounce(
        failed=fields.word("action") == "failed",
        recipient=next(iter(fields.addresses("final-recipient", "original-recipient")), ""),
        reason=" ".join(fields.text("diagnostic-code").split()) or fields.word("status"),
        original=_original(parts),
    )


def _original(parts: "list[Message[str, str]]") -> str:
    """The Message-ID of the mail that came back, whole or as its headers."""
    for part in parts:
        kind = part.get_content_type()
        if kind == "text/rfc822-headers":
            payload = part.get_payload()
            fields = message_from_string(payload if isinstance(payload, str) else "")
            return Headers(fields).text("message-id")
        if kind == "message/rfc822":
            inside = part.get_payload(0) if part.is_multipart() else None
            return Headers(inside).text("message-id") if isinstance(inside, Message) else ""
    return ""
