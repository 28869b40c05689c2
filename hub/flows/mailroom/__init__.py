"""The mailroom: mail in, from mailboxes (`poll_due`) and from standard input (`deliver`)."""

from hub.flows.mailroom.door import deliver
from hub.flows.mailroom.filing import file_parked, proposals, target_of
from hub.flows.mailroom.polling import poll, poll_due

__all__ = ["deliver", "file_parked", "poll", "poll_due", "proposals", "target_of"]
