"""Fetching mailboxes: one worker at a time each, every mail durable before the cursor moves past it."""

import uuid
from datetime import timedelta

import structlog

from hub.base.errors import Invalid, Misconfigured
from hub.domain import connections
from hub.domain.connections import Configured
from hub.flows.channels import target_of
from hub.flows.mailroom.door import deliver
from hub.flows.runtime import Hub
from hub.plugin.contracts import ConnectorError, PulledMail

EVERY = timedelta(seconds=10)
LEASE = timedelta(minutes=5)
MOST_PAGES = 20
"""Pages of one mailbox in one go; a mailbox that never ends must not keep the others waiting."""

log = structlog.get_logger()


def poll_due(hub: Hub) -> int:
    """Fetch every mailbox whose time has come; answers how many mails were taken in."""
    names = [each.name for each in hub.registry.connectors("channel") if "pull_mail" in each.capabilities]
    with hub.db.read() as session:
        due = connections.due_polls(session, names, EVERY)
    return sum(_poll(hub, connection_id) for connection_id in due)


def _poll(hub: Hub, connection_id: uuid.UUID) -> int:
    taken = 0
    for _ in range(MOST_PAGES):
        with hub.db.write() as session:
            if not connections.claim_poll(session, connection_id, LEASE):
                return taken
            connection = connections.by_id(session, connection_id)
        if connection is None or (page := _pull(hub, connection)) is None:
            return taken
        for mail in page.mails:
            deliver(hub, mail.raw, connection_id, trouble=mail.trouble)
        taken += len(page.mails)
        with hub.db.write() as session:
            connections.note_ok(session, connection)
            # Whether or not another poll was faster: each mail was taken once, by whoever came first.
            connections.settle_poll(session, connection_id, connection.cursor, cursor=page.cursor)
        if not page.more:
            return taken
    return taken


def _pull(hub: Hub, connection: Configured) -> PulledMail | None:
    """The next page; None where it could not be had, which is on the health page then."""
    try:
        return hub.outward.pull_mail(target_of(hub, connection), connection.cursor or "")
    except (ConnectorError, Misconfigured, Invalid) as error:
        reason = error.reason if isinstance(error, ConnectorError) else str(error)
    log.warning("mail.not_fetched", connection=connection.name, reason=reason)
    with hub.db.write() as session:
        connections.note_failure(session, connection.id, reason)
        connections.settle_poll(session, connection.id, connection.cursor)
    return None
