"""Fixtures for tests of the hub and of plugins: a fresh hub on a real database, and a clock that moves.

Import them in `conftest.py`: `from hub.testing.fixtures import *`. With HUB_TEST_DATABASE=postgresql the
same tests run on a throwaway PostgreSQL cluster.
"""

import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import hypothesis
import pytest
from sqlalchemy import event

from hub import migrations
from hub.app import create_hub
from hub.base import clock, crypto
from hub.base.db import Database
from hub.config import Settings
from hub.flows.runtime import Hub
from hub.testing.network import loopback_only
from hub.testing.peers.postgres import postgres
from hub.testing.world import World, build

__all__ = ["database_url", "fresh_database", "hub", "loopback_only", "moving_clock", "settings", "world"]

# Times are measured in bench/, never here: a slow machine is not a failing test.
hypothesis.settings.register_profile("hub", deadline=None, max_examples=50)
hypothesis.settings.load_profile("hub")

POSTGRESQL = os.environ.get("HUB_TEST_DATABASE") == "postgresql"
KEY = crypto.new_key()


@pytest.fixture(scope="session")
def fresh_database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], str]]:
    """Makes migrated, empty databases: copies of one that was migrated once."""
    if POSTGRESQL:
        with ExitStack() as stack:
            cluster = stack.enter_context(postgres())
            migrations.upgrade(cluster.create_database("template"))
            yield lambda: cluster.create_database(f"t{uuid.uuid4().hex}", template="template")
        return
    folder = tmp_path_factory.mktemp("databases")
    template = folder / "template.sqlite"
    migrations.upgrade(f"sqlite:///{template}")

    def copy() -> str:
        path = folder / f"{uuid.uuid4().hex}.sqlite"
        shutil.copyfile(template, path)
        return f"sqlite:///{path}"

    yield copy


@pytest.fixture
def database_url(fresh_database: Callable[[], str]) -> Iterator[str]:
    """The address of an empty, migrated database of this test's own."""
    url = fresh_database()
    yield url
    if url.startswith("sqlite:///"):
        for leftover in Path(url.removeprefix("sqlite:///")).parent.glob(f"{Path(url).name}*"):
            leftover.unlink()


@pytest.fixture
def settings(database_url: str) -> Settings:
    """Settings of a hub under test."""
    return Settings(
        database_url=database_url,
        secret_key=KEY,
        base_url="https://hub.example.net",
        instance="hub",
        mail_domain="hub.example",
        provider_name="Elbe Connect",
        sqlite_synchronous="NORMAL",
    )


@pytest.fixture
def hub(settings: Settings) -> Iterator[Hub]:
    """A running hub with the bundled plugins and an empty database."""
    running = create_hub(settings)
    yield running
    running.close()


@pytest.fixture
def world(hub: Hub) -> World:
    """People with names in the hub under test: see `hub.testing.world`."""
    return build(hub)


@dataclass
class MovingClock:
    """The hub's clock in the test's hand."""

    now: datetime
    _stack: ExitStack = field(default_factory=ExitStack)

    def set(self, instant: datetime) -> None:
        """Let the hub's clock show this instant."""
        self._stack.close()
        self.now = clock.utc(instant)
        self._stack.enter_context(clock.at(self.now))

    def forward(self, by: timedelta) -> None:
        """Let time pass."""
        self.set(self.now + by)


@pytest.fixture
def moving_clock() -> Iterator[MovingClock]:
    """A clock that stands still until the test moves it, from Monday 2026-03-02 09:00 UTC on."""
    moving = MovingClock(clock.now())
    moving.set(datetime.fromisoformat("2026-03-02T09:00:00+00:00"))
    yield moving
    moving._stack.close()


@dataclass
class StatementCount:
    """SQL statements as the driver saw them."""

    statements: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.statements)


class counting:
    """`with counting(db) as statements:` - every statement that any session of `db` sends."""

    def __init__(self, database: Database) -> None:
        self._engines = database.engines
        self._count = StatementCount()

    def __enter__(self) -> StatementCount:
        for engine in self._engines:
            event.listen(engine, "before_cursor_execute", self._note)
        return self._count

    def __exit__(self, *error: object) -> None:
        for engine in self._engines:
            event.remove(engine, "before_cursor_execute", self._note)

    def _note(self, connection: object, cursor: object, statement: str, *rest: object) -> None:
        self._count.statements.append(statement)
