"""Everything is put together here: the hub without Flask, then the pages around it."""

from collections.abc import Sequence

import structlog

from hub.base.crypto import Keyring
from hub.base.db import Database
from hub.config import Settings
from hub.flows.runtime import Hub
from hub.plugin import registry
from hub.plugin.outward import Outward


def create_hub(settings: Settings, *, plugins: Sequence[tuple[str, object]] = ()) -> Hub:
    """The hub of this process: database, keys, plugins. Workers and commands need no more than this.

    `plugins` (name, module or object) are given directly, beside those found by entry points (tests, embedding).
    """
    database = Database(
        settings.database_url, pool_size=settings.pool_size, synchronous=settings.sqlite_synchronous
    )
    return Hub(
        settings=settings,
        db=database,
        keyring=Keyring(settings.secret_key),
        registry=registry.load(blocked=frozenset(settings.blocked_plugins), extra=plugins),
        outward=Outward(structlog.get_logger()),
        handlers={},
    )
