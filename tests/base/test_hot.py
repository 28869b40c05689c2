"""A statement that is run at the driver answers, fails and is counted as SQLAlchemy's own execution is."""

import uuid
from contextlib import ExitStack
from typing import Any

import pytest
from sqlalchemy import Table, bindparam, create_engine, insert, select, text
from sqlalchemy.exc import IntegrityError, OperationalError, ProgrammingError

from hub.base import clock, hot
from hub.base.errors import Unavailable
from hub.domain.signals import SIGNALS
from hub.domain.timeline import HEADS
from hub.flows import alarm
from hub.flows.runtime import Hub
from hub.testing.fixtures import counting
from tests import scene

HEAD = insert(HEADS).values(
    account_id=bindparam("account"), seq=bindparam("seq"), customer_seq=0, language="en"
)


def _signals(hub: Hub) -> Any:
    scene.accounts(hub.db, "Acme")
    with hub.db.write() as session:
        source = scene.connection(session)
        session.flush()  # the driver is asked past the session
        alarm.sound(session, alarm.Source(source, "Alertmanager"), [scene.event()])
    return select(SIGNALS).where(SIGNALS.c.connection_id == bindparam("source")), {"source": source}


def test_every_type_is_read_as_sqlalchemy_reads_it(hub: Hub) -> None:
    query, bound = _signals(hub)
    with hub.db.read() as session:
        expected = [tuple(row) for row in session.execute(query, bound)]
        assert list(hot.run(session, query, bound)) == expected
    assert {type(value) for value in expected[0]} >= {uuid.UUID, dict, list, bool, str, int}


def test_it_is_seen_by_whoever_counts_statements(hub: Hub) -> None:
    query, bound = _signals(hub)
    with counting(hub.db) as statements, hub.db.read() as session:
        hot.run(session, query, bound)
    assert len([text for text in statements.statements if "signals" in text]) == 1


def test_a_broken_rule_is_an_integrity_error_and_keeps_its_values_to_itself(hub: Hub) -> None:
    account = uuid.uuid4()
    with pytest.raises(IntegrityError) as caught, hub.db.write() as session:
        for seq in (4711, 4711):
            hot.run(session, HEAD, {"account": account, "seq": seq})
    assert "4711" not in str(caught.value)
    with hub.db.read() as session:
        assert session.execute(select(HEADS).where(HEADS.c.account_id == account)).all() == []


def test_a_statement_that_cannot_be_understood_is_said_so(hub: Hub) -> None:
    gone = Table("gone", type(HEADS.metadata)(), HEADS.c.seq._copy())
    with pytest.raises((OperationalError, ProgrammingError)), hub.db.read() as session:
        hot.run(session, select(gone), {})


def test_instants_are_aware(hub: Hub) -> None:
    query, bound = _signals(hub)
    with hub.db.read() as session:
        (row,) = hot.run(session, query.with_only_columns(SIGNALS.c.first_seen_at), bound)
    assert row[0].tzinfo is not None
    assert row[0] <= clock.now()


def test_after_a_restart_of_the_server_one_connection_fails_and_not_each(hub: Hub) -> None:
    if hub.db.dialect == "sqlite":
        pytest.skip("SQLite has no server")
    query = select(HEADS.c.seq)
    with ExitStack() as stack:
        for _ in range(4):
            hot.run(stack.enter_context(hub.db.read()), query, {})
            stack.enter_context(hub.db._asking.connect()).execute(query)
    owner = create_engine(hub.settings.database_url)
    with owner.connect() as connection:
        ending = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
        ended = connection.scalars(text(f"{ending} AND datname = current_database()")).all()
    owner.dispose()
    assert len(ended) >= 8
    assert all(ended)

    def read() -> None:
        with hub.db.read() as session:
            hot.run(session, query, {})

    for ask in (read, lambda: hub.db.ask(query, {})):
        with pytest.raises(Unavailable, match="cannot be reached"):
            ask()
        for _ in range(4):
            ask()
