"""Many rows in one statement, on both databases: a JSON parameter read as a table.

An executemany would be one statement a row at the driver; `INSERT ... SELECT FROM json` is one for any
number of rows, which keeps the cost of a webhook independent of how many alerts it carries.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

import orjson
from sqlalchemy import (
    JSON,
    Boolean,
    ColumnElement,
    Insert,
    Select,
    Table,
    Text,
    Uuid,
    bindparam,
    insert,
    select,
    true,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Session
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.sql.selectable import TableValuedAlias
from sqlalchemy.sql.visitors import InternalTraversal
from sqlalchemy.types import TypeEngine

from hub.base import hot
from hub.base.clock import utc

Row = Mapping[str, Any]


class json_items(FunctionElement[Any]):
    """The elements of a JSON array as rows with one column, `value`."""

    name = "json_items"
    inherit_cache = True


@compiles(json_items, "sqlite")
def _items_sqlite(element: json_items, compiler: SQLCompiler, **kw: Any) -> str:
    return f"json_each({compiler.process(element.clauses, **kw)})"


@compiles(json_items, "postgresql")
def _items_postgres(element: json_items, compiler: SQLCompiler, **kw: Any) -> str:
    return f"jsonb_array_elements(CAST({compiler.process(element.clauses, **kw)} AS JSONB))"


class json_field(ColumnElement[Any]):
    """One field of a JSON object (or array) as a value of a column type."""

    # Statements are compiled once only if SQLAlchemy can tell two fields apart.
    _traverse_internals = [
        ("value", InternalTraversal.dp_clauseelement),
        ("key_or_index", InternalTraversal.dp_plain_obj),
        ("type", InternalTraversal.dp_type),
    ]

    def __init__(self, value: ColumnElement[Any], key: str | int, type_: TypeEngine[Any]) -> None:
        self.value, self.key_or_index, self.type = value, key, type_


@compiles(json_field, "sqlite")
def _field_sqlite(element: json_field, compiler: SQLCompiler, **kw: Any) -> str:
    value = compiler.process(element.value, **kw)
    if isinstance(element.type, JSON):
        return f"({value} -> {element.key_or_index!r})"
    return _as_sqlite_keeps(f"{value} ->> {element.key_or_index!r}", element.type)


@compiles(json_field, "postgresql")
def _field_postgres(element: json_field, compiler: SQLCompiler, **kw: Any) -> str:
    value = compiler.process(element.value, **kw)
    if isinstance(element.type, JSON):
        # A JSON null would be stored as the JSON value null; we mean SQL NULL.
        return f"NULLIF({value} -> {element.key_or_index!r}, 'null'::jsonb)"
    field = f"{value} ->> {element.key_or_index!r}"
    if isinstance(element.type, Text):
        return f"({field})"
    return f"CAST({field} AS {compiler.dialect.type_compiler_instance.process(element.type)})"


class among(ColumnElement[bool]):
    """Whether a column is one of the values of a bound JSON list (see `encode`).

    Unlike `in_`, the statement stays the same for any number of values, so it is made and prepared once.
    """

    type = Boolean()
    _traverse_internals = [
        ("column", InternalTraversal.dp_clauseelement),
        ("values", InternalTraversal.dp_clauseelement),
    ]

    def __init__(self, column: ColumnElement[Any], parameter: str) -> None:
        self.column, self.values = column, bindparam(parameter, type_=Text())

    def self_group(self, against: Any = None) -> "among":
        """Left as it is: SQLAlchemy would compare it with 1 on SQLite, and no index would be used."""
        return self


@compiles(among, "sqlite")
def _among_sqlite(element: among, compiler: SQLCompiler, **kw: Any) -> str:
    column, values = compiler.process(element.column, **kw), compiler.process(element.values, **kw)
    value = _as_sqlite_keeps("value", element.column.type)
    return f"({column} IN (SELECT {value} FROM json_each({values})))"  # noqa: S608 - made of our columns


@compiles(among, "postgresql")
def _among_postgres(element: among, compiler: SQLCompiler, **kw: Any) -> str:
    # An array is worked out once and looked up in an index; of a subselect the planner fears 100 rows.
    column, values = compiler.process(element.column, **kw), compiler.process(element.values, **kw)
    type_ = compiler.dialect.type_compiler_instance.process(element.column.type)
    items = f"jsonb_array_elements_text(CAST({values} AS JSONB)) AS item"
    return f"({column} = ANY (ARRAY(SELECT CAST(item AS {type_}) FROM {items})))"  # noqa: S608 - our columns


def _as_sqlite_keeps(value: str, type_: TypeEngine[Any]) -> str:
    """->> yields the SQL value that SQLAlchemy's own binds would have stored (`encode`), but for dashes."""
    return f"replace({value}, '-', '')" if isinstance(type_, Uuid) else f"({value})"


def _instant(value: object) -> str:
    if isinstance(value, datetime):
        return utc(value).isoformat(" ", "microseconds")[:26]
    raise TypeError(f"{type(value).__name__} has no JSON form")


def _without_nul(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("\x00", "\ufffd")
    if isinstance(value, dict):
        return {_without_nul(key): _without_nul(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_nul(item) for item in value]
    return value


def encode(values: Iterable[Row | object]) -> str:
    """Rows (or values for `among`) as one JSON text, in forms that both databases read back as the same type.

    UUIDs with dashes, instants as UTC text with microseconds; nested JSON stays JSON.
    """
    plain = list(values)
    text = orjson.dumps(plain, default=_instant, option=orjson.OPT_PASSTHROUGH_DATETIME).decode()
    if "\\u0000" in text:
        # PostgreSQL cannot store NUL in text or jsonb; foreign input may carry it.
        clean = _without_nul(plain)
        text = orjson.dumps(clean, default=_instant, option=orjson.OPT_PASSTHROUGH_DATETIME).decode()
    return text


def items(parameter: str = "rows") -> TableValuedAlias:
    """The rows of a bound JSON text, to select from."""
    return json_items(bindparam(parameter, type_=Text())).table_valued("value", name="i")


def items_of(array: ColumnElement[Any], name: str) -> TableValuedAlias:
    """The elements of a JSON array that stands in another row, to select from."""
    return json_items(array).table_valued("value", name=name)


def item(source: TableValuedAlias, position: int) -> ColumnElement[str]:
    """What stands at a position of an element of `items_of()` that is itself an array, as text."""
    return json_field(source.c.value, position, Text())


def field(source: TableValuedAlias, key: str, type_: TypeEngine[Any]) -> ColumnElement[Any]:
    """Field `key` of `items()`, labelled by its name."""
    return json_field(source.c.value, key, type_).label(key)


def fields(table: Table, columns: Sequence[str], parameter: str = "rows") -> Select[Any]:
    """`SELECT` of the named columns of `table` from the bound rows."""
    source = items(parameter)
    return select(*(field(source, name, table.c[name].type) for name in columns)).select_from(source)


@dataclass(frozen=True, slots=True)
class Write:
    """A change of one table: a statement over bound rows. `statement` is made once per shape and kept."""

    statement: Any
    parameter: str
    rows: Sequence[Row]


def write(session: Session, *writes: Write) -> None:
    """Carry out changes of different tables, none of which needs to see another.

    One statement on PostgreSQL, where each costs a way there and back; one for each table on SQLite.
    """
    wanted = [write for write in writes if write.rows]
    if not wanted:
        return
    bound = {write.parameter: encode(write.rows) for write in wanted}
    if len(bound) < len(wanted):
        raise ValueError("Two changes have the same parameter: the rows of the first would be lost.")
    if session.get_bind().dialect.name == "postgresql":
        hot.run(session, _joined(tuple(write.statement for write in wanted)), bound)
        return
    for one in wanted:
        hot.run(session, one.statement, bound)


@lru_cache(maxsize=256)
def _joined(statements: tuple[Any, ...]) -> Any:
    *others, last = statements
    return last.add_cte(*(other.cte(f"write_{number}") for number, other in enumerate(others)))


@lru_cache(maxsize=256)
def _insert_all(table: Table, columns: tuple[str, ...]) -> Insert:
    return insert(table).from_select(columns, fields(table, columns, table.name))


@lru_cache(maxsize=64)
def _insert_new(dialect: str, table: Table, columns: tuple[str, ...]) -> Insert:
    # No conflict target on purpose: with one, PostgreSQL also applies the policies for reading,
    # and a customer's transaction may not read what it writes to the outbox.
    # SQLite cannot parse INSERT ... SELECT ... ON CONFLICT without a WHERE.
    source = fields(table, columns, table.name).where(true())
    if dialect == "postgresql":
        return postgresql.insert(table).from_select(columns, source).on_conflict_do_nothing()
    return sqlite.insert(table).from_select(columns, source).on_conflict_do_nothing()


def inserting(table: Table, rows: Sequence[Row]) -> Write:
    """The insert of any number of rows of one shape."""
    return Write(_insert_all(table, tuple(rows[0])) if rows else None, table.name, rows)


def inserting_new(dialect: str, table: Table, rows: Sequence[Row]) -> Write:
    """`inserting`, but a row that would break a unique key is left out."""
    return Write(_insert_new(dialect, table, tuple(rows[0])) if rows else None, table.name, rows)


def insert_rows(session: Session, table: Table, rows: Sequence[Row]) -> None:
    """Insert any number of rows of one shape in one statement; nothing happens for none."""
    write(session, inserting(table, rows))


def insert_new_rows(session: Session, table: Table, rows: Sequence[Row]) -> None:
    """`insert_rows`, but a row that would break a unique key is left out."""
    write(session, inserting_new(session.get_bind().dialect.name, table, rows))
