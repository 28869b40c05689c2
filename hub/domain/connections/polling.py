"""Who polls a connection now: one worker of all nodes, under a lease."""

import uuid
from collections.abc import Collection
from datetime import timedelta
from typing import Any, cast

from sqlalchemy import CursorResult, or_, select, update
from sqlalchemy.orm import Session

from hub.base import clock
from hub.domain.connections.tables import Connection, ConnectionState

_state = ConnectionState.__table__.c


def due_polls(session: Session, connectors: Collection[str], every: timedelta) -> list[uuid.UUID]:
    """Enabled connections of some connectors that nobody polls and nobody has polled for a while."""
    now = clock.now()
    query = (
        select(_state.connection_id)
        .join(Connection, Connection.id == _state.connection_id)
        .where(Connection.enabled, Connection.connector.in_(connectors))
        .where(or_(_state.polled_at.is_(None), _state.polled_at <= now - every))
        .where(or_(_state.lease_until.is_(None), _state.lease_until < now))
        .order_by(_state.connection_id)
    )
    return list(session.scalars(query))


def poll_soon(session: Session, connection_id: uuid.UUID) -> None:
    """Have the far side asked at the next tick, because what it says cannot be told without asking it."""
    due = update(ConnectionState).where(_state.connection_id == connection_id, _state.polled_at.is_not(None))
    session.execute(due.values(polled_at=None))


def claim_poll(session: Session, connection_id: uuid.UUID, lease: timedelta) -> bool:
    """Take the right to poll until the lease ends; false while another worker holds it."""
    now = clock.now()
    claimed = (
        update(ConnectionState)
        .where(_state.connection_id == connection_id)
        .where(or_(_state.lease_until.is_(None), _state.lease_until < now))
        .values(lease_until=now + lease, polled_at=now)
    )
    return cast("CursorResult[Any]", session.execute(claimed)).rowcount == 1


def settle_poll(
    session: Session, connection_id: uuid.UUID, before: str | None, *, cursor: str | None = None
) -> bool:
    """End a poll, moving the cursor from `before`; false when another poll has moved it meanwhile.

    Then the caller must roll back: what it read has been applied by whoever was faster.
    """
    moved = update(ConnectionState).where(_state.connection_id == connection_id)
    if cursor is None:
        session.execute(moved.values(lease_until=None))
        return True
    same = _state.cursor.is_(None) if before is None else _state.cursor == before
    result = session.execute(moved.where(same).values(lease_until=None, cursor=cursor))
    return cast("CursorResult[Any]", result).rowcount == 1
