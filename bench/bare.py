"""What the database alone takes: rows of an ordinary table, over two connections, durable.

The row is what a hub without any rules would have to keep of an alert: six columns, 230 bytes of text, a
primary key and one index over three columns. One row a commit is a plain INSERT; more are one statement.
"""

import itertools
import os
import sqlite3
import time
import uuid
from collections.abc import Callable

import orjson
import psycopg

from bench.load import pace

_TABLE = """
    CREATE TABLE IF NOT EXISTS bare (
      id {id} PRIMARY KEY, source {id} NOT NULL, name text NOT NULL, state text NOT NULL,
      at {at} NOT NULL, body text NOT NULL
    )
"""
_INDEX = "CREATE INDEX IF NOT EXISTS ix_bare ON bare (source, name, at)"
_COLUMNS = "id, source, name, state, at, body"
_SOURCE = uuid.uuid4()
_BODY = "x" * 230
_AT = "2026-03-02 12:00:00"


def prepare(address: str) -> None:
    """Make the table."""
    if address.startswith("postgresql"):
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute(_TABLE.format(id="uuid", at="timestamptz"))
            connection.execute(_INDEX)
        return
    with sqlite3.connect(address) as file:
        file.execute("PRAGMA journal_mode=WAL")
        file.execute(_TABLE.format(id="text", at="text"))
        file.execute(_INDEX)


def insert(starts: float, seconds: float, address: str, size: int) -> float:
    """Rows a second that one connection commits, `size` a transaction."""
    if address.startswith("postgresql"):
        with psycopg.connect(address, autocommit=True) as connection:
            return size * pace(starts, seconds, _postgresql(connection, size))
    file = sqlite3.connect(address, isolation_level=None, timeout=30)
    file.execute("PRAGMA synchronous=FULL")
    try:
        return size * pace(starts, seconds, _sqlite(file, size))
    finally:
        file.close()


def _name() -> Callable[[], str]:
    numbers = itertools.count()
    mine = f"{os.getpid()}-{time.monotonic_ns()}"
    return lambda: f"{mine}-{next(numbers)}"


def _postgresql(connection: "psycopg.Connection[tuple[object, ...]]", size: int) -> Callable[[], object]:
    name = _name()
    if size == 1:
        one = f"INSERT INTO bare ({_COLUMNS}) VALUES (%s, %s, %s, %s, %s, %s)"
        return lambda: connection.execute(
            one, (uuid.uuid4(), _SOURCE, name(), "firing", _AT, _BODY), prepare=True
        )
    many = (
        f"INSERT INTO bare ({_COLUMNS}) SELECT * FROM"
        " unnest(%s::uuid[], %s::uuid[], %s::text[], %s::text[], %s::timestamptz[], %s::text[])"
    )
    same = [_SOURCE] * size, ["firing"] * size, [_AT] * size, [_BODY] * size

    def commit() -> object:
        ids, names = [uuid.uuid4() for _ in range(size)], [name() for _ in range(size)]
        values = (ids, same[0], names, same[1], same[2], same[3])
        return connection.execute(many, values, prepare=True)

    return commit


def _sqlite(file: sqlite3.Connection, size: int) -> Callable[[], object]:
    name, source = _name(), _SOURCE.hex
    statement = f"INSERT INTO bare ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)"
    if size > 1:
        fields = ", ".join(f"value ->> {number}" for number in range(6))
        statement = f"INSERT INTO bare ({_COLUMNS}) SELECT {fields} FROM json_each(?)"

    def commit() -> None:
        rows = [(uuid.uuid4().hex, source, name(), "firing", _AT, _BODY) for _ in range(size)]
        file.execute("BEGIN IMMEDIATE")
        file.execute(statement, rows[0] if size == 1 else (orjson.dumps(rows).decode(),))
        file.execute("COMMIT")

    return commit
