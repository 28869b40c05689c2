"""The running hub: everything a flow needs, put together once by `create_hub`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from hub.base.crypto import Keyring
from hub.base.db import Database
from hub.base.group import GroupCommit
from hub.base.seldom import Seldom
from hub.config import Settings
from hub.plugin.gate import Gate
from hub.plugin.outward import Outward
from hub.plugin.registry import Registry

TOLD_EVERY = timedelta(minutes=15)


@dataclass(frozen=True)
class Hub:
    """One process's view of the hub. It holds no state that another node would have to know.

    `outward` makes the calls to far sides. `handlers` maps a kind of delivery to what carries it out
    (`hub.flows.delivery.Handler`); its values are typed there, one floor up. `together` lets webhooks that
    arrive at the same time share a transaction; `gate` keeps a plugin that hangs from all of a process's
    threads; `seldom` is about what strangers can cause.
    """

    settings: Settings
    db: Database
    keyring: Keyring
    registry: Registry
    outward: Outward
    handlers: Mapping[str, object] = field(default_factory=dict)
    together: GroupCommit = field(default_factory=GroupCommit)
    gate: Gate = field(default_factory=Gate)
    seldom: Seldom = field(default_factory=lambda: Seldom(TOLD_EVERY))

    def close(self) -> None:
        """Close pooled connections of the database and to far sides."""
        self.outward.close()
        self.db.dispose()
