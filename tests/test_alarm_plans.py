"""Where an event strikes is found by its key, however many cases an account has open."""

from collections.abc import Sequence
from typing import Any

import scene
from sqlalchemy import create_engine, event, text

from hub.base import clock, hot, ids, rows
from hub.domain.cases import Case
from hub.flows import alarm
from hub.flows.runtime import Hub

MANY = 3000


def _open_cases(hub: Hub, place: scene.Place) -> None:
    given = {"case_type": "incident", "state": "in_progress", "title": "Link down", "category": "access"}
    given |= {"impact": "high", "urgency": "high", "priority": "high"}
    table: Any = Case.__table__
    with hub.db.write() as session:
        made: Sequence[dict[str, Any]] = [
            {
                **given,
                "account_id": place.account,
                "id": ids.new_id(),
                "number": f"OLD-{number}",
                "correlation_key": f"another:{number}",
                "opened_at": clock.now(),
                "reopened": 0,
                "version": 1,
            }
            for number in range(MANY)
        ]
        rows.insert_rows(session, table, made)


def _analyze(hub: Hub) -> None:
    """As autovacuum does within a minute of so many rows; SQLite's planner goes by the shape alone."""
    owner = create_engine(hub.settings.database_url, isolation_level="AUTOCOMMIT")
    with owner.connect() as connection:
        connection.execute(text("ANALYZE"))
    owner.dispose()


def _finding(hub: Hub, source: alarm.Source) -> tuple[str, Any]:
    """The statement with which an event looks for its cases, and its parameters."""
    sent: list[tuple[str, Any]] = []

    def note(connection: Any, cursor: Any, statement: str, parameters: Any, *rest: Any) -> None:
        if "LEFT OUTER JOIN cases" in statement:
            sent.append((statement, parameters))

    event.listen(hub.db.engine, "before_cursor_execute", note)
    with hub.db.write() as session:
        alarm.sound(session, source, [scene.event()])
    event.remove(hub.db.engine, "before_cursor_execute", note)
    return sent[0]


def _plan(hub: Hub, statement: str, parameters: Any) -> list[str]:
    sqlite = hub.db.dialect == "sqlite"
    explain = "EXPLAIN QUERY PLAN" if sqlite else "EXPLAIN"
    with hub.db.read() as session:
        cursor = hot._cursor(session.connection())
        cursor.execute(f"{explain} {statement}", parameters)
        found = [row[3] if sqlite else row[0] for row in cursor.fetchall()]
        cursor.close()
    return found


def test_an_open_case_is_found_by_its_key(hub: Hub) -> None:
    places = scene.accounts(hub.db, "Acme", "Bolt")
    with hub.db.write() as session:
        source = alarm.Source(scene.connection(session), "Alertmanager")
    statement, parameters = _finding(hub, source)
    _open_cases(hub, places[0])
    if hub.db.dialect == "postgresql":
        _analyze(hub)
    steps = _plan(hub, statement, parameters)
    used = [number for number, step in enumerate(steps) if "ix_cases_correlation" in step]
    assert len(used) == 1, steps
    condition = steps[used[0]] if hub.db.dialect == "sqlite" else steps[used[0] + 1]
    assert "account_id" in condition, steps
    assert "correlation_key" in condition, steps
