"""A throwaway PostgreSQL cluster.

One cluster serves many tests (make it a session fixture; under pytest-xdist each worker process has its own,
which costs about a second and 35 MB).  Roles belong to the whole cluster: two databases of one cluster share
`hub_web` and `hub_system`, so a migration must not be surprised to find them.
"""

import contextlib
import secrets
import shutil
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import psycopg
from psycopg import sql

from hub.testing.peers.process import Command, free_port, require, run, scratch, start, stop, wait_until

StopMode = Literal["fast", "immediate"]
# What PostgreSQL makes of a signal: end all sessions and write a checkpoint, or drop everything as a crash
# would and recover from its log at the next start.
SIGNALS: dict[StopMode, int] = {"fast": signal.SIGINT, "immediate": signal.SIGQUIT}
CARELESS = ["fsync=off", "synchronous_commit=off", "full_page_writes=off"]


@dataclass
class Postgres:
    """A running cluster with the superuser `postgres` and the login `hub` (CREATEROLE, no superuser)."""

    directory: Path
    binaries: Path
    port: int
    password: str = field(repr=False)
    options: list[str]
    process: subprocess.Popen[bytes] | None = None

    def url(self, database: str) -> str:
        """The address for SQLAlchemy, signed in as `hub`."""
        return self._url("hub", database)

    def superuser_url(self, database: str = "postgres") -> str:
        """The address for SQLAlchemy, signed in as `postgres`: for looking behind row-level security."""
        return self._url("postgres", database)

    def create_database(self, name: str, template: str | None = None) -> str:
        """Make a database owned by `hub` and return its `url`.

        A copy of `template` takes about 0.1 s; nobody may be connected to the template then (the server
        waits up to 5 s for that).
        """
        owned = sql.SQL("CREATE DATABASE {} OWNER hub TEMPLATE {}")
        self.execute(owned.format(sql.Identifier(name), sql.Identifier(template or "template1")))
        return self.url(name)

    def drop_database(self, name: str) -> None:
        """Remove a database, throwing out whoever is still connected."""
        self.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def execute(self, statement: sql.SQL | sql.Composed, database: str = "postgres") -> list[tuple[Any, ...]]:
        """Run one statement as superuser outside a transaction; returns its rows, if it has any."""
        with self._connect(database) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def start(self) -> None:
        """Start the server again after `stop`, on the same port with the same data."""
        settings = [part for option in self.options for part in ("-c", option)]
        argv: Command = [self.binaries / "postgres", "-D", self.directory / "data", *settings]
        self.process = start(argv, self.log, user="postgres", cwd=self.directory)
        wait_until(self._is_ours, self.process, self.log, timeout=30)

    def stop(self, mode: StopMode = "fast") -> None:
        """Take the database away; clients see their connections break."""
        if self.process is not None:
            stop(self.process, self.log, SIGNALS[mode])
            self.process = None

    def restart(self, mode: StopMode = "fast") -> None:
        """`stop` and `start`: every connection breaks, and committed rows must still be there."""
        self.stop(mode)
        self.start()

    @property
    def log(self) -> Path:
        """Where the server writes what it has to say."""
        return self.directory / "log"

    def _url(self, user: str, database: str) -> str:
        return f"postgresql+psycopg://{user}:{self.password}@127.0.0.1:{self.port}/{database}"

    def _connect(self, database: str) -> psycopg.Connection[tuple[Any, ...]]:
        return psycopg.connect(
            host="127.0.0.1",
            port=self.port,
            user="postgres",
            password=self.password,
            dbname=database,
            autocommit=True,
        )

    def _is_ours(self) -> bool:
        try:
            [(data,)] = self.execute(sql.SQL("SHOW data_directory"))
        except (
            psycopg.OperationalError
        ):  # refused, still starting up, or a stranger who knows no such password
            return False
        return Path(data) == self.directory / "data"


@contextlib.contextmanager
def postgres(*, durable: bool = False) -> Iterator[Postgres]:
    """Run a new, empty cluster until the end of the block.

    `durable` keeps PostgreSQL's own promises about the disk, which a benchmark has to pay for and a test
    need not.
    """
    binaries = _newest_binaries()
    require("setpriv", str(binaries / "initdb"), str(binaries / "postgres"))
    with scratch("postgres") as directory:
        port = free_port()
        options = [
            f"port={port}",
            "listen_addresses=127.0.0.1",
            "unix_socket_directories=",
            "max_connections=200",
        ]
        cluster = Postgres(
            directory, binaries, port, secrets.token_hex(12), options + ([] if durable else CARELESS)
        )
        _initialise(cluster)
        try:
            cluster.start()
            password = sql.Literal(cluster.password)
            cluster.execute(
                sql.SQL("CREATE ROLE hub LOGIN NOSUPERUSER CREATEROLE PASSWORD {}").format(password)
            )
            yield cluster
        finally:
            cluster.stop()


def _newest_binaries() -> Path:
    """Debian keeps each major version in a directory of its own, outside PATH."""
    versions = Path("/usr/lib/postgresql")
    majors = sorted(int(path.name) for path in versions.glob("[0-9]*")) if versions.is_dir() else []
    return versions / str(majors[-1] if majors else "none") / "bin"


def _initialise(cluster: Postgres) -> None:
    password_file = cluster.directory / "password"
    password_file.write_text(cluster.password)
    for path in (password_file, cluster.directory):
        if path.owner() == "root":
            shutil.chown(path, "postgres")
    password_file.chmod(0o600)
    data = ["-D", str(cluster.directory / "data"), "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"]
    access = ["-U", "postgres", "-A", "scram-sha-256", f"--pwfile={password_file}"]
    run([cluster.binaries / "initdb", *data, *access], user="postgres")
