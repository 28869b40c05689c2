"""Fetching mailboxes: every mail is durable before the cursor moves past it."""

import uuid
from datetime import timedelta

from hub.flows import polling
from hub.flows.mailroom.door import deliver
from hub.flows.runtime import Hub
from hub.plugin.contracts import PulledMail
from hub.plugin.outward import Target

EVERY = timedelta(seconds=10)


def poll_due(hub: Hub) -> None:
    """Fetch every mailbox whose time has come."""
    polling.poll_due(hub, "pull_mail", EVERY, poll)


def poll(hub: Hub, connection_id: uuid.UUID) -> bool:
    """Fetch one mailbox now; false while another worker is at it.

    Each mail is a transaction of its own: it locks the account that it belongs to. A poll that is interrupted
    reads some mails again, which are known then.
    """

    def fetch(target: Target, cursor: str) -> PulledMail:
        page = hub.outward.pull_mail(target, cursor)
        for mail in page.mails:
            deliver(hub, mail.raw, connection_id, trouble=mail.trouble)
        return page

    return polling.poll(hub, connection_id, fetch, lambda session, connection, page: None)
