"""`hub key`"""

import click

from hub.base.crypto import new_key


@click.command()
def key() -> None:
    """Print a fresh secret key for HUB_SECRET_KEY. Keep a copy: without it stored secrets are lost."""
    click.echo(new_key())
