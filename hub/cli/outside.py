"""`hub outside`: the stand-ins of the demo; a part of `hub demo`."""

import asyncio
import os
import signal
from pathlib import Path

import click

from hub.cli import lifeline
from hub.config import load
from hub.demo.folder import Folder
from hub.demo.outside import play


@click.command(hidden=True)
@click.argument("folder", type=click.Path(path_type=Path))
def outside(folder: Path) -> None:
    """Play monitoring, mail and people for the demo in a folder."""
    lifeline.hold()
    # Ctrl-C reaches every process of the terminal; the supervisor ends this one in its turn.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    asyncio.run(play(load(os.environ), Folder(folder)))
