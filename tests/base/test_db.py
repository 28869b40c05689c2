"""The database keeps what it was told, loses nothing, and says clearly when it cannot."""

import socket
import sqlite3
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import column, create_engine, select, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, InternalError, OperationalError, StatementError

from hub.app import create_hub
from hub.base import clock, rows
from hub.base.db import NOBODY, SYSTEM, Database, RowScope, as_system
from hub.base.db_errors import as_hub_error, known_errors
from hub.base.errors import Unavailable
from hub.cli.ready import plain_engine
from hub.cli.web import BLOCKING_THREADS
from hub.config import Settings
from hub.domain.accounts import Setting
from hub.domain.sessions import RateWindow
from hub.flows.runtime import Hub

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def window(key: str = "k", count: int = 0, at: datetime = NOON) -> RateWindow:
    return RateWindow(key=key, starts_at=at, count=count)


def counts(db: Database) -> list[int]:
    with db.read() as session:
        return list(session.scalars(select(RateWindow.count)))


def test_an_error_rolls_everything_back(hub: Hub) -> None:
    with pytest.raises(RuntimeError), hub.db.write() as session:
        session.add(window())
        session.flush()
        raise RuntimeError
    assert counts(hub.db) == []


def test_no_error_quotes_the_values_of_its_statement(hub: Hub) -> None:
    for engine in (*hub.db.engines, plain_engine(hub.settings.database_url)):
        with pytest.raises(DBAPIError) as caught, engine.connect() as connection:
            connection.execute(text("SELECT a FROM nowhere WHERE b = :secret"), {"secret": "s3cret"})
        assert "s3cret" not in str(caught.value)
        assert "nowhere" in str(caught.value)


def test_reading_never_commits(hub: Hub) -> None:
    with suppress(InternalError), hub.db.read() as session:  # PostgreSQL refuses, SQLite forgets
        session.add(window())
        session.flush()
    assert counts(hub.db) == []


def test_instants_come_back_aware_and_naive_ones_are_refused(hub: Hub) -> None:
    with hub.db.write() as session:
        session.add(window(at=datetime(2026, 3, 2, 13, 30, tzinfo=ZoneInfo("Europe/Berlin"))))
    with hub.db.read() as session:
        assert session.scalar(select(RateWindow.starts_at)) == NOON + timedelta(minutes=30)
        assert session.scalar(select(RateWindow.starts_at)).tzinfo is UTC  # type: ignore[union-attr]
    with pytest.raises(StatementError, match="naive"), hub.db.write() as session:
        session.add(window("naive", at=datetime(2026, 3, 2)))
        session.flush()


def test_no_update_is_lost_between_writers(hub: Hub) -> None:
    with hub.db.write() as session:
        session.add(window())

    def work() -> None:
        for _ in range(50):
            with hub.db.write() as session:
                row = session.scalars(select(RateWindow).with_for_update()).one()
                row.count = row.count + 1

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counts(hub.db) == [200]


def test_a_reader_does_not_wait_for_a_writer(hub: Hub) -> None:
    with hub.db.write() as session:
        session.add(window(count=1))
    with hub.db.write() as session:
        session.execute(text("UPDATE rate_windows SET count = 2"))
        assert counts(hub.db) == [1]
    assert counts(hub.db) == [2]


def test_a_locked_database_is_said_to_be_busy(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/busy.sqlite"
    holder, other = Database(url), Database(url)
    with other.read() as session:  # its one pooled connection does not wait the usual five seconds
        session.execute(text("PRAGMA busy_timeout=1"))
    with holder.write() as writing:
        writing.execute(text("CREATE TABLE t (a)"))
        with pytest.raises(Unavailable, match="busy"), other.write() as session:
            session.execute(text("CREATE TABLE u (a)"))
    holder.dispose()
    other.dispose()


@pytest.mark.parametrize(("asked", "level"), [("FULL", 2), ("NORMAL", 1)])
def test_sqlite_is_as_durable_as_it_was_asked_to_be(
    settings: Settings, tmp_path: Path, asked: str, level: int
) -> None:
    url = f"sqlite:///{tmp_path}/durable.sqlite"
    own = create_hub(replace(settings, database_url=url, sqlite_synchronous=asked))
    for scope in (SYSTEM, NOBODY):
        with own.db.read(scope) as session:
            assert session.scalar(text("PRAGMA synchronous")) == level
    own.close()


def test_without_a_word_of_the_operator_nothing_is_lost_when_power_fails(tmp_path: Path) -> None:
    db = Database(f"sqlite:///{tmp_path}/durable.sqlite")
    with db.read() as session:
        assert session.scalar(text("PRAGMA synchronous")) == 2
    db.dispose()
    assert Settings().sqlite_synchronous == "FULL"


def test_a_database_that_is_away_is_said_to_be_away(tmp_path: Path) -> None:
    db = Database(f"sqlite:///{tmp_path}/no/such/folder/hub.sqlite")
    with pytest.raises(Unavailable, match="may not be opened"), db.read() as session:
        session.execute(text("SELECT 1"))
    db.dispose()


def test_two_that_wait_for_each_other_are_told_to_come_back(hub: Hub) -> None:
    if hub.db.dialect == "sqlite":
        pytest.skip("SQLite has one writer at a time, who waits for nobody")
    with hub.db.write() as session:
        session.add_all([window("a"), window("b")])
    both = threading.Barrier(2)
    told: list[Unavailable] = []

    def lock(first: str, second: str) -> None:
        locking = select(RateWindow).with_for_update()
        try:
            with hub.db.write() as session:
                session.scalars(locking.where(RateWindow.key == first)).one()
                both.wait(10)
                session.scalars(locking.where(RateWindow.key == second)).one()
        except Unavailable as error:
            told.append(error)

    threads = [threading.Thread(target=lock, args=pair) for pair in (("a", "b"), ("b", "a"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    [busy] = told
    assert "busy" in str(busy)
    assert busy.retry_after


class Verklemmt(Exception):
    """An error of a server that does not speak English."""

    def __init__(self, sqlstate: str | None) -> None:
        super().__init__("Verklemmung entdeckt")
        self.sqlstate = sqlstate


@pytest.mark.parametrize(
    ("sqlstate", "said"),
    [
        *((state, "busy") for state in ("40001", "40P01", "55P03", "53200", "53300")),
        *((state, "cannot be reached") for state in ("08006", "57P01", "57P02", "57P03", None)),
        ("53100", "disk is full"),
    ],
)
def test_what_may_be_tried_again_is_known_in_every_language(sqlstate: str | None, said: str) -> None:
    known = as_hub_error(OperationalError("UPDATE", {}, Verklemmt(sqlstate)))
    assert isinstance(known, Unavailable)
    assert said in str(known)


@pytest.mark.parametrize("sqlstate", ["42P01", "57014", "22P02"])
def test_what_is_wrong_each_time_is_no_outage(sqlstate: str) -> None:
    assert as_hub_error(OperationalError("SELECT", {}, Verklemmt(sqlstate))) is None


def test_a_mistake_of_ours_is_not_called_an_outage() -> None:
    for words in ("no such table: connections", "could not connect the dots"):
        assert as_hub_error(OperationalError("SELECT", {}, Exception(words))) is None


class Refused(sqlite3.OperationalError):
    """What SQLite's driver raises with a result code."""

    def __init__(self, name: str) -> None:
        super().__init__("anything")
        self.sqlite_errorname = name


@pytest.mark.parametrize(
    ("name", "said"),
    [
        *((name, "busy") for name in ("SQLITE_BUSY", "SQLITE_BUSY_SNAPSHOT", "SQLITE_LOCKED_SHAREDCACHE")),
        *((name, "owner and mode") for name in ("SQLITE_READONLY_DIRECTORY", "SQLITE_CANTOPEN")),
        *((name, "and the disk") for name in ("SQLITE_IOERR", "SQLITE_IOERR_WRITE")),
        ("SQLITE_FULL", "disk is full"),
    ],
)
def test_sqlite_is_asked_for_its_code(name: str, said: str) -> None:
    known = as_hub_error(OperationalError("UPDATE", {}, Refused(name)))
    assert isinstance(known, Unavailable)
    assert said in str(known)
    for other in ("SQLITE_ERROR", "SQLITE_CORRUPT"):
        assert as_hub_error(OperationalError("UPDATE", {}, Refused(other))) is None


@pytest.mark.parametrize("pragma", ["query_only = ON", "max_page_count = 1"])
def test_what_sqlite_cannot_write_is_told(tmp_path: Path, pragma: str) -> None:
    engine = create_engine(f"sqlite:///{tmp_path}/a.sqlite")
    with engine.connect() as connection, pytest.raises(Unavailable, match="operator must"), known_errors():
        connection.exec_driver_sql("CREATE TABLE a (a)")
        connection.exec_driver_sql(f"PRAGMA {pragma}")
        connection.exec_driver_sql("CREATE TABLE b (b)")
    engine.dispose()


@pytest.fixture
def deaf() -> Iterator[str]:
    """The address of a server that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


def test_a_server_that_is_silent_or_not_there_is_away(deaf: str) -> None:
    db = Database(f"postgresql+psycopg://hub@{deaf}/hub?connect_timeout=2")
    with pytest.raises(Unavailable, match="cannot be reached"):
        db.ask(text("SELECT 1"), {})
    db.dispose()
    db = Database("postgresql+psycopg://hub@127.0.0.1:1/hub")
    with pytest.raises(Unavailable, match="cannot be reached"), db.read(NOBODY) as session:
        session.execute(text("SELECT 1"))
    db.dispose()


def test_a_server_that_vanishes_is_noticed_in_seconds(hub: Hub) -> None:
    if hub.db.dialect == "sqlite":
        pytest.skip("SQLite has no server")
    for engine in hub.db.engines:
        driver: Any = engine.raw_connection()
        used = driver.driver_connection.info.get_parameters()
        driver.close()
        assert 2 <= int(used["connect_timeout"]) <= 10
        assert used["keepalives"] == "1"
        silence = int(used["keepalives_idle"])
        silence += int(used["keepalives_interval"]) * int(used["keepalives_count"])
        assert silence <= 30
        assert 5_000 <= int(used["tcp_user_timeout"]) <= 30_000


def test_a_server_that_ends_inside_a_block_of_the_system_is_away(hub: Hub) -> None:
    if hub.db.dialect == "sqlite":
        pytest.skip("SQLite has no server")
    owner = create_engine(hub.settings.database_url)
    with pytest.raises(Unavailable), hub.db.read(RowScope("staff")) as session, as_system(session):
        mine = session.scalar(text("SELECT pg_backend_pid()"))
        with owner.connect() as connection:
            connection.execute(text("SELECT pg_terminate_backend(:mine, 5000)"), {"mine": mine})
        session.execute(text("SELECT 1"))
    owner.dispose()


def test_what_the_operator_wrote_into_the_address_holds(hub: Hub) -> None:
    if hub.db.dialect == "sqlite":
        pytest.skip("SQLite takes none of it")
    given = {"connect_timeout": "3", "keepalives_idle": "60", "options": "-c jit=on -c work_mem=1234kB"}
    url = make_url(hub.settings.database_url).update_query_dict(given)
    db = Database(url.render_as_string(hide_password=False))
    driver: Any = db.engine.raw_connection()
    used = driver.driver_connection.info.get_parameters()
    driver.close()
    assert (used["connect_timeout"], used["keepalives_idle"], used["keepalives"]) == ("3", "60", "1")
    for setting, value in {
        "jit": "on",
        "work_mem": "1234kB",
        "lock_timeout": "5s",
        "TimeZone": "UTC",
    }.items():
        assert db.ask(text(f"SHOW {setting}").columns(column(setting)), {}) == [(value,)]
    db.dispose()


@pytest.mark.parametrize("pool_size", [1, 5, 30])
def test_every_thread_may_hold_two_connections(hub: Hub, pool_size: int) -> None:
    db = Database(hub.settings.database_url, pool_size=pool_size)
    for engine in db.engines:
        pool: Any = engine.pool
        pool._timeout = 0.01
        with ExitStack() as stack:
            held = [stack.enter_context(engine.connect()) for _ in range(2 * BLOCKING_THREADS)]
            assert len({id(connection.connection.dbapi_connection) for connection in held}) == len(held)
        assert pool.size() == pool_size
    db.dispose()


def test_a_dry_pool_is_said_to_be_busy(tmp_path: Path) -> None:
    db = Database(f"sqlite:///{tmp_path}/dry.sqlite")
    pool: Any = db.engine.pool
    pool._timeout = 0.01
    with pytest.raises(Unavailable, match="busy"), ExitStack() as stack:
        for _ in range(100):
            stack.enter_context(db.read()).connection()
    db.dispose()


def test_many_rows_are_one_statement_with_every_type_kept(hub: Hub) -> None:
    table = Setting.__table__
    deep = {"text": "Störung \u202e\U0001f525 \x00", "list": [1, None, {"a": True}], "id": str(uuid.uuid4())}
    with hub.db.write() as session:
        rows.insert_rows(session, table, [{"key": f"k{n}", "value": deep | {"n": n}} for n in range(500)])  # type: ignore[arg-type]
        rows.insert_new_rows(session, table, [{"key": "k1", "value": {}}, {"key": "new", "value": {}}])  # type: ignore[arg-type]
    with hub.db.read() as session:
        kept = {row.key: row.value for row in session.scalars(select(Setting))}
    assert len(kept) == 501
    assert kept["k7"] == deep | {"n": 7, "text": deep["text"].replace("\x00", "\ufffd")}  # type: ignore[attr-defined]


def test_the_hub_has_a_clock_for_its_rows(hub: Hub, fresh_database: Callable[[], str]) -> None:
    with clock.at(NOON), hub.db.write() as session:
        session.add(window(at=clock.now()))
    with hub.db.read() as session:
        assert session.scalar(select(RateWindow.starts_at)) == NOON
