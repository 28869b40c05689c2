"""`hub mail`: mail in, from a mail server that pipes into a command."""

import sys

import click

from hub.base.errors import HubError, frames
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
    except BaseException as error:
        # Whatever it is: a mail server makes a bounce of any other code, and the mail is gone.
        click.echo(f"Error: {_reason(error)}", err=True)
        sys.exit(TRY_AGAIN)
    click.echo(f"The mail is {outcome}.")


def _reason(error: BaseException) -> str:
    """One line for the mail server's log. An error that was not foreseen may quote the mail: only where."""
    if isinstance(error, HubError):
        return " ".join(str(error).split())
    return f"The mail is not kept: {type(error).__name__} at {(frames(error, 1) or ['?'])[0]}"
