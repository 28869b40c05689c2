"""The statements of the hot paths, run at the driver.

SQLAlchemy's part of an execution (contexts, result rows, descriptions of columns) costs more than the
driver's, and a webhook is a handful of statements. What these paths need of it is done once per statement:
its text, and how values of our column types are written and read. Errors and events of the engine stay
SQLAlchemy's.

On PostgreSQL the text has the server's own placeholders ($1) from the start, so the driver has none to look
for in it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import BindParameter, Connection, Dialect
from sqlalchemy.dialects.postgresql import psycopg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session
from sqlalchemy.sql.base import Executable
from sqlalchemy.types import TypeEngine

Values = tuple[Any, ...]
_Convert = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A compiled statement: `given` are the parameters that the caller binds, `fixed` those it always has."""

    text: str
    sent: str | bytes
    fixed: dict[str, Any]
    given: dict[str, _Convert | None]
    order: Sequence[str] | None
    width: int
    readers: tuple[tuple[int, _Convert], ...]

    def parameters(self, bound: Mapping[str, Any]) -> dict[str, Any] | Values:
        """The values as the driver takes them, by name or in order."""
        values = dict(self.fixed)
        for name, write in self.given.items():
            values[name] = write(bound[name]) if write else bound[name]
        return values if self.order is None else tuple(values[name] for name in self.order)

    def read(self, found: Sequence[Values]) -> Sequence[Values]:
        """The driver's rows with every value as its column's type says."""
        if not self.readers:
            return found
        return [self._read(row) for row in found]

    def _read(self, row: Values) -> Values:
        values = list(row)
        for position, read in self.readers:
            values[position] = read(values[position])
        return tuple(values)


def run(session: Session, statement: Executable, bound: Mapping[str, Any]) -> Sequence[Values]:
    """Execute a Core statement that its maker keeps, and answer all its rows (none where it returns none).

    Pending changes of ORM objects are not flushed first. Raises what `session.execute` raises.
    """
    return run_on(session.connection(), statement, bound)


def run_on(connection: Connection, statement: Executable, bound: Mapping[str, Any]) -> Sequence[Values]:
    """`run` on a bare connection; it begins no transaction."""
    prepared = _prepared(connection.dialect, statement)
    parameters = prepared.parameters(bound)
    cursor = _cursor(connection)
    try:
        if connection._has_events or connection.engine._has_events:
            connection.dispatch.before_cursor_execute(
                connection, cursor, prepared.text, parameters, None, False
            )
        cursor.execute(prepared.sent, parameters)
        return prepared.read(cursor.fetchall()) if prepared.width else []
    except connection.dialect.loaded_dbapi.Error as error:
        raise _translated(connection, error, prepared.text, cursor) from error
    finally:
        cursor.close()


def _cursor(connection: Connection) -> Any:
    if connection.dialect.name == "postgresql":
        return connection.dialect.loaded_dbapi.RawCursor(connection.connection.dbapi_connection)
    return connection.connection.cursor()


def _translated(connection: Connection, error: Any, text: str, cursor: Any) -> BaseException:
    dialect = connection.dialect
    lost = dialect.is_disconnect(error, connection.connection.dbapi_connection, cursor)
    known: BaseException = DBAPIError.instance(
        text,
        None,
        error,
        dialect.loaded_dbapi.Error,
        hide_parameters=True,
        connection_invalidated=lost,
        dialect=dialect,
    )
    if lost and not connection.invalidated:
        # As SQLAlchemy does: what ended this connection ended those too that wait in the pool.
        connection.engine.pool._invalidate(connection.connection, error)
        connection.invalidate(error)
    return known


@lru_cache(maxsize=512)
def _prepared(dialect: Dialect, statement: Executable) -> _Prepared:
    compiled: Any = statement.compile(dialect=_speaking(dialect))  # type: ignore[attr-defined]
    missing = {name: bind for name, bind in compiled.binds.items() if bind.required}
    given: dict[str, _Convert | None] = {
        name: _impl(dialect, bind.type).bind_processor(dialect) for name, bind in missing.items()
    }
    fixed = {
        name: _written(dialect, compiled.binds[name], value)
        for name, value in compiled.construct_params(dict.fromkeys(missing)).items()
        if name not in missing
    }
    columns: Any = statement.exported_columns  # type: ignore[attr-defined]
    made = [_impl(dialect, column.type).result_processor(dialect, None) for column in columns]
    readers = tuple((position, read) for position, read in enumerate(made) if read)
    sent = compiled.string.encode() if dialect.name == "postgresql" else compiled.string
    return _Prepared(compiled.string, sent, fixed, given, compiled.positiontup, len(made), readers)


def _speaking(dialect: Dialect) -> Dialect:
    if dialect.name != "postgresql":
        return dialect
    return psycopg.dialect(paramstyle="numeric_dollar")  # type: ignore[no-untyped-call]


def _written(dialect: Dialect, bind: BindParameter[Any], value: Any) -> Any:
    write = _impl(dialect, bind.type).bind_processor(dialect)
    return write(value) if write else value


def _impl(dialect: Dialect, type_: TypeEngine[Any]) -> TypeEngine[Any]:
    return type_.dialect_impl(dialect)
