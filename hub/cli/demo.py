"""`hub demo`: a hub that lives, in a folder of its own."""

import os
import socket
import sys
from pathlib import Path

import click
from sqlalchemy import func, select

from hub.cli.door import opened
from hub.cli.ready import ready
from hub.cli.serve import claim_address, part, parts
from hub.cli.supervise import Supervisor
from hub.config import load
from hub.demo import world
from hub.demo.cast import CUSTOMERS, PASSWORD, STAFF
from hub.demo.folder import Folder, Outside
from hub.domain.accounts import Account


@click.command()
@click.option("--port", type=click.IntRange(1, 65535), envvar="HUB_PORT", default=8000, show_default=True)
@click.option(
    "--folder", type=click.Path(file_okay=False, path_type=Path), default=".demo", show_default=True
)
def demo(port: int, folder: Path) -> None:
    """Start a lively demo: three customers, played monitoring, teams and mail. Ctrl-C ends all of it."""
    place = Folder(folder)
    place.prepare(port)
    place.adopt(os.environ)
    settings = load(os.environ)
    claim_address(settings)
    ready(settings)
    place.leave_word(_fill())
    _welcome(settings.base_url, place)
    commands = {**parts(), "played outside": part("outside", str(folder.absolute()))}
    sys.exit(Supervisor(commands).run())


def _fill() -> Outside:
    ports = world.Ports(*_free_ports(2))
    with opened() as hub:
        with hub.db.read() as session:
            empty = session.scalar(select(func.count()).select_from(Account)) == 0
        if empty:
            click.echo("Filling the demo ...")
            world.fill(hub, ports)
        tokens = world.open_up(hub, ports)
    return Outside(ports.smtp, ports.tool, tokens.monitoring, tokens.tool)


def _free_ports(count: int) -> list[int]:
    probes = [socket.socket() for _ in range(count)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


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
