"""`hub mail`: mail in, from a mail server that pipes into a command."""

import sys

import click

from hub.base.errors import Misconfigured, Unavailable
from hub.cli.door import opened
from hub.flows import mailroom

TRY_AGAIN = 75
"""EX_TEMPFAIL of sysexits.h: the mail server keeps the mail and comes again."""


@click.group()
def mail() -> None:
    """Mail in."""


@mail.command()
def deliver() -> None:
    """Take in one mail from standard input. Ends with 0 once it is kept, with 75 to be called again."""
    raw = sys.stdin.buffer.read()
    try:
        with opened() as hub:
            outcome = mailroom.deliver(hub, raw)
    except (Misconfigured, Unavailable) as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(TRY_AGAIN)
    click.echo(f"The mail is {outcome}.")
