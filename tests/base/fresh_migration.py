"""Writes the initial migration anew from the tables: `python -m tests.base.fresh_migration`.

For the time before the first release; afterwards the initial migration is never touched again.
"""

import subprocess
import sys
import tempfile
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

from alembic import command
from alembic.autogenerate.api import AutogenContext
from alembic.config import Config
from sqlalchemy.schema import Sequence

from hub import migrations
from hub.base.db import Database, Json, Utc
from hub.migrations.tables import METADATA


def render(kind: str, item: Any, context: AutogenContext) -> str | Literal[False]:
    """The house's column types by their names."""
    if kind == "type" and isinstance(item, Utc):
        return "Utc()"
    return "Json" if kind == "type" and item is Json else False


def sequences() -> str:
    """Alembic does not write sequences; SQLite has none."""
    made = [s for s in METADATA._sequences.values() if isinstance(s, Sequence)]
    lines = [
        f'        op.execute(sa.schema.CreateSequence(sa.Sequence("{s.name}", start={s.start})))'
        for s in made
    ]
    return "\n".join(['    if op.get_bind().dialect.name == "postgresql":', *lines])


def main() -> None:
    """Replace versions/0001_initial.py."""
    folder = Path(str(files(migrations)))
    target = folder / "versions" / "0001_initial.py"
    target.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory() as empty:
        database = Database(f"sqlite:///{empty}/empty.sqlite")
        with database.engine.begin() as connection:
            config = Config()
            config.set_main_option("script_location", str(folder))
            config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
            config.attributes |= {"connection": connection, "render_item": render}
            command.revision(config, "initial", autogenerate=True, rev_id="0001")
        database.dispose()
    written = target.read_text().replace(
        "    # ### end Alembic commands ###", sequences() + "\n    # ### end Alembic commands ###"
    )
    target.write_text(written)
    for task in (["format", "--quiet"], ["check", "--fix", "--quiet"]):
        subprocess.run([sys.executable, "-m", "ruff", *task, str(target)], check=True)


if __name__ == "__main__":
    main()
