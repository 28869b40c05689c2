"""Signed-in sessions, kept on our side so that they can be listed and ended; and rate windows."""

import math
import uuid
from datetime import UTC, datetime, timedelta

from sqlalchemy import CursorResult, ForeignKey, Index, Table, and_, delete, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, Session, mapped_column

from hub.base import clock, ids
from hub.base.db import Base, UuidKey, str200
from hub.base.text import one_line
from hub.domain.people import Identity


class WebSession(Base):
    """One browser that is signed in; the cookie holds the token, we hold its digest."""

    __tablename__ = "web_sessions"
    __table_args__ = (
        Index(None, "token_digest", unique=True),
        Index(None, "person_id"),
        {"info": {"rls": "open"}},
    )

    id: Mapped[UuidKey]
    token_digest: Mapped[str]
    person_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("people.id"))
    issuer: Mapped[str]
    created_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    user_agent: Mapped[str200]


class RateWindow(Base):
    """How often something was tried in one fixed window; shared by all nodes."""

    __tablename__ = "rate_windows"
    __table_args__ = ({"info": {"rls": "open"}},)

    key: Mapped[str] = mapped_column(primary_key=True)
    starts_at: Mapped[datetime] = mapped_column(primary_key=True)
    count: Mapped[int]


SESSIONS: Table = WebSession.__table__  # type: ignore[assignment]
WINDOWS: Table = RateWindow.__table__  # type: ignore[assignment]


def start(session: Session, person_id: uuid.UUID, issuer: str, lasts: timedelta, user_agent: str) -> str:
    """Begin a session and answer its token, which is shown to nobody but the browser."""
    now = clock.now()
    token = ids.new_token("hubs")
    session.add(
        WebSession(
            id=ids.new_id(),
            token_digest=ids.token_digest(token),
            person_id=person_id,
            issuer=issuer,
            created_at=now,
            last_seen_at=now,
            expires_at=now + lasts,
            user_agent=one_line(user_agent),
        )
    )
    return token


def find(session: Session, token: str) -> WebSession | None:
    """The living session of a token; None when it ended, expired, or is older than the person's password."""
    changed = Identity.password_changed_at
    theirs = and_(Identity.issuer == WebSession.issuer, Identity.person_id == WebSession.person_id)
    query = (
        select(WebSession)
        .join(Identity, theirs, isouter=True)
        .where(WebSession.token_digest == ids.token_digest(token), WebSession.ended_at.is_(None))
        .where(WebSession.expires_at > clock.now())
        .where(or_(changed.is_(None), changed <= WebSession.created_at))
    )
    return session.scalar(query)


def is_known(session: Session, token: str) -> bool:
    """Whether a token is or was that of a session."""
    query = select(WebSession.id).where(WebSession.token_digest == ids.token_digest(token))
    return session.scalar(query) is not None


def end(session: Session, token: str) -> None:
    """End the session of a token; ending it twice is no error."""
    digest = ids.token_digest(token)
    session.execute(
        update(SESSIONS)
        .where(SESSIONS.c.token_digest == digest, SESSIONS.c.ended_at.is_(None))
        .values(ended_at=clock.now())
    )


def end_all(session: Session, person_id: uuid.UUID) -> None:
    """End every session of a person, for good."""
    theirs = (SESSIONS.c.person_id == person_id, SESSIONS.c.ended_at.is_(None))
    session.execute(update(SESSIONS).where(*theirs).values(ended_at=clock.now()))


def hit(session: Session, key: str, limit: int, window: timedelta, *, by: int = 1) -> int:
    """Count a try of `key`; 0 while all are within `limit` a window, else the seconds until the window ends.

    `by` is what it weighs. One statement, so that tries made at the same moment on many nodes are all
    counted.
    """
    starts_at = _window_start(window)
    insert = (postgresql if session.get_bind().dialect.name == "postgresql" else sqlite).insert(WINDOWS)
    tried = insert.values(key=key, starts_at=starts_at, count=by)
    counted = tried.on_conflict_do_update(
        index_elements=["key", "starts_at"], set_={"count": WINDOWS.c.count + by}
    ).returning(WINDOWS.c.count)
    count = session.scalars(counted).one()
    return 0 if count <= limit else max(1, math.ceil((starts_at + window - clock.now()).total_seconds()))


def _window_start(window: timedelta) -> datetime:
    """Windows start at the same instants on every node."""
    seconds = int(window.total_seconds())
    return datetime.fromtimestamp(int(clock.now().timestamp()) // seconds * seconds, UTC)


def take_back(session: Session, key: str, window: timedelta) -> None:
    """One try of `key` in the present window shall not count after all."""
    now = (WINDOWS.c.key == key, WINDOWS.c.starts_at == _window_start(window), WINDOWS.c.count > 0)
    session.execute(update(WINDOWS).where(*now).values(count=WINDOWS.c.count - 1))


def forgive(session: Session, key: str) -> None:
    """Take back all that was counted for `key`: the try was a good one."""
    session.execute(delete(WINDOWS).where(WINDOWS.c.key == key))


def prune(session: Session, older_than: timedelta = timedelta(days=7)) -> int:
    """Drop rate windows and sessions that ended that long ago; answers how many rows went."""
    before = clock.now() - older_than
    windows: CursorResult[object] = session.execute(delete(WINDOWS).where(WINDOWS.c.starts_at < before))  # type: ignore[assignment]
    ended: CursorResult[object] = session.execute(delete(SESSIONS).where(SESSIONS.c.expires_at < before))  # type: ignore[assignment]
    return windows.rowcount + ended.rowcount
