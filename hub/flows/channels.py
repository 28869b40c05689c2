"""The connection that carries the hub's own mails, and calling it."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.domain import connections
from hub.domain.connections import Configured, Connection, Side
from hub.flows.runtime import Hub
from hub.plugin.outward import Target


def mail_connection(hub: Hub, session: Session) -> Configured | None:
    """The first enabled channel of our own that sends; None until an admin has added one."""
    names = [each.name for each in hub.registry.connectors("channel") if "send" in each.capabilities]
    query = (
        select(Connection.id)
        .where(Connection.connector.in_(names), Connection.enabled, Connection.side == Side.OWN)
        .order_by(Connection.created_at, Connection.id)
        .limit(1)
    )
    found = session.scalar(query)
    return None if found is None else connections.by_id(session, found)


def target_of(hub: Hub, connection: Configured) -> Target:
    """What an outward call needs of a connection. `Misconfigured` or `Invalid` where it cannot be used."""
    settings = connections.settings_of(hub.registry, hub.keyring, connection)
    connector = hub.registry.connector(connection.connector)
    assert connector is not None  # settings_of has just found it
    options = connections.options_of(connection, settings, hub.settings.allowed_networks)
    return Target(str(connection.id), connector, settings, options, connection.state)
