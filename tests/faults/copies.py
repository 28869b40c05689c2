"""A hub's database and its far sides at one moment, put back as they were before every death."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from hub import migrations
from hub.testing.peers.postgres import Postgres, postgres


class Copies(Protocol):
    """One database that can be kept and put back; nobody of ours is connected meanwhile."""

    url: str

    def keep(self) -> None: ...

    def restore(self) -> None: ...


@dataclass
class SqliteCopies:
    """Copies of a file; what a dead process left beside it (its log) goes with it."""

    path: Path

    @property
    def url(self) -> str:
        return f"sqlite:///{self.path}"

    def keep(self) -> None:
        shutil.copyfile(self.path, self.path.with_suffix(".kept"))

    def restore(self) -> None:
        for leftover in self.path.parent.glob(f"{self.path.name}*"):
            leftover.unlink()
        shutil.copyfile(self.path.with_suffix(".kept"), self.path)


@dataclass
class PostgresCopies:
    """Copies by the server itself, which are quicker than emptying tables; sessions of the dead are ended."""

    cluster: Postgres
    url: str

    def keep(self) -> None:
        self.cluster.drop_database("kept")
        self.cluster.create_database("kept", template="hub")

    def restore(self) -> None:
        self.cluster.drop_database("hub")
        self.cluster.create_database("hub", template="kept")


def sqlite_copies(folder: Path) -> SqliteCopies:
    """A migrated, empty database in a file."""
    copies = SqliteCopies(folder / "hub.sqlite")
    migrations.upgrade(copies.url)
    return copies


@contextmanager
def postgres_cluster() -> Iterator[Postgres]:
    """A server with a migrated, empty database to copy from."""
    with postgres() as cluster:
        migrations.upgrade(cluster.create_database("empty"))
        yield cluster


def postgres_copies(cluster: Postgres) -> PostgresCopies:
    """A migrated, empty database on the server; the one of the test before is gone."""
    cluster.drop_database("hub")
    return PostgresCopies(cluster, cluster.create_database("hub", template="empty"))
