"""A directory in files: accounts.csv, sites.csv, services.csv and people.csv in one folder.

UTF-8 (with or without a byte order mark), comma or semicolon, the first line names the columns; upper and
lower case do not matter. A file that is missing says nothing. Several values in one cell are parted by `|`.
A column or cell that is empty says nothing either and changes nothing in the hub.

- accounts.csv: id, name, prefix, parent, time_zone, language, active
- sites.csv: id, account, name, address, time_zone, active
- services.csv: id, account, name, kind, site, partner, identifiers, active
- people.csv: id, account, name, function, email, phone, roles, sites, services, language, time_zone, active

`id` is your own and names the record for ever; `account`, `parent`, `site`, `partner`, `sites` and `services`
are such ids. `identifiers` are `kind=value`, as in `circuit=CIR-4711|host=edge1`. `active` no closes a
record; a line that is simply gone changes nothing.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

from pydantic import BaseModel, Field

from hub import hookimpl
from hub.plugin.contracts import Connector, Ctx, DirectoryBatch, Rejected
from hub.plugin.contracts.connector import Kind
from plugins.crm.csv_directory import records, table

LARGEST = 64 * 1024 * 1024
"""Bytes that one file may have."""


class CsvDirectorySettings(BaseModel):
    """Where the files are."""

    folder: str = Field(
        title="Folder", description="Folder on the hub's machine with accounts.csv and its companions."
    )


class CsvDirectory(Connector[CsvDirectorySettings]):
    """Reads the folder whole; while no file changes, there is nothing to do."""

    name: ClassVar[str] = "csv_directory"
    kind: ClassVar[Kind] = "crm"
    title: ClassVar[str] = "Directory in CSV files"
    capabilities: ClassVar[frozenset[str]] = frozenset({"accounts"})
    calls_out: ClassVar[bool] = False
    settings_model = CsvDirectorySettings

    def accounts(self, ctx: Ctx[CsvDirectorySettings], cursor: str) -> DirectoryBatch:
        """Every record, or none when the files are those of `cursor`."""
        files = _read(Path(ctx.settings.folder))
        digest = table.digest(files)
        if digest == cursor:
            return DirectoryBatch(cursor=cursor)
        return records.batch(files, digest)


def _read(folder: Path) -> dict[str, bytes]:
    """The files that are there, by name."""
    files = {}
    for name in records.FILES:
        path = folder / name
        try:
            if not path.is_file():
                continue
            if path.stat().st_size > LARGEST:
                raise Rejected(f"{name} is larger than {LARGEST // 1024 // 1024} MiB.")
            files[name] = path.read_bytes()
        except OSError as error:
            raise Rejected(f"{name} cannot be read: {error.strerror}.") from None
    if not files:
        raise Rejected(f"There is none of {', '.join(records.FILES)} in the folder {folder}.")
    return files


@hookimpl
def hub_connectors(register: Callable[[Connector[Any]], None]) -> None:
    """The connector of this package."""
    register(CsvDirectory())
