"""`hub db`: the database's shape."""

import os

import click

from hub import migrations
from hub.base.shape import at_head
from hub.cli.ready import plain_engine
from hub.config import load


@click.group()
def db() -> None:
    """Prepare or upgrade the database."""


@db.command()
def upgrade() -> None:
    """Apply the migrations that are missing. Safe to repeat; take a backup first."""
    settings = load(os.environ)
    with plain_engine(settings.database_url).connect() as connection:
        fits = at_head(connection)
    if fits:
        click.echo("The database is up to date.")
        return
    migrations.upgrade(settings.database_url)
    click.echo("The database fits this version now.")
