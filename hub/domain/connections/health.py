"""Whether a connection works, and what an operator should know of it."""

import uuid
from datetime import datetime, timedelta

from sqlalchemy import CursorResult, delete, func, or_, select, update
from sqlalchemy.orm import Session

from hub.base import clock, ids
from hub.domain.connections.calls import Configured
from hub.domain.connections.tables import ConnectionState, HealthEvent

OK_EVERY = timedelta(minutes=1)
"""How exactly "last worked at" is kept: a busy webhook does not write it each time."""
HANGS_FOR = timedelta(minutes=1)
KEPT = timedelta(days=30)
_state = ConnectionState.__table__.c


def note_ok(session: Session, connection: Configured) -> None:
    """It works. Writes only when it failed before or the last note is older than a minute."""
    now = clock.now()
    recent = connection.last_ok_at is not None and now - connection.last_ok_at < OK_EVERY
    if recent and not connection.failures:
        return
    session.execute(
        update(ConnectionState)
        .where(_state.connection_id == connection.id)
        .values(last_ok_at=now, failing_since=None, failures=0, last_error=None)
    )
    if connection.failures:
        health_event(session, connection.id, "recovered", "It works again.")


def note_failure(session: Session, connection_id: uuid.UUID, reason: str) -> None:
    """It failed. The first of a row of failures is an event; the others only count."""
    failed = session.scalar(select(_state.failures).where(_state.connection_id == connection_id))
    session.execute(
        update(ConnectionState)
        .where(_state.connection_id == connection_id)
        .values(
            failures=_state.failures + 1,
            failing_since=func.coalesce(_state.failing_since, clock.now()),
            last_error=reason,
        )
    )
    if not failed:
        health_event(session, connection_id, "failing", reason)


def note_slow_parse(
    session: Session, connection_id: uuid.UUID, pause: timedelta, sentence: str, *, failing: bool = False
) -> None:
    """Have the worker parse this connection's bodies for a while (law 9). Of many who say so at once the
    first is heard. `failing`: parsing does not even come back."""
    now = clock.now()
    values: dict[str, object] = {"slow_parse_until": now + pause}
    if failing:
        values |= {"failures": _state.failures + 1, "last_error": sentence}
        values["failing_since"] = func.coalesce(_state.failing_since, now)
    found: CursorResult[object] = session.execute(  # type: ignore[assignment]
        update(ConnectionState)
        .where(_state.connection_id == connection_id)
        .where(or_(_state.slow_parse_until.is_(None), _state.slow_parse_until <= now))
        .values(values)
    )
    if found.rowcount:
        health_event(session, connection_id, "slow_parse", sentence)


def note_hanging(session: Session, connection_id: uuid.UUID, hung: int, sentence: str = "") -> None:
    """How many calls of this worker hang now; the sentence where that has changed."""
    found: CursorResult[object] = session.execute(  # type: ignore[assignment]
        update(ConnectionState)
        .where(_state.connection_id == connection_id)
        .values(hung=hung, hung_at=clock.now())
    )
    if found.rowcount and sentence:
        health_event(session, connection_id, "hung" if hung else "recovered", sentence)


def hanging(hung: int, hung_at: datetime | None) -> int:
    """How many calls hang; none if the worker that said so has been silent, for then it has ended."""
    return hung if hung_at is not None and clock.now() - hung_at < HANGS_FOR else 0


def health_event(session: Session, connection_id: uuid.UUID, kind: str, sentence: str) -> None:
    """Something that an operator should see on the health page."""
    session.add(
        HealthEvent(
            id=ids.new_id(), connection_id=connection_id, at=clock.now(), kind=kind, sentence=sentence
        )
    )


def events(session: Session, connection_id: uuid.UUID, limit: int = 20) -> list[HealthEvent]:
    """The latest events of a connection, newest first."""
    query = select(HealthEvent).where(HealthEvent.connection_id == connection_id)
    return list(session.scalars(query.order_by(HealthEvent.at.desc(), HealthEvent.id.desc()).limit(limit)))


def prune(session: Session) -> None:
    """Forget events older than a month."""
    session.execute(delete(HealthEvent).where(HealthEvent.at < clock.now() - KEPT))
