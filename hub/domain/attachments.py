"""Files that came with an entry, kept as blobs; their audience is their entry's."""

import uuid
from datetime import datetime

from sqlalchemy import Index, LargeBinary
from sqlalchemy.orm import Mapped, deferred, mapped_column

from hub.base.db import Base, UuidKey, str40, str200


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
