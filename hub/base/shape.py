"""Whether a database has the shape that this program expects, told without loading the migration tool.

Every process asks at its start and `/readyz` again and again; alembic alone would take each start 0.2 s.
"""

import re
from functools import lru_cache
from importlib.resources import files

from sqlalchemy import Connection, inspect, text

_REVISION = re.compile(r"^(down_)?revision\b[^=\n]*=(.*)$", re.MULTILINE)
_QUOTED = re.compile(r"""["']([^"']+)["']""")


@lru_cache(maxsize=1)
def heads() -> frozenset[str]:
    """The newest migrations of this program, as its files were when it was first asked."""
    made: set[str] = set()
    replaced: set[str] = set()
    for file in files("hub").joinpath("migrations", "versions").iterdir():
        if file.name.endswith(".py"):
            for down, names in _REVISION.findall(file.read_text(encoding="utf-8")):
                (replaced if down else made).update(_QUOTED.findall(names))
    return frozenset(made - replaced)


def at_head(connection: Connection) -> bool:
    """Whether exactly our migrations were applied. A database that was never migrated is not at head."""
    if not inspect(connection).has_table("alembic_version"):
        return False
    return set(connection.scalars(text("SELECT version_num FROM alembic_version"))) == heads()
