"""Where the hub is measured: a real database of each kind, and the real web server in front of it."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from http.client import HTTPConnection
from pathlib import Path

from psycopg import sql

from hub import migrations
from hub.app import create_hub
from hub.base import crypto
from hub.config import Settings, variable
from hub.flows.runtime import Hub
from hub.testing.peers.postgres import Postgres, postgres
from hub.testing.peers.process import free_port, scratch, service

KEY = crypto.new_key()


@dataclass(frozen=True, slots=True)
class Place:
    """A migrated database of the hub, and an empty one of the same server or disk for the bare limit."""

    kind: str
    settings: Settings
    bare: str
    folder: Path
    cluster: Postgres | None = None

    @contextmanager
    def hub(self) -> Iterator[Hub]:
        """The hub in this process, for filling and for what is measured without a web server."""
        running = create_hub(self.settings)
        try:
            yield running
        finally:
            running.close()

    def settle(self) -> None:
        """Let the planner know what was filled in, as autovacuum does a minute later."""
        if self.cluster is not None:
            self.cluster.execute(sql.SQL("VACUUM ANALYZE"), "hub")
            self.cluster.execute(sql.SQL("CHECKPOINT"))

    @contextmanager
    def server(self, processes: int) -> Iterator[int]:
        """`hub web`, the pages of `hub serve`, without the worker; yields its port."""
        settings = replace(self.settings, port=free_port(), processes=processes)
        given = ("database_url", "secret_key", "port", "processes", "sqlite_synchronous")
        environment = {variable(name): str(getattr(settings, name)) for name in given}
        command = [sys.executable, "-m", "hub", "web"]
        log = self.folder / f"web-{settings.port}.log"
        with service(command, lambda: _is_up(settings.port), log, env=environment, timeout=60):
            yield settings.port


def _is_up(port: int) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    finally:
        connection.close()


def _settings(url: str) -> Settings:
    return Settings(database_url=url, secret_key=KEY, sqlite_synchronous="FULL")


@contextmanager
def sqlite_place() -> Iterator[Place]:
    """A file with SQLite's full durability."""
    with scratch("bench") as folder:
        url = f"sqlite:///{folder}/hub.sqlite"
        migrations.upgrade(url)
        yield Place("sqlite", _settings(url), str(folder / "bare.sqlite"), folder)


@contextmanager
def postgres_place() -> Iterator[Place]:
    """A cluster of our own with PostgreSQL's default durability."""
    with scratch("bench") as folder, postgres(durable=True) as cluster:
        url = cluster.create_database("hub")
        migrations.upgrade(url)
        bare = cluster.create_database("bare").replace("+psycopg", "")
        yield Place("postgres", _settings(url), bare, folder, cluster)


def core_count() -> int:
    """How many processors this run may use."""
    return len(os.sched_getaffinity(0))
