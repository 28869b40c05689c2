"""Whether the database fits this program, and making it fit."""

import subprocess
import sys

import click
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

from hub.base.errors import Misconfigured, Unavailable
from hub.base.shape import at_head
from hub.config import Settings


def plain_engine(url: str) -> Engine:
    """An engine that works as the login itself and keeps no connection, for looking at the database."""
    engine = create_engine(url, poolclass=NullPool, hide_parameters=True, connect_args=_patience(url))
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", lambda driver, record: driver.execute("PRAGMA busy_timeout=5000"))
    return engine


def _patience(url: str) -> dict[str, int]:
    return {} if make_url(url).get_backend_name() == "sqlite" else {"connect_timeout": 5}


def ready(settings: Settings) -> None:
    """Refuse to start on a database that is behind; SQLite, which only this machine uses, is upgraded here.

    On PostgreSQL other nodes may still run the old program, so the operator says when.
    """
    engine = plain_engine(settings.database_url)
    try:
        with engine.connect() as connection:
            fits = at_head(connection)
    except OperationalError as error:
        raise Unavailable(f"The database cannot be opened: {_first_line(error)}") from None
    if fits:
        return
    if engine.dialect.name != "sqlite":
        raise Misconfigured("The database does not fit this version of the hub. Run `hub db upgrade` first.")
    # By a process of its own: the migration tool would stay in the memory of this one, which runs for months.
    click.echo("Preparing the database ...")
    if failed := subprocess.run([sys.executable, "-m", "hub", "db", "upgrade"], check=False).returncode:
        sys.exit(failed)


def _first_line(error: OperationalError) -> str:
    return str(error.orig).strip().splitlines()[0]
