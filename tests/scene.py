"""The smallest scene that a rule needs: accounts with one service each, and a monitoring connection."""

import sqlite3
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from hub.base import clock, ids
from hub.base.db import Database
from hub.domain import timeline
from hub.domain.accounts import Account, Identifier, Service
from hub.domain.connections import Connection
from hub.flows import alarm
from hub.flows.runtime import Hub
from hub.plugin.contracts import SignalEvent


class Locked(sqlite3.OperationalError):
    """What SQLite's driver raises while another process holds the database."""

    sqlite_errorname = "SQLITE_BUSY"


@dataclass(frozen=True)
class Place:
    """An account and its one service."""

    account: uuid.UUID
    service: uuid.UUID
    prefix: str


def account(session: Session, name: str, *circuits: str, **options: Any) -> Place:
    """An account with one circuit that is known by some identifiers."""
    now = clock.now()
    row = Account(
        id=ids.new_id(),
        slug=name.lower(),
        name=name,
        prefix=name.upper()[:4],
        language=options.pop("language", "en"),
        zone="Europe/Berlin",
        created_at=now,
        **options,
    )
    service = Service(account_id=row.id, id=ids.new_id(), kind="circuit", name=f"{name} line")
    session.add(row)
    session.flush()  # the log and the service refer to the account
    timeline.open_log(session, row.id, row.language)
    session.add(service)
    session.flush()  # the identifiers refer to the service
    for circuit in circuits:
        session.add(
            Identifier(
                account_id=row.id,
                id=ids.new_id(),
                service_id=service.id,
                kind="circuit",
                value=circuit,
                valid_from=now - timedelta(days=1),
            )
        )
    return Place(row.id, service.id, row.prefix)


def connection(session: Session, name: str = "Alertmanager", **options: Any) -> uuid.UUID:
    """A connection that signals come from."""
    row = Connection(
        id=ids.new_id(),
        slug=name.lower().replace(" ", "-"),
        connector=options.pop("connector", "alertmanager"),
        name=name,
        side="own",
        settings={},
        body_limit=16 * 1024 * 1024,
        allowed_networks=[],
        status_map={},
        created_at=clock.now(),
        **options,
    )
    session.add(row)
    return row.id


def accounts(db: Database, *names: str, circuit: str = "CIR-1", **options: Any) -> list[Place]:
    """Some accounts that share one circuit, committed."""
    with db.write() as session:
        return [account(session, name, circuit, **options) for name in names]


def event(
    state: str = "firing", *, minute: int = 0, key: str = "f1", start: int = 0, **fields: Any
) -> SignalEvent:
    """A monitoring event some minutes after the scene's noon; `start` is the minute its episode began."""
    noon = clock.utc(clock.datetime.fromisoformat("2026-03-02T12:00:00+00:00"))
    values: dict[str, Any] = {
        "natural_key": key,
        "episode_start": noon + timedelta(minutes=start),
        "state": state,
        "at": noon + timedelta(minutes=minute),
        "severity": "critical",
        "severity_text": "critical",
        "title": "Link down",
        "identifiers": (("circuit", "CIR-1"),),
    }
    return SignalEvent(**(values | fields))


@dataclass
class Sounder:
    """Sounds events of one connection, each call in a transaction of its own."""

    db: Database
    source: alarm.Source

    def __call__(self, *events: Any) -> int:
        with self.db.write() as session:
            return alarm.sound(session, self.source, events)

    def all(self, table: type[Any]) -> Sequence[Any]:
        with self.db.read() as session:
            return list(session.scalars(select(table)))

    def kinds(self, place: Place) -> list[str]:
        with self.db.read() as session:
            entry = timeline.Entry
            query = select(entry.kind).where(entry.account_id == place.account).order_by(entry.seq)
            return list(session.scalars(query))


def wait_until_blocked(hub: Hub) -> None:
    """Until a transaction waits for another; on SQLite nobody comes that far."""
    deadline = time.monotonic() + 4
    while hub.db.dialect == "postgresql" and not is_blocked(hub) and time.monotonic() < deadline:
        pass


def is_blocked(hub: Hub) -> bool:
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    with hub.db.read() as session:
        return bool(session.scalar(text(f"{waiting} AND datname = current_database()")))
