"""Fixtures for tests of the hub and of plugins: a fresh hub on a real database, and a clock that moves.

Import them in `conftest.py`: `from hub.testing.fixtures import *`. With HUB_TEST_DATABASE=postgresql the
same tests run on a throwaway PostgreSQL cluster.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import hypothesis
import pytest
from jinja2.bccache import Bucket, BytecodeCache
from sqlalchemy import event

from hub.app import create_hub
from hub.base import clock, crypto
from hub.base.db import Database
from hub.config import Settings
from hub.flows.runtime import Hub
from hub.plugin import registry
from hub.plugin.registry import Registry
from hub.testing.databases import EMPTY, Databases, postgres_copies, sqlite_copies
from hub.testing.network import loopback_only
from hub.testing.world import World

__all__ = [
    "compiled_templates",
    "database_url",
    "databases",
    "fresh_database",
    "hub",
    "installed_plugins",
    "loopback_only",
    "moving_clock",
    "populated",
    "settings",
    "world",
]

# Times are measured in bench/, never here: a slow machine is not a failing test.
hypothesis.settings.register_profile("hub", deadline=None, max_examples=50)
hypothesis.settings.load_profile("hub")

POSTGRESQL = os.environ.get("HUB_TEST_DATABASE") == "postgresql"
KEY = crypto.new_key()
BEGIN = datetime.fromisoformat("2026-03-02T09:00:00+00:00")
"""Where the moving clock stands at the beginning of a test."""


@pytest.fixture(scope="session")
def databases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Databases]:
    """Makes migrated databases, on SQLite or PostgreSQL."""
    copies = postgres_copies() if POSTGRESQL else sqlite_copies(tmp_path_factory.mktemp("databases"))
    with copies as copy:
        yield Databases(copy, settings_of)


@pytest.fixture(scope="session")
def fresh_database(databases: Databases) -> Callable[[], str]:
    """Makes migrated, empty databases, for tests that need several."""
    return databases.fresh


@pytest.fixture
def populated(request: pytest.FixtureRequest, databases: Databases) -> tuple[str, World]:
    """The template with the world in it, of the time at which this test begins."""
    return databases.world(BEGIN if "moving_clock" in request.fixturenames else None)


@pytest.fixture
def database_url(request: pytest.FixtureRequest, databases: Databases) -> Iterator[str]:
    """The address of a migrated database of this test's own: empty, or holding what `world` tells of."""
    holds_world = "populated" in request.fixturenames
    url = databases.fresh(request.getfixturevalue("populated")[0] if holds_world else EMPTY)
    yield url
    if url.startswith("sqlite:///"):
        for leftover in Path(url.removeprefix("sqlite:///")).parent.glob(f"{Path(url).name}*"):
            leftover.unlink()


def settings_of(database_url: str) -> Settings:
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
def settings(database_url: str) -> Settings:
    """Settings of the hub of this test."""
    return settings_of(database_url)


@pytest.fixture(scope="session")
def installed_plugins() -> Registry:
    """The plugins found by entry points, loaded once for all hubs of a test run."""
    return registry.load()


@pytest.fixture
def hub(settings: Settings, installed_plugins: Registry) -> Iterator[Hub]:
    """A running hub with the bundled plugins; its database is empty unless the test asks for `world`."""
    running = create_hub(settings, loaded=installed_plugins)
    yield running
    running.close()


@pytest.fixture
def world(hub: Hub, populated: tuple[str, World]) -> World:
    """People with names in the hub under test: see `hub.testing.world`."""
    return populated[1]


@pytest.fixture(scope="session")
def compiled_templates() -> BytecodeCache:
    """Keeps compiled templates for the apps of one test run: `app.jinja_env.bytecode_cache = ...`."""
    return CompiledTemplates()


class CompiledTemplates(BytecodeCache):
    """A bytecode cache in memory. Its keys hold a digest of each template's text."""

    def __init__(self) -> None:
        self._code: dict[str, tuple[str, bytes]] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Fill the bucket if the template is still the same."""
        checksum, code = self._code.get(bucket.key, ("", b""))
        if code and checksum == bucket.checksum:
            bucket.bytecode_from_string(code)

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep what was compiled."""
        self._code[bucket.key] = (bucket.checksum, bucket.bytecode_to_string())


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
    moving.set(BEGIN)
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
