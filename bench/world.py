"""The provider that is measured: 1,000 accounts with services, identifiers and open cases."""

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import Table, update
from sqlalchemy.orm import Session

from hub.base import clock, ids, rows
from hub.base.db import Database
from hub.domain import connections, timeline
from hub.domain.accounts import Account, Identifier, Service
from hub.domain.audit import HUB
from hub.domain.cases import Case
from hub.domain.connections import Connection
from hub.flows.runtime import Hub
from hub.plugin.settings import form_values

ACCOUNTS = 1_000
BUSY = 5
"""Services of each account with an open case that alerts of theirs join: circuits `CIR-000000` and on."""
QUIET = 25
"""Services of each account without one: an alert on circuit `NEW-000000` and on opens a case."""
CHUNK = 5_000


@dataclass(frozen=True, slots=True)
class World:
    """What a load generator has to know: where to post, with what token, about how many circuits."""

    slug: str
    token: str
    connection_id: uuid.UUID
    busy: int = ACCOUNTS * BUSY
    quiet: int = ACCOUNTS * QUIET


def fill(hub: Hub) -> World:
    """Put everything into an empty, migrated database."""
    with hub.db.write() as session:
        source = _monitoring(session, hub)
        token = connections.new_token(session, HUB, source)
        world = World(source.slug, token, source.id)
    with hub.db.write() as session:
        accounts = list(_accounts())
        _insert(session, Account, accounts)
        heads = [
            {"account_id": row["id"], "seq": 0, "customer_seq": 0, "language": row["language"]}
            for row in accounts
        ]
        _insert(session, timeline.Head, heads)
        busy = _services(session, accounts, BUSY, "CIR")
        _services(session, accounts, QUIET, "NEW")
        _insert(session, Case, list(_cases(world.connection_id, busy)))
    return world


def _monitoring(session: Session, hub: Hub) -> Connection:
    connector = hub.registry.connector("alertmanager")
    assert connector is not None
    form = form_values(connector.settings_model, {})
    return connections.add_connection(
        session, HUB, hub.registry, hub.keyring, connector.name, "Alertmanager", "own", form
    )


def quieten(database: Database) -> None:
    """Close the cases that a round opened, so that the next round opens new ones."""
    with database.write() as session:
        session.execute(
            update(Case)
            .execution_options(synchronize_session=False)
            .where(Case.category == "fault", Case.closed_at.is_(None))
            .values(state="closed", closed_at=clock.now())
        )


def _accounts() -> Iterator[dict[str, Any]]:
    for number in range(ACCOUNTS):
        yield {
            "id": ids.new_id(),
            "slug": f"customer-{number:04}",
            "name": f"Customer {number:04} GmbH",
            "prefix": f"C{number:03}",
            "language": "en",
            "zone": "Europe/Berlin",
            "restricted": False,
            "alert_threshold": "major",
            "password_login": True,
            "created_at": clock.now(),
            "version": 1,
        }


def _services(
    session: Session, accounts: Sequence[dict[str, Any]], each: int, prefix: str
) -> list[dict[str, Any]]:
    # Neighbouring numbers belong to different accounts, as the alerts of one body do.
    services = [
        {
            "account_id": account["id"],
            "id": ids.new_id(),
            "kind": "circuit",
            "name": f"Line {prefix}-{number * ACCOUNTS + position:06}",
            "version": 1,
        }
        for number in range(each)
        for position, account in enumerate(accounts)
    ]
    identifiers = [
        {
            "account_id": service["account_id"],
            "id": ids.new_id(),
            "service_id": service["id"],
            "kind": "circuit",
            "value": service["name"].removeprefix("Line "),
            "audience": "staff",
            "valid_from": clock.now() - timedelta(days=1),
        }
        for service in services
    ]
    _insert(session, Service, services)
    _insert(session, Identifier, identifiers)
    return services


def _cases(connection_id: uuid.UUID, services: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for number, service in enumerate(services):
        yield {
            "account_id": service["account_id"],
            "id": ids.new_id(),
            "number": f"OPEN-{number}",
            "case_type": "incident",
            "state": "in_progress",
            "title": f"{service['name']}: unstable",
            "category": "kept open",
            "impact": "high",
            "urgency": "medium",
            "priority": "high",
            "service_id": service["id"],
            "correlation_key": f"{connection_id.hex}:{service['id'].hex}",
            "opened_at": clock.now(),
            "reopened": 0,
            "version": 1,
        }


def _insert(session: Session, entity: Any, all_rows: Sequence[dict[str, Any]]) -> None:
    table: Table = entity.__table__
    for start in range(0, len(all_rows), CHUNK):
        rows.insert_rows(session, table, all_rows[start : start + CHUNK])
