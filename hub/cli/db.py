"""`hub db`: the database's shape."""

import click

from hub import migrations
from hub.cli.door import settings as read_settings
from hub.cli.ready import plain_engine


@click.group()
def db() -> None:
    """Prepare or upgrade the database."""


@db.command()
def upgrade() -> None:
    """Apply the migrations that are missing. Safe to repeat; take a backup first."""
    settings = read_settings()
    if migrations.at_head(plain_engine(settings.database_url)):
        click.echo("The database is up to date.")
        return
    migrations.upgrade(settings.database_url)
    click.echo("The database fits this version now.")
