"""`hub connection`: what this hub is tied to, and whether it works."""

import click

from hub.cli.door import opened
from hub.domain import connections
from hub.domain.connections import Connection, ConnectionState


@click.group()
def connection() -> None:
    """Configured connections."""


@connection.command("list")
def show() -> None:
    """List every connection with its state. Settings and secrets are shown nowhere."""
    with opened() as hub, hub.db.read() as session:
        found = connections.listed(session)
        for item, state in found:
            click.echo(f"{item.slug:<24} {item.connector:<16} {item.side:<9} {word(item, state)}")
    if not found:
        click.echo("No connections yet. An admin adds them on the page Connections.")


def word(item: Connection, state: ConnectionState) -> str:
    """How a connection is, in one line."""
    if not item.enabled:
        return "switched off"
    if state.failing_since is not None:
        return f"failing since {state.failing_since:%Y-%m-%d %H:%M} UTC: {state.last_error}"
    return f"worked {state.last_ok_at:%Y-%m-%d %H:%M} UTC" if state.last_ok_at else "not used yet"
