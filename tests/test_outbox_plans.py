"""What was done stays as evidence, so whatever looks for work finds it by index and reads past nothing."""

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event, text
from sqlalchemy.orm import Session

from hub.base import clock
from hub.domain import outbox
from hub.domain.access import Viewer
from hub.domain.outbox import DELIVERIES, DeliveryState
from hub.flows.runtime import Hub
from hub.web import queues_read

HISTORY = 5000
LEASE = timedelta(minutes=2)
VIEWER = Viewer(uuid.uuid4(), "Kim", "en", "UTC", hidden=frozenset({uuid.uuid4()}))

WORK: dict[str, tuple[Callable[[Session], object], set[str]]] = {
    "expire leases": (outbox.expire_leases, {"ix_deliveries_lease"}),
    "claim": (
        lambda session: outbox.claim(session, 4, LEASE, left={uuid.uuid4(): 0, "page": 0}),
        {"ix_deliveries_due", "ix_deliveries_order", "pk_deliveries"},
    ),
    "what was given up": (outbox.attention, {"ix_deliveries_failed"}),
    "the badges of the queues": (
        lambda session: queues_read.counts(session, VIEWER),
        {"ix_deliveries_failed"},
    ),
}


@pytest.fixture
def old(hub: Hub) -> Hub:
    """A hub with a long history and some open rows of each kind."""
    with hub.db.write() as session:
        outbox.put_many(session, [{"kind": "mail", "body": {}} for _ in range(HISTORY)])
        done = DELIVERIES.update().values(state=DeliveryState.DONE, finished_at=clock.now())
        session.execute(done)
        for state in ("due", "unknown", "sending", "failed"):
            made = outbox.put(session, "order.push", {}, order_key=f"order:{state}")
            session.execute(
                DELIVERIES.update()
                .where(DELIVERIES.c.id == made)
                .values(state=state, lease_until=clock.now() - LEASE)
            )
    with hub.db.engine.begin() as connection:
        connection.execute(text("ANALYZE"))
    return hub


@pytest.mark.parametrize("work", WORK)
def test_looking_for_work_reads_nothing_that_is_done(old: Hub, work: str) -> None:
    look, indexes = WORK[work]
    sent: list[tuple[str, Any]] = []

    def note(connection: Any, cursor: Any, statement: str, parameters: Any, *rest: Any) -> None:
        if "deliveries" in statement:
            sent.append((statement, parameters))

    event.listen(old.db.engine, "before_cursor_execute", note)
    with old.db.write() as session:
        look(session)
    event.remove(old.db.engine, "before_cursor_execute", note)
    steps = [step for each in sent for step in _plan(old, *each)]
    assert steps
    for step in steps:
        assert "Seq Scan on deliveries" not in step, steps
        assert not step.startswith("SCAN deliveries") or "USING INDEX ix_" in step, steps
    used = " ".join(steps).replace("sqlite_autoindex_deliveries_1", "pk_deliveries")
    assert not [index for index in indexes if index not in used], steps


def _plan(hub: Hub, statement: str, parameters: Any) -> list[str]:
    sqlite = hub.db.dialect == "sqlite"
    with hub.db.engine.connect() as connection:
        explain = "EXPLAIN QUERY PLAN" if sqlite else "EXPLAIN"
        explained = connection.exec_driver_sql(f"{explain} {statement}", parameters)
        return [row[3] if sqlite else row[0] for row in explained]
