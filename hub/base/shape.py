"""Whether a database has the shape that this program expects, told without loading the migration tool.

Every process asks at its start and `/readyz` again and again; alembic alone would take each start 0.2 s.
"""

import re
from functools import lru_cache
from importlib.resources import files
from typing import Literal

from sqlalchemy import Connection, inspect, text

Shape = Literal["fits", "behind", "ahead"]

_REVISION = re.compile(r"^(down_)?revision\b[^=\n]*=(.*)$", re.MULTILINE)
_QUOTED = re.compile(r"""["']([^"']+)["']""")


@lru_cache(maxsize=1)
def _revisions() -> tuple[frozenset[str], frozenset[str]]:
    """All migrations of this program and those that another follows, as its files were when first asked."""
    made: set[str] = set()
    replaced: set[str] = set()
    for file in files("hub").joinpath("migrations", "versions").iterdir():
        if file.name.endswith(".py"):
            for down, names in _REVISION.findall(file.read_text(encoding="utf-8")):
                (replaced if down else made).update(_QUOTED.findall(names))
    return frozenset(made), frozenset(replaced)


def heads() -> frozenset[str]:
    """The newest migrations of this program."""
    made, replaced = _revisions()
    return made - replaced


def shape(connection: Connection) -> Shape:
    """Whether exactly our migrations were applied, some of them are missing, or a newer program was here."""
    if not inspect(connection).has_table("alembic_version"):
        return "behind"
    applied = set(connection.scalars(text("SELECT version_num FROM alembic_version")))
    if applied == heads():
        return "fits"
    return "behind" if applied <= _revisions()[0] else "ahead"


def at_head(connection: Connection) -> bool:
    """Whether exactly our migrations were applied. A database that was never migrated is not at head."""
    return shape(connection) == "fits"
