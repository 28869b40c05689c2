"""Which mails have been read, so that the same mail in two mailboxes or fetched twice acts once."""

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from hub.base.db import Base


class SeenMail(Base):
    """The digest of a Message-ID (or of the whole mail where it has none)."""

    __tablename__ = "seen_mails"
    __table_args__ = ({"info": {"rls": "open"}},)

    digest: Mapped[str] = mapped_column(primary_key=True)
    seen_at: Mapped[datetime]
