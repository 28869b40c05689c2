"""Which mails have been read, so that the same mail in two mailboxes or fetched twice acts once."""

from datetime import datetime

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, Session, mapped_column

from hub.base import clock
from hub.base.db import Base


class SeenMail(Base):
    """The digest of a mail, and beside it that of its Message-ID alone."""

    __tablename__ = "seen_mails"
    __table_args__ = ({"info": {"rls": "open"}},)

    digest: Mapped[str] = mapped_column(primary_key=True)
    seen_at: Mapped[datetime]


SEEN: Table = SeenMail.__table__  # type: ignore[assignment]


def first_time(session: Session, digest: str) -> bool:
    """Note a mail; false when it has been noted before.

    In the transaction of what the mail causes: of two that hold the same mail at once, the second waits here
    for the first to commit, and only then learns that it comes too late.
    """
    insert = (postgresql if session.get_bind().dialect.name == "postgresql" else sqlite).insert(SEEN)
    noted = insert.values(digest=digest, seen_at=clock.now()).on_conflict_do_nothing()
    return session.scalar(noted.returning(SEEN.c.digest)) is not None
