"""Statements over JSON lists find their rows by index, however many there are."""

from typing import Any

import pytest
import scene
from sqlalchemy import event, select

from hub.base import ids, rows
from hub.base.db import Base
from hub.domain.accounts import Account, Setting
from hub.flows import alarm
from hub.flows.runtime import Hub


def test_among_takes_any_number_of_values(hub: Hub) -> None:
    places = scene.accounts(hub.db, "Acme", "Bolt", "Cargo")
    table = Account.__table__
    query = select(table.c.id, table.c.name).where(rows.among(table.c.id, "wanted"))
    with hub.db.read() as session:

        def found(*wanted: Any) -> set[str]:
            return {row.name for row in session.execute(query, {"wanted": rows.encode(wanted)})}

        assert found() == set()
        assert found(places[0].account) == {"Acme"}
        assert found(places[0].account, places[2].account, ids.new_id()) == {"Acme", "Cargo"}


def test_the_same_statement_is_compiled_once(hub: Hub) -> None:
    table = Account.__table__

    def key() -> Any:
        return select(table.c.id).where(rows.among(table.c.id, "wanted"))._generate_cache_key()

    other = select(table.c.id).where(rows.among(table.c.slug, "wanted"))
    assert key() is not None
    assert key() == key()
    assert key() != other._generate_cache_key()


def test_two_changes_of_one_table_in_one_go_are_refused_and_lose_nothing(hub: Hub) -> None:
    table: Any = Setting.__table__
    one, other, none = (rows.inserting(table, made) for made in ([_setting("a")], [_setting("b")], []))
    with pytest.raises(ValueError, match="would be lost"), hub.db.write() as session:
        rows.write(session, one, other)
    with hub.db.write() as session:
        rows.write(session, none, one, none)
    with hub.db.read() as session:
        assert session.scalars(select(Setting.key)).all() == ["a"]


def _setting(key: str) -> dict[str, Any]:
    return {"key": key, "value": {}}


def test_no_statement_of_a_webhook_reads_a_whole_table(hub: Hub) -> None:
    """SQLite's planner is the one that is easily led astray, and it says what it does before it does it."""
    if hub.db.dialect != "sqlite":
        pytest.skip("PostgreSQL rightly reads small tables whole")
    scene.accounts(hub.db, "Acme", "Bolt")
    with hub.db.write() as session:
        source = alarm.Source(scene.connection(session), "Alertmanager")
    sent: list[tuple[str, Any]] = []

    def note(connection: Any, cursor: Any, statement: str, parameters: Any, *rest: Any) -> None:
        sent.append((statement, parameters))

    event.listen(hub.db.engine, "before_cursor_execute", note)
    for state in ("firing", "clear"):
        with hub.db.write() as session:
            alarm.sound(session, source, [scene.event(state, minute=len(sent))])
    event.remove(hub.db.engine, "before_cursor_execute", note)
    plans = [(statement, _plan(hub, statement, parameters)) for statement, parameters in sent]
    assert len(plans) > 10
    for statement, plan in plans:
        for table in Base.metadata.tables:
            assert not [step for step in plan if step.split()[:2] == ["SCAN", table]], statement


def _plan(hub: Hub, statement: str, parameters: Any) -> list[str]:
    if statement.startswith("BEGIN"):
        return []
    with hub.db.engine.connect() as connection:
        explained = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
        return [row[3] for row in explained]
