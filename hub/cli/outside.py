"""`hub outside`: the stand-ins of the demo; a part of `hub demo`."""

import asyncio
import os
from pathlib import Path

import click

from hub.cli import lifeline
from hub.cli.door import opened
from hub.cli.ready import ready
from hub.config import load
from hub.demo import world
from hub.demo.folder import Folder
from hub.demo.outside import play


@click.command(hidden=True)
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--fill", is_flag=True, help="Only fill the empty hub.")
def outside(folder: Path, fill: bool) -> None:
    """Play monitoring, mail and people for the demo in a folder."""
    if fill:
        ready(load(os.environ))
        with opened() as hub:
            world.fill(hub)
        return
    lifeline.hold()
    with opened() as hub:
        asyncio.run(play(hub, Folder(folder)))
