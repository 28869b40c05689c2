"""A worker tells which of its calls hang, so that pages, which call nobody, can show it."""

import uuid

from hub.domain import connections
from hub.flows.runtime import Hub
from hub.plugin.slots import Hanging


def tell(hub: Hub) -> None:
    """Write down how many calls of each connection hang in this process; no statement while none does."""
    found = [(key, line) for line in hub.outward.hanging() if (key := _connection(line)) is not None]
    if not found:
        return
    with hub.db.write() as session:
        for connection_id, line in found:
            connections.note_hanging(
                session, connection_id, line.hung, _sentence(line) if line.changed else ""
            )


def _connection(line: Hanging) -> uuid.UUID | None:
    """The connection of a line of slots; None for those of a team without one."""
    try:
        return uuid.UUID(line.connection_key)
    except ValueError:
        return None


def _sentence(line: Hanging) -> str:
    if not line.hung:
        return "No call hangs any more."
    told = f"{line.hung} of {line.slots} calls hang, the oldest since {line.since:%Y-%m-%d %H:%M} UTC."
    if line.hung < line.slots:
        return told
    return f"{told} No more are made until one of them ends, or the worker is restarted."
