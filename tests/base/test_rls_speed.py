"""The policies leave the hot paths their indexes: they are worked out once a statement, not once a row."""

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event, text

from hub import migrations
from hub.base import ids
from hub.base.db import Database, RowScope
from hub.domain import reading
from hub.domain.reading import View
from hub.testing.peers.postgres import postgres

pytestmark = pytest.mark.real
ACCOUNTS = [ids.new_id() for _ in range(20)]

_FILL = text(
    """
    INSERT INTO entries (account_id, seq, customer_seq, kind, weight, audience, occurred_at, recorded_at,
      actor_kind, actor_name, sentence, data, salt, digest)
    SELECT CAST(:account AS uuid), n, CASE WHEN n % 5 = 0 THEN n / 5 END, 'message.note',
      CASE WHEN n % 50 = 0 THEN 'headline' ELSE 'detail' END,
      CASE WHEN n % 5 = 0 THEN 'customer' ELSE 'staff' END,
      now(), now(), 'staff', 'Kim', 'x', '{}', '', ''
    FROM generate_series(1, 2000) AS n
    """
)


@pytest.fixture(scope="module")
def db() -> Iterator[Database]:
    with postgres() as cluster:
        url = cluster.create_database("filled")
        migrations.upgrade(url)
        opened = Database(url)
        with opened.write() as session:
            for account in ACCOUNTS:
                session.execute(_FILL, {"account": str(account)})
        engine = opened.engine.execution_options(isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text("RESET ROLE"))
            connection.execute(text("ANALYZE entries"))
        yield opened
        opened.dispose()


@contextmanager
def sent(db: Database) -> Iterator[list[tuple[str, Any]]]:
    """Every statement that the block sends, with its parameters."""
    statements: list[tuple[str, Any]] = []

    def note(connection: Any, cursor: Any, statement: str, parameters: Any, *rest: Any) -> None:
        statements.append((statement, parameters))

    for engine in db.engines:
        event.listen(engine, "before_cursor_execute", note)
    yield statements
    for engine in db.engines:
        event.remove(engine, "before_cursor_execute", note)


def plan_of(db: Database, scope: RowScope, account: uuid.UUID, view: View) -> str:
    """How PostgreSQL reads one page of a timeline, as the text of its plan."""
    with db.read(scope) as session:
        session.connection()
        with sent(db) as statements:
            page = reading.page(session, account, view)
        assert page.lines
        [(statement, parameters)] = statements
        explained = session.connection().exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}", parameters)
        return json.dumps(explained.scalar())


STAFF = RowScope("staff", ids.new_id(), hidden=frozenset({ACCOUNTS[7]}))
CUSTOMER = RowScope("customer", ids.new_id(), accounts=frozenset({ACCOUNTS[3], ACCOUNTS[4]}))


@pytest.mark.parametrize(
    ("scope", "view", "index"),
    [
        (STAFF, View("staff", "en", headlines=False), "pk_entries"),
        (STAFF, View("staff", "en", headlines=False, before=900), "pk_entries"),
        (STAFF, View("staff", "en", headlines=False, after=900), "pk_entries"),
        (STAFF, View("staff", "en"), "ix_entries_headline"),
        (CUSTOMER, View("customer", "en", headlines=False), "ix_entries_customer"),
        (CUSTOMER, View("customer", "en", headlines=False, before=300), "ix_entries_customer"),
        (CUSTOMER, View("customer", "en"), "ix_entries_customer_headline"),
    ],
)
def test_a_page_of_a_timeline_is_read_from_its_index(
    db: Database, scope: RowScope, view: View, index: str
) -> None:
    plan = plan_of(db, scope, ACCOUNTS[3], view)
    assert f'"Index Name": "{index}"' in plan
    assert "Seq Scan" not in plan
    assert '"Sort"' not in plan, plan
    assert "(account_id = " in plan.split("Index Cond", 1)[1].split('"', 4)[2]


@pytest.mark.parametrize("scope", [STAFF, CUSTOMER])
def test_the_scope_is_worked_out_once_a_statement(db: Database, scope: RowScope) -> None:
    plan = plan_of(db, scope, ACCOUNTS[3], View(scope.lens, "en", headlines=False))
    assert "InitPlan" in plan
    assert '"Parent Relationship": "SubPlan"' not in plan
    assert "current_setting" not in plan, "called for each row"


def test_reading_leaves_the_prepared_statements_of_a_connection(db: Database) -> None:
    # A statement that is planned anew each time costs two to four times as much.
    for _ in range(10):
        with db.read() as session:
            session.execute(text("SELECT 1 WHERE :one = 1"), {"one": 1})
    with db.read() as session:
        kept = session.scalars(text("SELECT statement FROM pg_prepared_statements")).all()
    assert any("SELECT 1 WHERE" in statement for statement in kept)
