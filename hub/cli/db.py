"""`hub db`: the database's shape."""

import os

import click

from hub import migrations
from hub.base.errors import Misconfigured
from hub.cli.ready import NEWER, shape_of
from hub.config import load


@click.group()
def db() -> None:
    """Prepare or upgrade the database."""


@db.command()
def upgrade() -> None:
    """Apply the migrations that are missing. Safe to repeat; take a backup first."""
    settings = load(os.environ)
    state = shape_of(settings.database_url)
    if state == "ahead":
        raise Misconfigured(NEWER)
    if state == "fits":
        click.echo("The database is up to date.")
        return
    migrations.upgrade(settings.database_url)
    click.echo("The database fits this version now.")
