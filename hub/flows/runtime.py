"""The running hub: everything a flow needs, put together once by `create_hub`."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from hub.base.crypto import Keyring
from hub.base.db import Database
from hub.config import Settings
from hub.plugin.http import HttpClients
from hub.plugin.registry import Registry
from hub.plugin.slots import Slots


@dataclass(frozen=True)
class Hub:
    """One process's view of the hub. It holds no state that another node would have to know.

    `handlers` maps a kind of delivery to what carries it out (`hub.flows.delivery.Handler`); its values are
    typed there, one floor up.
    """

    settings: Settings
    db: Database
    keyring: Keyring
    registry: Registry
    slots: Slots = field(default_factory=Slots)
    clients: HttpClients = field(default_factory=HttpClients)
    handlers: Mapping[str, object] = field(default_factory=dict)

    def close(self) -> None:
        """Close pooled connections of the database and to far sides."""
        self.clients.close()
        self.db.dispose()
