"""A raw mail as data. Reading never fails: what cannot be read is said in `trouble`, and somebody looks."""

import email
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from email.message import Message

from hub.base.text import clean, one_line
from hub.domain.attachments import Upload
from hub.flows.mailroom.headers import LONGEST, Headers, decoded, in_charset
from hub.flows.mailroom.html_text import MOST as MOST_HTML
from hub.flows.mailroom.html_text import text_of
from hub.flows.mailroom.signs import Bounce, Machine, bounce_of, machine_of

MOST_BYTES = 25 * 1024 * 1024
MOST_PARTS = 200
MOST_BOUNDARIES = 5_000
MOST_LINES = 1_000_000
BEGINNING = 64 * 1024
SENDERS = "It names more than one sender."
Part = Message
_MULTI, _MESSAGE = "multipart", "message/rfc822"
_TO = ("to", "cc", "delivered-to", "x-original-to", "envelope-to", "x-delivered-to", "resent-to", "resent-cc")


@dataclass(frozen=True, slots=True)
class Mail:
    """What a mail says of itself. Everything in it is a claim of a stranger.

    `digest` is of the Message-ID with what the mail says, or of the whole where it has none; `id_digest` of
    the Message-ID alone ("" without one), which two different mails must not share. `references` are the
    headers that name other mails, the nearest first. `trouble` says why this could not be read as a whole, or
    whose it is.
    """

    digest: str
    id_digest: str = ""
    message_id: str = ""
    sender: str = ""
    sender_name: str = ""
    recipients: tuple[str, ...] = ()
    subject: str = ""
    references: str = ""
    text: str = ""
    files: tuple[Upload, ...] = ()
    machine: Machine = ""
    bounce: Bounce | None = None
    trouble: str = ""

    @property
    def author(self) -> str:
        """Who wrote it, for people."""
        both = self.sender_name and self.sender
        return f"{self.sender_name} <{self.sender}>" if both else self.sender_name or self.sender


def read(raw: bytes, trouble: str = "") -> Mail:
    """The mail in some bytes; one over the limit, or cut on its way (`trouble`), by its headers alone."""
    trouble = trouble or _too_much(raw)
    try:
        message: Part[str, str] = email.message_from_bytes(raw[:BEGINNING] if trouble else raw)
        mail = _headers(message)
        whole = replace(mail, trouble=trouble) if trouble else _content(mail, message)
        return _with_digests(whole, raw)
    except Exception as error:
        # Parser and decoders of the standard library fail on rot in more ways than can be listed.
        digest = hashlib.sha256(raw).hexdigest()
        return Mail(digest, trouble=f"The mail cannot be read ({type(error).__name__}).")


def _too_much(raw: bytes) -> str:
    """Why a mail is more than the parser, which reads line by line, can take in good time."""
    if len(raw) > MOST_BYTES:
        return f"The mail is larger than {MOST_BYTES // 1024 // 1024} MiB."
    if raw.count(b"\n--") > MOST_BOUNDARIES:
        return "The mail has too many parts."
    return "The mail has too many lines." if raw.count(b"\n") > MOST_LINES else ""


def _headers(message: "Part[str, str]") -> Mail:
    headers = Headers(message)
    name, sender = headers.address("from")
    if len(authors := headers.all("from")) > 1:
        # Each mail server vouches for another one of them, so it is nobody's mail; people see them all.
        name, sender = decoded(", ".join(authors)), ""
    # As text: some mail programs encode an id that is longer than a line.
    references = [headers.text("in-reply-to"), *reversed(headers.text("references").split())]
    return Mail(
        digest="",
        message_id=headers.text("message-id"),
        sender=sender,
        sender_name=one_line(name, LONGEST),
        recipients=tuple(headers.addresses(*_TO)),
        subject=one_line(headers.text("subject"), LONGEST),
        references=" ".join(references),
        machine=machine_of(headers, message),
        trouble=SENDERS if len(authors) > 1 else "",
    )


def _with_digests(mail: Mail, raw: bytes) -> Mail:
    """Told apart by what it says, not by its bytes: on the way to another mailbox headers are added and parts
    are encoded anew."""
    if "@" not in mail.message_id:
        return replace(mail, digest=hashlib.sha256(raw).hexdigest())
    files = [hashlib.sha256(upload.content).hexdigest() for upload in mail.files]
    said = [mail.message_id, mail.sender, mail.subject, mail.trouble, mail.text.strip(), *files]
    if mail.trouble:
        said.append(hashlib.sha256(raw.replace(b"\r\n", b"\n").partition(b"\n\n")[2]).hexdigest())
    digest = hashlib.sha256("\0".join(said).encode("utf-8", "surrogateescape")).hexdigest()
    return replace(
        mail, digest=digest, id_digest=hashlib.sha256(mail.message_id.encode("utf-8", "replace")).hexdigest()
    )


def _content(mail: Mail, message: "Part[str, str]") -> Mail:
    found = _Found()
    _walk(message, found)
    if found.parts > MOST_PARTS:
        return replace(mail, trouble="The mail has too many parts.")
    text = clean("\n\n".join(found.texts))
    return replace(mail, text=text, files=tuple(found.files), bounce=bounce_of(message))


@dataclass(slots=True)
class _Found:
    texts: list[str]
    files: list[Upload]
    parts: int

    def __init__(self) -> None:
        self.texts, self.files, self.parts = [], [], 0


def _walk(part: "Part[str, str]", found: _Found) -> None:
    found.parts += 1
    if found.parts > MOST_PARTS:
        return
    kind = part.get_content_type()
    if kind == "multipart/alternative":
        _alternative(part, found)
    elif part.get_content_maintype() == _MULTI:
        for child in _children(part):
            _walk(child, found)
    elif kind in ("text/plain", "text/html") and not _is_file(part):
        _take_text(part, found)
    else:
        found.files.append(_upload(part, len(found.files) + 1))


def _children(part: "Part[str, str]") -> "Iterator[Part[str, str]]":
    payload = part.get_payload()
    if isinstance(payload, list):
        yield from (child for child in payload if isinstance(child, Message))


def _alternative(part: "Part[str, str]", found: _Found) -> None:
    """The plain form where it says anything, else the HTML; whatever else is offered is a file."""
    children = list(_children(part))
    plain = [child for child in children if child.get_content_type() == "text/plain"]
    chosen = next((child for child in plain if _text(child).strip()), None)
    for child in children:
        kind = child.get_content_type()
        if chosen is not None and kind in ("text/plain", "text/html") and child is not chosen:
            found.parts += 1
        elif chosen is not None and child.get_content_maintype() == _MULTI:
            # The HTML form with its pictures: the words are known, the pictures are kept.
            _walk_files(child, found)
        else:
            _walk(child, found)


def _walk_files(part: "Part[str, str]", found: _Found) -> None:
    for child in _children(part):
        if child.get_content_maintype() == _MULTI:
            _walk_files(child, found)
        elif child.get_content_type() not in ("text/plain", "text/html") or _is_file(child):
            _walk(child, found)


def _is_file(part: "Part[str, str]") -> bool:
    disposition = str(part.get("content-disposition", "")).strip().lower()
    return disposition.startswith("attachment") or bool(part.get_filename())


def _take_text(part: "Part[str, str]", found: _Found) -> None:
    text = _text(part)
    if part.get_content_type() == "text/html":
        if len(text) > MOST_HTML:
            found.files.append(Upload("message.html", "text/html", text.encode()))
        text = text_of(text)
    if text.strip():
        found.texts.append(text)


def _text(part: "Part[str, str]") -> str:
    return in_charset(_bytes(part), part.get_content_charset("utf-8"))


def _bytes(part: "Part[str, str]") -> bytes:
    payload = part.get_payload(decode=True)
    if isinstance(payload, bytes):
        return payload
    return str(part.get_payload()).encode("utf-8", "surrogateescape")


def _upload(part: "Part[str, str]", number: int) -> Upload:
    kind = part.get_content_type()
    nested = next(_children(part), None)
    if kind == _MESSAGE and nested is not None:
        return Upload(f"{decoded(str(nested.get('subject', 'mail')))[:80]}.eml", _MESSAGE, nested.as_bytes())
    content = nested.as_bytes() if nested is not None else _bytes(part)
    name = one_line(decoded(str(part.get_filename() or "")), LONGEST) or f"part-{number}"
    return Upload(name, kind, content)
