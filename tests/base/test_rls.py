"""On PostgreSQL the database itself keeps accounts apart, even where the code forgets to."""

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Engine, Table, create_engine, delete, insert, select, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError, ProgrammingError

from hub import migrations
from hub.base import clock, ids, rows
from hub.base.db import NOBODY, SYSTEM, Database, RowScope, _run_scope, as_system
from hub.domain import timeline
from hub.domain.audit import Actor
from hub.domain.cases import Watcher
from hub.domain.coverage import Duty
from hub.domain.kinds import Kind
from hub.domain.outbox import DELIVERIES
from hub.domain.timeline import ENTRIES, HEADS, NewEntry
from hub.migrations.tables import METADATA
from hub.testing.peers.postgres import Postgres, postgres
from tests.base.rows_of_every_table import GUARDED, Filled, Key, fill, key_of

pytestmark = pytest.mark.real
KIM = Actor("staff", "Kim Brandt")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Postgres]:
    with postgres() as running:
        migrations.upgrade(running.create_database("guarded"))
        yield running


@pytest.fixture(scope="module")
def filled(cluster: Postgres) -> Filled:
    engine = create_engine(cluster.superuser_url("guarded"))
    with engine.begin() as connection:
        made = fill(connection)
    engine.dispose()
    return made


@pytest.fixture
def db(cluster: Postgres) -> Iterator[Database]:
    opened = Database(cluster.url("guarded"), pool_size=1)
    yield opened
    opened.dispose()


def customer(filled: Filled) -> RowScope:
    return RowScope("customer", filled.person, accounts=frozenset({filled.ours}))


def staff(filled: Filled) -> RowScope:
    return RowScope("staff", filled.person, hidden=frozenset({filled.restricted}))


def everything(db: Database, scope: RowScope, table: Table) -> set[Key]:
    """A page that forgot every filter."""
    with db.read(scope) as session:
        return {key_of(table, row) for row in session.execute(select(table))}


SHOWN_TO_CUSTOMERS = {
    "account_self": [False],
    "account": [False],
    "membership": [False],
    "audience": [True],
    "shared": [True],
    "staff_only": [],
    "staff_or_insert": [],
}


@pytest.mark.parametrize("table", GUARDED, ids=lambda table: table.name)
def test_without_a_filter_a_customer_sees_all_of_their_own_and_nothing_else(
    db: Database, filled: Filled, table: Table
) -> None:
    own = [(filled.ours, shown) for shown in SHOWN_TO_CUSTOMERS[table.info["rls"]]]
    assert everything(db, customer(filled), table) == filled.keys(table, *own)
    assert len(filled.keys(table, *own)) == len(own)


@pytest.mark.parametrize("table", GUARDED, ids=lambda table: table.name)
def test_without_a_filter_staff_see_everything_but_hidden_accounts(
    db: Database, filled: Filled, table: Table
) -> None:
    open_to_all = [(a, shown) for a in (filled.ours, filled.foreign, None) for shown in (False, True)]
    assert everything(db, staff(filled), table) == filled.keys(table, *open_to_all)
    assert filled.keys(table, *open_to_all)


REMOVABLE = [t for t in GUARDED if t.name not in ("entries", "duties", "duty_reasons", "duty_marks")]
"""Every guarded table from which the pages' role may remove rows at all."""


@pytest.fixture(scope="module")
def superuser(cluster: Postgres) -> Iterator[Engine]:
    engine = create_engine(cluster.superuser_url("guarded"))
    yield engine
    engine.dispose()


def removed(superuser: Engine, filled: Filled, scope: RowScope, table: Table) -> set[Key]:
    """What a page takes away that forgot every filter; it is put back."""
    known = {key for (name, *_), key in filled.rows.items() if name == table.name}
    with superuser.connect() as connection:  # without a commit
        connection.execute(text("SET LOCAL session_replication_role = replica"))  # no foreign keys
        connection.execute(text("SET LOCAL ROLE hub_web"))
        _run_scope(connection, scope)
        connection.execute(delete(table))
        connection.execute(text("RESET ROLE"))
        return known - {key_of(table, row) for row in connection.execute(select(table))}


@pytest.mark.parametrize("table", REMOVABLE, ids=lambda table: table.name)
def test_without_a_filter_nobody_removes_what_they_may_not_see(
    superuser: Engine, filled: Filled, table: Table
) -> None:
    open_to_all = [(a, shown) for a in (filled.ours, filled.foreign, None) for shown in (False, True)]
    assert removed(superuser, filled, staff(filled), table) == filled.keys(table, *open_to_all)
    shown_to_them = [] if table.name == "accounts" else SHOWN_TO_CUSTOMERS[table.info["rls"]]
    own = [(filled.ours, shown) for shown in shown_to_them]
    assert removed(superuser, filled, customer(filled), table) == filled.keys(table, *own)
    assert removed(superuser, filled, NOBODY, table) == set()


@pytest.mark.parametrize("table", GUARDED, ids=lambda table: table.name)
def test_the_system_sees_everything_and_nobody_nothing(db: Database, filled: Filled, table: Table) -> None:
    all_rows = {key for (name, *_), key in filled.rows.items() if name == table.name}
    assert everything(db, SYSTEM, table) == all_rows
    assert everything(db, NOBODY, table) == set()


@pytest.mark.parametrize("table", GUARDED, ids=lambda table: table.name)
def test_a_pooled_connection_used_again_without_a_scope_sees_nothing(
    db: Database, filled: Filled, table: Table
) -> None:
    web = db._web
    with db.read(staff(filled)) as session:
        before = session.scalar(text("SELECT pg_backend_pid()"))
        session.execute(select(table))
        with as_system(session):
            session.execute(select(table))
    with web.connect() as connection:
        assert connection.scalar(text("SELECT pg_backend_pid()")) == before
        assert connection.scalar(text("SELECT current_user")) == "hub_web"
        assert connection.execute(select(table)).all() == []


def test_customers_see_who_answers_for_them_and_not_why_nobody_else_does(
    db: Database, filled: Filled
) -> None:
    """The reason chain names colleagues who are away. Whatever a page forgets, it is not in its scope."""
    assert "reasons" not in Duty.__table__.c
    reasons = METADATA.tables["duty_reasons"]
    assert everything(db, customer(filled), reasons) == set()
    assert len(everything(db, staff(filled), reasons)) == 2
    assert everything(db, customer(filled), METADATA.tables["duties"]) == filled.keys(
        METADATA.tables["duties"], (filled.ours, False)
    )


def test_own_memberships_are_seen_before_any_account_is_chosen(db: Database, filled: Filled) -> None:
    table = METADATA.tables["memberships"]
    with db.read() as session:
        person = session.scalar(select(table.c.person_id).where(table.c.account_id == filled.ours))
    scope = RowScope("none", person=person)
    assert everything(db, scope, table) == filled.keys(table, (filled.ours, False))


def test_every_table_of_an_account_is_guarded_whoever_owns_it(db: Database) -> None:
    flags = text(
        "SELECT relname, relrowsecurity AND relforcerowsecurity AS forced FROM pg_class"
        " WHERE relkind IN ('r', 'p') AND relnamespace = current_schema()::regnamespace"
    )
    with db.read() as session:
        forced = {row.relname: row.forced for row in session.execute(flags)}
    assert set(METADATA.tables) <= set(forced)
    for table in METADATA.tables.values():
        belongs = "account_id" in table.c or table.name == "accounts"
        assert not belongs or table.info["rls"] != "open", table.name
        assert forced[table.name] == (table.info["rls"] != "open"), table.name


def test_the_roles_own_nothing_and_have_no_powers(db: Database) -> None:
    powers = text(
        "SELECT rolname FROM pg_roles WHERE rolname IN ('hub_web', 'hub_system')"
        " AND NOT rolsuper AND NOT rolbypassrls AND NOT rolcreaterole AND NOT rolcreatedb AND NOT rolcanlogin"
        " AND NOT EXISTS (SELECT 1 FROM pg_class WHERE relowner = pg_roles.oid)"
        " AND NOT EXISTS (SELECT 1 FROM pg_auth_members WHERE member = pg_roles.oid)"
    )
    with db.read() as session:
        assert set(session.scalars(powers)) == {"hub_web", "hub_system"}
        assert session.scalar(text("SELECT current_user")) == "hub_system"


@pytest.fixture
def log_of(db: Database, filled: Filled) -> uuid.UUID:
    """Our account with a head that counts on from the rows that were filled in."""
    with db.write() as session:
        last = session.scalar(text("SELECT max(seq) FROM entries"))
        session.execute(
            update(HEADS).where(HEADS.c.account_id == filled.ours).values(seq=last, language="en")
        )
    return filled.ours


def test_a_customers_transaction_writes_staff_rows_that_it_cannot_read(
    db: Database, filled: Filled, log_of: uuid.UUID
) -> None:
    delivery = {
        "id": ids.new_id(),
        "account_id": log_of,
        "kind": "tell",
        "unique_key": "once",
        "body": {},
        "state": "due",
        "due_at": clock.now(),
        "attempts": 0,
        "patience_from": clock.now(),
        "uncertain": False,
        "repeated": False,
        "possible_repeat": False,
        "created_at": clock.now(),
    }
    with db.write(customer(filled)) as session:
        seq = timeline.append_one(session, NewEntry(log_of, Kind.NOTE, KIM, {"person": "Kim"}))
        rows.insert_new_rows(session, DELIVERIES, [delivery])
        rows.insert_new_rows(session, DELIVERIES, [delivery | {"id": ids.new_id()}])
        rows.insert_rows(
            session, DELIVERIES, [delivery | {"id": ids.new_id(), "account_id": None, "unique_key": None}]
        )
        mine = select(ENTRIES.c.seq).where(ENTRIES.c.seq == seq)
        assert session.scalars(mine).all() == []
        assert session.scalars(select(DELIVERIES.c.id)).all() == []
    with db.read() as session:
        assert session.scalars(mine).all() == [seq]
        assert (
            len(session.scalars(select(DELIVERIES.c.id).where(DELIVERIES.c.unique_key == "once")).all()) == 1
        )


@pytest.mark.parametrize("whose", ["foreign", "restricted"])
def test_nobody_writes_into_an_account_that_is_not_theirs(db: Database, filled: Filled, whose: str) -> None:
    account = getattr(filled, whose)
    scope = customer(filled) if whose == "foreign" else staff(filled)
    row = {"account_id": account, "id": ids.new_id(), "name": "x", "address": "", "zone": "UTC", "version": 1}
    sites = METADATA.tables["sites"]
    with pytest.raises(ProgrammingError, match="row-level security"), db.write(scope) as session:
        session.execute(insert(sites).values(row))
    with db.write(scope) as session:
        changed: Any = session.execute(
            update(sites).where(sites.c.account_id == account).values(name="taken")
        )
        assert changed.rowcount == 0


@pytest.mark.parametrize("statement", ["UPDATE {} SET {}", "DELETE FROM {}"])
@pytest.mark.parametrize(
    ("table", "change"), [("entries", "body = ''"), ("duties", "role = ''"), ("audit_lines", "action = ''")]
)
def test_pages_change_nothing_that_was_written_for_good(
    db: Database, filled: Filled, table: str, change: str, statement: str
) -> None:
    with pytest.raises(ProgrammingError, match="permission denied"), db.write(staff(filled)) as session:
        session.execute(text(statement.format(table, change)))


def test_not_even_the_system_deletes_an_entry_but_it_may_erase_one(db: Database) -> None:
    with pytest.raises(ProgrammingError, match="permission denied"), db.write() as session:
        session.execute(text("DELETE FROM entries"))
    with db.write() as session:
        session.execute(update(ENTRIES).values(body=None))


def test_a_block_as_system_ends_whatever_happens_in_it(db: Database, filled: Filled) -> None:
    with db.write(customer(filled)) as session:
        own = len(session.scalars(select(Duty)).all())
        with as_system(session), as_system(session):
            assert len(session.scalars(select(Duty)).all()) > own
        assert session.scalar(text("SELECT current_user")) == "hub_web"
        with pytest.raises(LookupError), as_system(session):
            raise LookupError
        assert session.scalar(text("SELECT current_user")) == "hub_web"
        with pytest.raises(DBAPIError), as_system(session):
            session.execute(text("SELECT 1/0"))
        session.rollback()
        assert session.scalar(text("SELECT current_user")) == "hub_web"
        with pytest.raises(IntegrityError), as_system(session):
            session.add(Watcher(account_id=filled.ours, case_id=ids.new_id(), person_id=filled.person))
        session.rollback()
        assert session.scalar(text("SELECT current_user")) == "hub_web"
