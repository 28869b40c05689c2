"""What `hub check` asks of the database before a hub is put together on it."""

from sqlalchemy import Connection as DbConnection
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from hub.base.errors import Unavailable
from hub.base.shape import shape
from hub.cli.findings import Finding
from hub.cli.ready import NEWER, advice, missing, plain_engine, reason
from hub.config import Settings

ROLES = ("hub_system", "hub_web")


def database(settings: Settings) -> list[Finding]:
    """The database answers, has the roles it needs and the shape that this version wants."""
    engine = plain_engine(settings.database_url)
    try:
        if file := missing(settings.database_url):
            return [Finding("error", f"There is no database {file} yet.", "Run `hub db upgrade`.")]
        with engine.connect() as connection:
            found = [Finding("ok", f"The database answers ({engine.dialect.name}).")]
            found += _roles(connection) if engine.dialect.name == "postgresql" else _writable(connection)
            state = shape(connection)
    except Unavailable as error:
        return [Finding("error", str(error))]
    except DBAPIError as error:
        return [Finding("error", f"The database cannot be used: {reason(error)}.", advice(error))]
    if state == "ahead":
        found.append(Finding("error", "The database does not fit this version.", NEWER))
    if state == "behind":
        found.append(Finding("error", "The database does not fit this version.", "Run `hub db upgrade`."))
    return found


def _writable(connection: DbConnection) -> list[Finding]:
    """Whether a write to SQLite's file succeeds; it is taken back.

    BEGIN IMMEDIATE alone does not tell: it is granted even on a file that may only be read.
    """
    version = int(connection.scalar(text("PRAGMA user_version")) or 0)
    connection.rollback()
    try:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        connection.exec_driver_sql(f"PRAGMA user_version = {version}")
    except DBAPIError as error:
        return [Finding("error", f"The database cannot be written: {reason(error)}.", advice(error))]
    finally:
        connection.rollback()
    return []


def _roles(connection: DbConnection) -> list[Finding]:
    query = text(
        "SELECT rolname, pg_has_role(current_user, oid, 'member'), rolsuper OR rolbypassrls"
        " FROM pg_roles WHERE rolname = ANY(:names)"
    )
    known = {
        name: (member, mighty) for name, member, mighty in connection.execute(query, {"names": [*ROLES]})
    }
    found = []
    for name in ROLES:
        member, mighty = known.get(name, (False, False))
        if not member:
            advice = "`hub db upgrade` makes the roles, or prints what a database administrator has to run."
            found.append(Finding("error", f"The login is no member of the role {name}.", advice))
        if mighty:
            advice = f"ALTER ROLE {name} NOSUPERUSER NOBYPASSRLS;"
            found.append(Finding("error", f"The role {name} may pass row-level security.", advice))
    return found or [Finding("ok", "The login may take both roles.")]
