"""`hub directory`: customers from the directory where they are kept."""

import sys
from pathlib import Path

import click

from hub.base.errors import Invalid
from hub.cli.door import OPERATOR, opened
from hub.flows import directory as flow


@click.group()
def directory() -> None:
    """Customers from a directory."""


@directory.command("import")
@click.argument("connection", required=False)
@click.option(
    "--folder",
    type=click.Path(exists=True, file_okay=False, resolve_path=True, path_type=Path),
    help="A folder of CSV files instead; it becomes a connection the first time.",
)
@click.option("--dry-run", is_flag=True, help="Tell what would be done, and take it all back.")
def import_(connection: str | None, folder: Path | None, dry_run: bool) -> None:
    """Read accounts, sites, services and people through a directory CONNECTION (its short name).

    What was changed in the hub is never overwritten. Ends with 1 when records had to be left out.
    """
    if (connection is None) == (folder is None):
        raise Invalid("Say either the connection's short name or --folder.")
    with opened() as hub:
        slug = connection or flow.connection_for_folder(hub, OPERATOR, str(folder))
        report = flow.import_now(hub, slug, dry_run=dry_run)
    for line in report.lines:
        click.echo(f"{line.what:<8} {line.where}: {line.sentence}")
    click.echo(f"{'Dry run, nothing was changed: ' if dry_run else ''}{report.summary()}")
    sys.exit(1 if report.failed else 0)
