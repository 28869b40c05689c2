"""Whether the database fits this program, and making it fit."""

import os
import subprocess
import sys

import click
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from hub.base.db_errors import as_hub_error
from hub.base.errors import Misconfigured, Unavailable
from hub.base.shape import Shape, shape
from hub.config import Settings

NEWER = (
    "The database is newer than this program: another version upgraded it. Install the newer one here, or "
    "restore the backup from before the upgrade."
)
BEHIND = "The database does not fit this version of the hub. Run `hub db upgrade` first."


def plain_engine(url: str) -> Engine:
    """An engine that works as the login itself and keeps no connection, for looking at the database."""
    engine = create_engine(url, poolclass=NullPool, hide_parameters=True, connect_args=_patience(url))
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", lambda driver, record: driver.execute("PRAGMA busy_timeout=5000"))
    return engine


def _patience(url: str) -> dict[str, int]:
    return {} if make_url(url).get_backend_name() == "sqlite" else {"connect_timeout": 5}


def missing(url: str) -> str:
    """The file of a SQLite database that is not there yet, or nothing. Only an upgrade may make one."""
    made = make_url(url)
    if made.get_backend_name() != "sqlite" or os.path.exists(made.database or ""):
        return ""
    file = os.path.abspath(made.database or "")
    if not os.path.isdir(folder := os.path.dirname(file)):
        raise Unavailable(
            f"There is no folder {folder} for the database, or this user may not look into it. "
            "Make it, or set HUB_DATABASE_URL to another."
        )
    return file


def shape_of(url: str) -> Shape:
    """How the database at an address fits this program; a sentence for people when it cannot be asked."""
    if missing(url):
        return "behind"
    try:
        with plain_engine(url).connect() as connection:
            return shape(connection)
    except DBAPIError as error:
        raise Unavailable(f"The database cannot be opened: {reason(error)}. {advice(error)}") from None


def reason(error: DBAPIError) -> str:
    """What the database itself says, in one line without its full stop."""
    return (str(error.orig).strip() or type(error.orig).__name__).splitlines()[0].rstrip(".")


def advice(error: DBAPIError) -> str:
    """What an operator does about a database that cannot be opened or written."""
    if not hasattr(error.orig, "sqlite_errorname"):
        return "Check HUB_DATABASE_URL, and whether the database runs and lets this machine in."
    known = as_hub_error(error)
    return str(known) if known else "Check HUB_DATABASE_URL: it names no database of the hub."


def fitting(settings: Settings) -> None:
    """Refuse to work on a database that this program does not know; changes nothing."""
    _demand(shape_of(settings.database_url))


def _demand(state: Shape) -> None:
    if state != "fits":
        raise Misconfigured(NEWER if state == "ahead" else BEHIND)


def ready(settings: Settings) -> None:
    """Refuse to start on a database that is behind; SQLite, which only this machine uses, is upgraded here.

    On PostgreSQL other nodes may still run the old program, so the operator says when.
    """
    state = shape_of(settings.database_url)
    if state != "behind" or make_url(settings.database_url).get_backend_name() != "sqlite":
        _demand(state)
        return
    # By a process of its own: the migration tool would stay in the memory of this one, which runs for months.
    click.echo("Preparing the database ...")
    if failed := subprocess.run([sys.executable, "-m", "hub", "db", "upgrade"], check=False).returncode:
        sys.exit(failed)
