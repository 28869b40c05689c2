"""Engines, sessions and column types: one code path for SQLite and PostgreSQL.

Only doors (a request, a job, a command) open and commit sessions; everything below takes one.
"""

import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

import orjson
from sqlalchemy import (
    JSON,
    Dialect,
    Engine,
    MetaData,
    String,
    Text,
    TypeDecorator,
    Uuid,
    create_engine,
    event,
    text,
)
from sqlalchemy import DateTime as SaDateTime
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import Connection, make_url
from sqlalchemy.orm import DeclarativeBase, Session, mapped_column
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.sql.base import Executable

from hub.base import hot
from hub.base.clock import utc
from hub.base.db_errors import known_errors
from hub.base.turnstile import Turnstile


class Utc(TypeDecorator[datetime]):
    """An instant: aware and UTC in Python, `timestamptz` on PostgreSQL, sortable text on SQLite."""

    impl = SaDateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """A naive datetime is refused here already."""
        if value is None:
            return None
        value = utc(value)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """PostgreSQL answers in the session's zone, SQLite without one: both become UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


BUSY_SECONDS = 5
"""So long a transaction waits for a lock before it is told that the database is busy."""

Json = JSON().with_variant(JSONB(), "postgresql")

str40 = Annotated[str, mapped_column(String(40))]
str200 = Annotated[str, mapped_column(String(200))]
UuidKey = Annotated[uuid.UUID, mapped_column(primary_key=True)]


class Base(DeclarativeBase):
    """All tables. `info={"rls": ...}` on a table says which row-level policy guards it on PostgreSQL."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {
        datetime: Utc(),
        uuid.UUID: Uuid(),
        str: Text(),
        dict[str, Any]: Json,
        list[Any]: Json,
        list[str]: Json,
    }


@dataclass(frozen=True, slots=True)
class RowScope:
    """What a transaction may touch at all; on PostgreSQL the database itself enforces it.

    `lens` is "staff" (every account but `hidden`), "customer" (only `accounts`, customer rows),
    "system" (workers, ingest, commands) or "none" (nobody is signed in yet).
    """

    lens: str
    person: uuid.UUID | None = None
    accounts: frozenset[uuid.UUID] = frozenset()
    hidden: frozenset[uuid.UUID] = frozenset()


SYSTEM = RowScope("system")
NOBODY = RowScope("none")

_SET_SCOPE = text(
    "SELECT set_config('hub.lens', :lens, true), set_config('hub.person', :person, true),"
    " set_config('hub.accounts', :accounts, true), set_config('hub.hidden', :hidden, true)"
)


def _array(ids: frozenset[uuid.UUID]) -> str:
    return "{" + ",".join(str(i) for i in sorted(ids)) + "}"


class Database:
    """The hub's database: sessions for the pages (`web` role) and for everything else (`system` role)."""

    def __init__(self, url: str, *, pool_size: int = 5, synchronous: str = "FULL") -> None:
        self.url = make_url(url)
        self.dialect = self.url.get_backend_name()
        self._turnstile: Turnstile | None = None
        if self.dialect == "sqlite":
            self._turnstile = Turnstile(f"{self.url.database}-turn")
            self._system = _sqlite_engine(url, pool_size, synchronous, self._turnstile)
            self._web = self._system
        else:
            self._system = _postgres_engine(url, pool_size, "hub_system")
            self._web = _postgres_engine(url, pool_size, "hub_web")
        self._readers = {
            engine: engine.execution_options(sqlite_readonly=True, postgresql_readonly=True)
            for engine in (self._system, self._web)
        }
        self._asking = self._system
        if self.dialect == "postgresql":
            self._asking = _postgres_engine(url, pool_size, "hub_system", single=True)

    @property
    def engine(self) -> Engine:
        """The engine of the `system` role: health checks, statement counters, bulk readers."""
        return self._system

    @property
    def engines(self) -> tuple[Engine, ...]:
        """Every engine, each once."""
        return tuple(dict.fromkeys((self._system, self._web, self._asking)))

    def write(self, scope: RowScope = SYSTEM) -> AbstractContextManager[Session]:
        """One transaction: committed at the end of the block, rolled back by any exception."""
        return _session(self._of(scope), scope, Session.commit)

    def read(self, scope: RowScope = SYSTEM) -> AbstractContextManager[Session]:
        """One snapshot that is never committed; on SQLite it does not wait for a writer."""
        return _session(self._readers[self._of(scope)], scope, _end_read)

    def ask(self, statement: Executable, bound: Mapping[str, Any]) -> Sequence[hot.Values]:
        """All rows of one SELECT of the `system` role, without a session, a BEGIN and a COMMIT around it."""
        with known_errors(), self._asking.connect() as connection:
            return hot.run_on(connection, statement, bound)

    def _of(self, scope: RowScope) -> Engine:
        return self._system if scope.lens == "system" else self._web

    def rescope(self, session: Session, scope: RowScope) -> None:
        """Give a session of the pages another scope, from its next statement on."""
        session.info["scope"] = scope
        if session.in_transaction():
            _apply_scope(session, scope)

    def dispose(self) -> None:
        """Close every pooled connection."""
        for engine in self.engines:
            engine.dispose()
        if self._turnstile is not None:
            self._turnstile.close()


@contextmanager
def _session(bind: Engine, scope: RowScope, end: Callable[[Session], None]) -> Iterator[Session]:
    session = Session(bind, expire_on_commit=False, autoflush=True)
    session.info["scope"] = scope
    try:
        with known_errors():
            yield session
            end(session)
    finally:
        session.close()


@contextmanager
def as_system(session: Session) -> Iterator[None]:
    """Let one block of a page's transaction see and write every row; blocks may lie within each other.

    For what the hub must know whoever asks: which accounts a person reaches, whose duty an edit changes.
    Nothing that the block reads may be shown before it went through `domain/access.py`.
    """
    if not _restricted(session):
        yield
        return
    session.flush()  # what the page wrote itself is still checked under its own scope
    session.execute(text("SET LOCAL ROLE hub_system"))
    session.info["elevated"] = True
    try:
        yield
        session.flush()  # what the block wrote must go out in its role
    finally:
        session.info["elevated"] = False
        # A caller may catch an error and go on, so the role is given back whatever happened. A broken
        # transaction takes no statement; its rollback gives the role back by itself.
        if session.is_active and _takes_statements(session.connection()):
            session.execute(text("SET LOCAL ROLE hub_web"))


def _takes_statements(connection: Connection) -> bool:
    if connection.invalidated:
        return False  # lost in the block; whoever asks it anything hears of that and not of what was lost
    driver: Any = connection.connection.driver_connection
    return bool(driver.info.transaction_status.name == "INTRANS")


def _restricted(session: Session) -> bool:
    scope = session.info.get("scope")
    if scope is None or scope.lens == "system" or session.info.get("elevated"):
        return False
    return session.get_bind().dialect.name == "postgresql"


def _end_read(session: Session) -> None:
    if session.in_transaction() and session.get_bind().dialect.name == "postgresql":
        # psycopg drops every prepared statement of a connection on a ROLLBACK, also after mere reads.
        session.expunge_all()
        session.commit()


@event.listens_for(Session, "after_begin")
def _begin_scope(session: Session, transaction: object, connection: Connection) -> None:
    scope = session.info.get("scope")
    if scope is not None and scope.lens != "system" and connection.dialect.name == "postgresql":
        _run_scope(connection, scope)


def _apply_scope(session: Session, scope: RowScope) -> None:
    connection = session.connection()
    if connection.dialect.name == "postgresql":
        _run_scope(connection, scope)


def _run_scope(connection: Connection, scope: RowScope) -> None:
    connection.execute(
        _SET_SCOPE,
        {
            "lens": scope.lens,
            "person": str(scope.person or ""),
            "accounts": _array(scope.accounts),
            "hidden": _array(scope.hidden),
        },
    )


def _dumps(value: object) -> str:
    return orjson.dumps(value).decode()


_PLAIN: dict[str, Any] = {
    "json_serializer": _dumps,
    "json_deserializer": orjson.loads,
    # An error that quotes its statement's values would carry secrets and customers' words into logs.
    "hide_parameters": True,
}


MOST_CONNECTIONS = 20
"""So many connections a pool opens at least when they are needed: two for each thread of a process, and more.

Whoever holds one may need a second (a refusal is noted in a transaction of its own), so with fewer than two
a thread all could wait for each other.
"""


def _pool(size: int) -> dict[str, int]:
    return {"pool_size": size, "max_overflow": max(size, MOST_CONNECTIONS - size)}


def _sqlite_engine(url: str, pool_size: int, synchronous: str, turnstile: Turnstile) -> Engine:
    engine = create_engine(url, **_pool(pool_size), **_PLAIN)

    @event.listens_for(engine, "connect")
    def connect(driver: Any, record: ConnectionPoolEntry) -> None:
        # The driver's own transaction handling loses updates; BEGIN is ours (see `begin`).
        driver.isolation_level = None
        for pragma in (
            "journal_mode=WAL",
            f"busy_timeout={BUSY_SECONDS * 1000}",
            "foreign_keys=ON",
            f"synchronous={synchronous}",
        ):
            driver.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        driver: Any = connection.connection.dbapi_connection
        if connection.get_execution_options().get("sqlite_readonly"):
            connection.exec_driver_sql("BEGIN")
        else:
            turnstile.begin(driver, lambda: connection.exec_driver_sql("BEGIN IMMEDIATE"))

    return engine


# A server that vanished without a word is noticed in this time, not after the operating system's hours.
_LIVELINESS = {
    "application_name": "contact-hub",
    "connect_timeout": "5",
    "keepalives": "1",
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "2",
    "tcp_user_timeout": "20000",
}


def _connect_args(url: str) -> dict[str, str]:
    """How the driver connects; what the operator wrote into the address holds."""
    given = make_url(url).normalized_query
    # Like SQLite's busy timeout: a sender who waits is told to come back, and its thread is free again.
    ours = f"-c jit=off -c lock_timeout={BUSY_SECONDS * 1000}"
    options = " ".join((ours, *given.get("options", ()), "-c timezone=UTC"))
    return {name: value for name, value in _LIVELINESS.items() if name not in given} | {"options": options}


def _postgres_engine(url: str, pool_size: int, role: str, *, single: bool = False) -> Engine:
    """`single`: each statement is a transaction of its own."""
    engine = create_engine(
        url,
        isolation_level="AUTOCOMMIT" if single else None,
        pool_reset_on_return=None if single else "rollback",
        **_pool(pool_size),
        pool_pre_ping=False,
        **_PLAIN,
        connect_args=_connect_args(url),
    )

    @event.listens_for(engine, "connect")
    def connect(driver: Any, record: ConnectionPoolEntry) -> None:
        # The login owns nothing at run time: each pool works in one of the two roles of law 12.
        driver.autocommit = True
        driver.execute(f"SET ROLE {role}")
        if role == "hub_system":
            # Its statements are prepared and go by key. One that was planned while a table was still small
            # would read it whole, or all of a partial index into a bitmap, longer with every webhook, until
            # the table is analysed again.
            driver.execute("SET enable_seqscan = off")
            driver.execute("SET enable_bitmapscan = off")
        driver.autocommit = single

    return engine
