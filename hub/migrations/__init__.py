"""The database's shape: alembic's steps, and the row-level security that follows the tables.

`upgrade` signs in as the owner of the tables; the running hub works in the roles made here.
"""

from importlib.resources import files

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, create_engine, text

from hub.base.db import BUSY_SECONDS, Database
from hub.base.db_errors import known_errors
from hub.migrations import security


def upgrade(database_url: str) -> None:
    """Bring a database to the present shape, in one transaction; safe to repeat and on every node at once.

    `Misconfigured` when the login may not make the two roles, with the SQL for who may; `Unavailable` when
    somebody holds a table for long: nothing was changed, and the running hub goes on.
    """
    database = Database(database_url)
    postgresql = database.dialect == "postgresql"
    engine = create_engine(database_url, hide_parameters=True) if postgresql else database.engine
    try:
        with known_errors(), engine.begin() as connection:
            if postgresql:
                # Nodes that start together wait for the first one here; the number is ours alone.
                connection.execute(text("SELECT pg_advisory_xact_lock(4832917)"))
                # Whoever asks a table while a change of it waits for its lock, waits behind that change.
                connection.execute(text(f"SET LOCAL lock_timeout = '{BUSY_SECONDS}s'"))
                security.make_roles(connection)
            command.upgrade(_config(connection), "head")
            if postgresql:
                security.guard(connection)
    finally:
        engine.dispose()
        database.dispose()


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(files(__name__)))
    config.attributes["connection"] = connection
    return config
