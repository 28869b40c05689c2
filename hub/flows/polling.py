"""Asking far sides for news: one worker at a time per connection, the cursor moves with what it brought."""

import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from datetime import timedelta
from typing import Protocol, TypeVar

import structlog
from sqlalchemy.orm import Session

from hub.base.errors import HubError, Invalid, Misconfigured, Unavailable, frames, reason_of
from hub.domain import connections
from hub.domain.connections import Configured
from hub.flows.channels import target_of
from hub.flows.runtime import Hub
from hub.plugin.contracts import ConnectorError, NotOffered
from hub.plugin.outward import Target

LEASE = timedelta(minutes=2)
PAGES = 50
"""Pages of one poll; what is left then waits for the next."""
AT_ONCE = 8
log = structlog.get_logger()


class Page(Protocol):
    """What every polled capability answers with."""

    @property
    def cursor(self) -> str:
        """Where the next poll goes on; empty where the far side knows no cursors."""


Found = TypeVar("Found", bound=Page)


def poll_due(hub: Hub, capability: str, every: timedelta, poll: Callable[[Hub, uuid.UUID], object]) -> None:
    """Poll every connection whose connector has the capability and that was not polled for so long.

    A few at once, so that one that hangs until its time is up does not hold up the others for long.
    """
    names = [each.name for each in hub.registry.connectors() if capability in each.capabilities]
    with hub.db.read() as session:
        due = connections.due_polls(session, names, every)
    if not due:
        return
    with ThreadPoolExecutor(min(AT_ONCE, len(due)), thread_name_prefix="poll") as pool:
        for future in [pool.submit(copy_context().run, poll, hub, each) for each in due]:
            future.result()


def poll(
    hub: Hub,
    connection_id: uuid.UUID,
    ask: Callable[[Target, str], Found],
    settle: Callable[[Session, Configured, Found], object],
) -> bool:
    """Ask page after page; each is settled in one transaction with its cursor. False: someone else is at it.

    A far side that fails is noted on the health page and asked again by the next poll, and so is what the hub
    itself cannot take in; only a database that is busy is nobody's fault (`Unavailable`).
    """
    for _ in range(PAGES):
        connection = _claim(hub, connection_id)
        if connection is None:
            return False
        try:
            page = _asked(hub, connection, ask)
            if page is None:
                return True
            if not _settled(hub, connection, page, settle):
                return False
        except Unavailable:
            raise
        except Exception as error:
            _note_broken(hub, connection, error)
            return True
        if not getattr(page, "more", False):
            break
    return True


def _settled(
    hub: Hub, connection: Configured, page: Found, settle: Callable[[Session, Configured, Found], object]
) -> bool:
    """Act on a page and move the cursor past it; false when another poll has done so meanwhile.

    The state of the connection comes last: webhooks lock it, too, after all that they change (law 3).
    """
    with hub.db.write() as session:
        settle(session, connection, page)
        if not connections.settle_poll(session, connection.id, connection.cursor, cursor=page.cursor or None):
            session.rollback()
            return False
        connections.note_ok(session, connection)
    return True


def _note_broken(hub: Hub, connection: Configured, error: Exception) -> None:
    if not isinstance(error, HubError):
        log.error("poll.broke", connection=connection.slug, error=type(error).__name__, frames=frames(error))
    _end(hub, connection, reason_of(error))


def _claim(hub: Hub, connection_id: uuid.UUID) -> Configured | None:
    with hub.db.write() as session:
        claimed = connections.claim_poll(session, connection_id, LEASE)
        return connections.by_id(session, connection_id) if claimed else None


def _asked(hub: Hub, connection: Configured, ask: Callable[[Target, str], Found]) -> Found | None:
    reason = None
    try:
        return ask(target_of(hub, connection), connection.cursor or "")
    except NotOffered:
        pass  # its settings name nothing that could be asked: no failure, and no sign that it works either
    except ConnectorError as error:
        reason = error.reason
    except (Misconfigured, Invalid) as error:
        reason = str(error)
    _end(hub, connection, reason)
    return None


def _end(hub: Hub, connection: Configured, reason: str | None) -> None:
    """Let go of a connection where it was, with what went wrong."""
    with hub.db.write() as session:
        if reason is not None:
            connections.note_failure(session, connection.id, reason)
        connections.settle_poll(session, connection.id, connection.cursor)
