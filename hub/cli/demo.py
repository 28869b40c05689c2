"""`hub demo`: a hub that lives, in a folder of its own."""

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import click

from hub.cli.serve import claim_address, part, parts
from hub.cli.supervise import Supervisor
from hub.config import Settings, load
from hub.demo.cast import CUSTOMERS, PASSWORD, STAFF
from hub.demo.door import Door
from hub.demo.folder import Folder


@click.command()
@click.option("--port", type=click.IntRange(1, 65535), envvar="HUB_PORT", default=8000, show_default=True)
@click.option(
    "--folder", type=click.Path(file_okay=False, path_type=Path), default=".demo", show_default=True
)
def demo(port: int, folder: Path) -> None:
    """Start a lively demo: three customers, played monitoring, teams and mail. Ctrl-C ends all of it."""
    place = Folder(folder)
    with place.held():
        # Before anything is written: a demo that cannot start changes nothing of the one it would have been.
        claim_address(Settings(port=port))
        place.prepare(port)
        sys.exit(_run(place))


def _run(place: Folder) -> int:
    place.adopt(os.environ)
    settings = load(os.environ)
    played = part("outside", str(place.path.absolute()))
    if not _is_filled(place):
        click.echo("Filling the demo ...")
        if failed := subprocess.run([*played, "--fill"], check=False).returncode:  # noqa: S603
            return failed
    _welcome(settings.base_url, place)
    # The worker comes last, so that the pages have a processor for themselves until they answer, and so that
    # the far sides listen before it calls them.
    turns = {"worker": Door(settings, patience=1).is_open}
    return Supervisor({**parts(), "played outside": played}, turns).run()


def _is_filled(place: Folder) -> bool:
    """Asked of the file itself: the demo's second start imports nothing of the hub in this process."""
    if not place.database.exists():
        return False
    with closing(sqlite3.connect(place.database)) as connection:
        try:
            return connection.execute("SELECT 1 FROM accounts LIMIT 1").fetchone() is not None
        except sqlite3.OperationalError:
            return False  # a first start was cut off before its tables were there


def _welcome(address: str, place: Folder) -> None:
    admin = next(human for human in STAFF if "admin" in human.roles)
    click.echo(f"\n  The demo is at  {address}\n")
    people = (
        ("contact", STAFF[0]),
        ("contact", STAFF[1]),
        ("contact", STAFF[2]),
        ("admin", admin),
        *((f"customer ({customer.name})", customer.people[0]) for customer in CUSTOMERS),
    )
    for what, human in people:
        click.echo(f"  {human.login:<24} {human.name:<16} {what}")
    click.echo(f"\n  Password of everybody:  {PASSWORD}")
    click.echo(f"  Mails that the hub sends are kept in {place.mails}")
    click.echo("  Ctrl-C ends everything; delete the folder to start anew.\n")
