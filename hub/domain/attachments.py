"""Files that came with an entry, kept as blobs; their audience is their entry's."""

import hashlib
import re
import unicodedata
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Index, LargeBinary
from sqlalchemy.orm import Mapped, Session, deferred, mapped_column

from hub.base import clock, ids
from hub.base.db import Base, UuidKey, str40, str200
from hub.base.errors import Invalid, TooLarge
from hub.base.text import N_

MAX_BYTES = 25 * 1024 * 1024
MAX_FILES = 20
UNKNOWN_TYPE = "application/octet-stream"
_NAME = 150
_SEPARATORS = re.compile(r"[/\\]")
_FORBIDDEN = re.compile(r'[<>:"|?*]')
_MAGIC = (
    (b"%PDF-", "application/pdf"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"PK\x03\x04", "application/zip"),
    (b"\x1f\x8b", "application/gzip"),
)
_PACKED = re.compile(r"application/vnd\.(openxmlformats-officedocument|oasis\.opendocument)\.[a-z.\-]+")
_HARMLESS = frozenset(("text/plain", "text/csv", "application/json", "message/rfc822"))


@dataclass(frozen=True, slots=True)
class Upload:
    """A file as it came: its name and type are claims of a stranger."""

    name: str
    media_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Files:
    """What came with one text; `limit` is the most bytes that one of them may have."""

    uploads: Sequence[Upload] = ()
    limit: int = MAX_BYTES

    def check(self) -> None:
        """`Invalid` for too many of them, `TooLarge` for one over the limit."""
        if len(self.uploads) > MAX_FILES:
            raise Invalid.field("attachments", N_("Please attach no more than 20 files."))
        if any(len(upload.content) > self.limit for upload in self.uploads):
            raise TooLarge(N_("One of the files is too large."))


NO_FILES = Files()


class Attachment(Base):
    """One file of one entry."""

    __tablename__ = "attachments"
    __table_args__ = (Index(None, "account_id", "entry_seq"), {"info": {"rls": "audience"}})

    account_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    id: Mapped[UuidKey]
    entry_seq: Mapped[int]
    case_id: Mapped[uuid.UUID | None]
    audience: Mapped[str40]
    name: Mapped[str200]
    media_type: Mapped[str200]
    size: Mapped[int]
    sha256: Mapped[str]
    created_at: Mapped[datetime]
    content: Mapped[bytes | None] = deferred(mapped_column(LargeBinary))


def add(
    session: Session,
    account_id: uuid.UUID,
    entry_seq: int,
    audience: str,
    files: Files,
    *,
    case_id: uuid.UUID | None = None,
) -> list[Attachment]:
    """Keep the files of an entry that this transaction wrote; they share its `audience`."""
    files.check()
    kept = [
        Attachment(
            account_id=account_id,
            id=ids.new_id(),
            entry_seq=entry_seq,
            case_id=case_id,
            audience=audience,
            name=harmless_name(upload.name),
            media_type=media_type_of(upload),
            size=len(upload.content),
            sha256=hashlib.sha256(upload.content).hexdigest(),
            created_at=clock.now(),
            content=upload.content,
        )
        for upload in files.uploads
    ]
    session.add_all(kept)
    return kept


def harmless_name(name: str) -> str:
    """A name that is only a name: no folders, no control characters, nothing that turns its reading around.

    Its ending survives when it is cut to 150 characters.
    """
    last = _SEPARATORS.split(unicodedata.normalize("NFC", name))[-1]
    # Category C holds controls, bidirectional overrides, zero-width signs and lone surrogates.
    shown = "".join("_" if unicodedata.category(sign)[0] == "C" else sign for sign in last)
    shown = " ".join(_FORBIDDEN.sub("_", shown).split()).strip(". ")
    stem, dot, ending = shown.rpartition(".")
    if len(shown) > _NAME and dot and len(ending) < 20:
        shown = f"{stem[: _NAME - len(ending) - 1]}.{ending}"
    return shown[:_NAME] or "file"


def media_type_of(upload: Upload) -> str:
    """What the content shows, else what is claimed if it is harmless, else unknown bytes.

    Never a type that a browser runs; files are handed out as downloads whatever their type.
    """
    claimed = upload.media_type.split(";")[0].strip().lower()
    found = next((kind for magic, kind in _MAGIC if upload.content.startswith(magic)), None)
    if found == "application/zip" and _PACKED.fullmatch(claimed):
        return claimed
    return found or (claimed if claimed in _HARMLESS else UNKNOWN_TYPE)
