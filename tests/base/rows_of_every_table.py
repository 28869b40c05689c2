"""Fills every table of an account, whatever its columns, with rows of three accounts and of none."""

import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Connection,
    DateTime,
    Integer,
    LargeBinary,
    Table,
    Uuid,
    insert,
    text,
)

from hub.base import ids
from hub.base.db import Utc
from hub.migrations.tables import METADATA

GUARDED = [t for t in METADATA.sorted_tables if t.info["rls"] != "open"]
"""Every table with a policy."""

Key = tuple[str, ...]


@dataclass
class Filled:
    """The accounts, and the keys of the rows by (table, account or None, shown to customers)."""

    ours: uuid.UUID = field(default_factory=ids.new_id)
    foreign: uuid.UUID = field(default_factory=ids.new_id)
    restricted: uuid.UUID = field(default_factory=ids.new_id)
    person: uuid.UUID = field(default_factory=ids.new_id)
    rows: dict[tuple[str, uuid.UUID | None, bool], Key] = field(default_factory=dict)

    def keys(self, table: Table, *wanted: tuple[uuid.UUID | None, bool]) -> set[Key]:
        """The keys of some of the rows."""
        return {self.rows[table.name, *which] for which in wanted if (table.name, *which) in self.rows}


def key_of(table: Table, row: Any) -> Key:
    """The primary key of a row as text."""
    return tuple(str(getattr(row, column.name)) for column in table.primary_key)


def fill(connection: Connection) -> Filled:
    """Write the rows as a superuser, foreign keys switched off."""
    filled = Filled()
    connection.execute(text("SET session_replication_role = replica"))
    for table in GUARDED:
        if table.info["rls"] != "account_self" and "account_id" not in table.c:
            _write(connection, filled, table, None, False)
            continue
        for account in (filled.ours, filled.foreign, filled.restricted):
            for shown in (False, True) if table.info["rls"] in ("audience", "shared") else (False,):
                _write(connection, filled, table, account, shown)
        if "account_id" in table.c and table.c.account_id.nullable:
            _write(connection, filled, table, None, False)
    return filled


def _write(
    connection: Connection, filled: Filled, table: Table, account: uuid.UUID | None, shown: bool
) -> None:
    row = {column.name: _value(column) for column in table.c if not column.nullable or column.primary_key}
    if "account_id" in table.c:
        row["account_id"] = account
    elif table.info["rls"] == "account_self":
        row["id"] = account
    if "audience" in table.c:
        row["audience"] = "customer" if shown else "staff"
    if table.info["rls"] == "shared":
        row["shared_at"] = datetime.now(UTC) if shown else None
    if table.name == "entries":
        row["customer_seq"] = 1 if shown else None
    connection.execute(insert(table).values(row))
    key = tuple(str(row[column.name]) for column in table.primary_key)
    filled.rows[table.name, account, shown] = key


_counter = iter(range(1, 1_000_000))


def _value(column: Column[Any]) -> Any:
    kind = column.type
    if isinstance(kind, Uuid):
        return ids.new_id()
    if isinstance(kind, (Utc, DateTime)):
        return datetime.now(UTC)
    if isinstance(kind, Boolean):
        return False
    if isinstance(kind, Integer):
        return next(_counter)
    if isinstance(kind, LargeBinary):
        return b"x"
    return {} if isinstance(kind, JSON) else f"x{next(_counter)}"
