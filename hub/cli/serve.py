"""`hub serve`: the pages and one worker under one command."""

import os
import socket
import sys

import click

from hub.base.errors import Misconfigured
from hub.base.secret_key import raw_key
from hub.cli.supervise import Supervisor
from hub.config import Settings, load


@click.command()
@click.option("--no-worker", is_flag=True, help="Pages only; run `hub worker` elsewhere.")
def serve(no_worker: bool) -> None:
    """Run the pages and one worker. Ctrl-C or SIGTERM ends both; a part that dies is restarted.

    Each part looks at the database itself, so this process stays small and both start side by side.
    """
    settings = load(os.environ)
    raw_key(settings.secret_key)  # the parts would say it too, but each for itself and later
    claim_address(settings)
    click.echo(f"Contact Hub at {settings.base_url} (listening on {settings.host}:{settings.port})")
    sys.exit(Supervisor(parts(worker=not no_worker)).run())


def parts(*, worker: bool = True) -> dict[str, list[str]]:
    """The processes of one node: name -> command line."""
    found = {"web server": part("web", "--supervised")}
    if worker:
        found["worker"] = part("worker", "--supervised")
    return found


def part(*arguments: str) -> list[str]:
    """The command line of `hub` with some arguments, by this interpreter."""
    return [sys.executable, "-m", "hub", *arguments]


def claim_address(settings: Settings) -> None:
    """Say at once that the address is taken, instead of a web server that dies again and again."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            raise Misconfigured(
                f"Cannot listen on {settings.host} port {settings.port}: {error.strerror}. "
                "Set HUB_HOST and HUB_PORT to an address that is free."
            ) from None
