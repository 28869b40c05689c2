"""The running hub: everything a flow needs, put together once by `create_hub`."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from hub.base.crypto import Keyring
from hub.base.db import Database
from hub.base.group import GroupCommit
from hub.config import Settings
from hub.plugin.outward import Outward
from hub.plugin.registry import Registry


@dataclass(frozen=True)
class Hub:
    """One process's view of the hub. It holds no state that another node would have to know.

    `outward` makes the calls to far sides. `handlers` maps a kind of delivery to what carries it out
    (`hub.flows.delivery.Handler`); its values are typed there, one floor up. `together` lets webhooks that
    arrive at the same time share a transaction.
    """

    settings: Settings
    db: Database
    keyring: Keyring
    registry: Registry
    outward: Outward
    handlers: Mapping[str, object] = field(default_factory=dict)
    together: GroupCommit = field(default_factory=GroupCommit)

    def close(self) -> None:
        """Close pooled connections of the database and to far sides."""
        self.outward.close()
        self.db.dispose()
