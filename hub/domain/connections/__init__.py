"""Connections: configured instances of connectors, with their secrets, state and health."""

from hub.domain.connections.calls import (
    Configured,
    behind,
    by_id,
    by_slug,
    options_of,
    settings_of,
    state_word,
    token_fits,
)
from hub.domain.connections.health import (
    events,
    hanging,
    health_event,
    note_failure,
    note_hanging,
    note_ok,
    note_slow_parse,
    prune,
)
from hub.domain.connections.polling import claim_poll, due_polls, poll_soon, settle_poll
from hub.domain.connections.recent import Happened, happened
from hub.domain.connections.setup import (
    add_connection,
    change_connection,
    check_networks,
    find,
    listed,
    new_token,
    read_settings,
)
from hub.domain.connections.tables import Connection, ConnectionState, HealthEvent, Side

__all__ = [
    "Configured",
    "Connection",
    "ConnectionState",
    "Happened",
    "HealthEvent",
    "Side",
    "add_connection",
    "behind",
    "by_id",
    "by_slug",
    "change_connection",
    "check_networks",
    "claim_poll",
    "due_polls",
    "events",
    "find",
    "hanging",
    "happened",
    "health_event",
    "listed",
    "new_token",
    "note_failure",
    "note_hanging",
    "note_ok",
    "note_slow_parse",
    "options_of",
    "poll_soon",
    "prune",
    "read_settings",
    "settings_of",
    "settle_poll",
    "state_word",
    "token_fits",
]
