"""Databases for tests: copies of one that was migrated once, empty or with the people of `world` in it."""

import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from hub import migrations
from hub.app import create_hub
from hub.base import clock
from hub.config import Settings
from hub.testing.peers.postgres import postgres
from hub.testing.world import World, build

EMPTY = "empty"
Copy = Callable[[str, str], str]


@dataclass
class Databases:
    """Makes databases by copying: `copy(template, name)` answers the address of the new one.

    Filling the world takes a hundred times longer than copying it (seven passwords are hashed), so that it is
    done once for each instant at which a test's clock may stand.
    """

    copy: Copy
    settings: Callable[[str], Settings]
    _worlds: dict[datetime | None, tuple[str, World]] = field(default_factory=dict)

    def fresh(self, template: str = EMPTY) -> str:
        """The address of a database of the caller's own."""
        return self.copy(template, f"t{uuid.uuid4().hex}")

    def world(self, at: datetime | None) -> tuple[str, World]:
        """The template that holds the world as it was made at an instant (None: at the real time)."""
        if at not in self._worlds:
            name = f"world{len(self._worlds)}"
            with ExitStack() as stack:
                if at is not None:
                    stack.enter_context(clock.at(at))
                hub = create_hub(self.settings(self.copy(EMPTY, name)))
                stack.callback(hub.close)
                self._worlds[at] = (name, build(hub))
        return self._worlds[at]


@contextmanager
def sqlite_copies(folder: Path) -> Iterator[Copy]:
    """Copies of files in a folder."""
    migrations.upgrade(f"sqlite:///{folder}/{EMPTY}.sqlite")

    def copy(template: str, name: str) -> str:
        shutil.copyfile(folder / f"{template}.sqlite", folder / f"{name}.sqlite")
        return f"sqlite:///{folder}/{name}.sqlite"

    yield copy


@contextmanager
def postgres_copies() -> Iterator[Copy]:
    """Copies within a throwaway cluster."""
    with postgres() as cluster:
        migrations.upgrade(cluster.create_database(EMPTY))
        yield lambda template, name: cluster.create_database(name, template=template)
