"""`hub web`: the web server alone; a part of `hub serve`."""

import logging
import os
import sys

import click
from granian import Granian
from granian.constants import Interfaces
from granian.log import LogLevels

from hub.cli import lifeline, serving
from hub.cli.ready import ready
from hub.config import load

BLOCKING_THREADS = 8
"""Threads of each process. Webhooks that come at once share a transaction, and each waits for it in a thread
of its own; for pages alone two would do, since more only hand the interpreter lock around."""
KILL_TIMEOUT = 5
MOST_UNASKED = 4
"""So many processes run at most where nobody said how many: each takes memory and database connections."""


def one_a_core() -> int:
    """A process for each core that this one may use, within reason."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return min(cores or 1, MOST_UNASKED)


def _is_news(record: logging.LogRecord) -> bool:
    """Not the server's doubts about so many threads at every start: they are meant (BLOCKING_THREADS)."""
    return "Python threads" not in record.getMessage()


@click.command(hidden=True)
@click.option("--supervised", is_flag=True, help="End when standard input closes.")
def web(supervised: bool) -> None:
    """Run the pages alone: `hub serve --no-worker` without its watch over the process."""
    settings = load(os.environ)
    if supervised:
        lifeline.hold()
    ready(settings)
    logging.getLogger("_granian").addFilter(_is_news)
    server = Granian(
        # The parent has imported the application's code by now, so its processes share that memory.
        f"{serving.__name__}:application",
        address=settings.host,
        port=settings.port,
        interface=Interfaces.WSGI,
        workers=settings.processes or one_a_core(),
        blocking_threads=BLOCKING_THREADS,
        workers_kill_timeout=KILL_TIMEOUT,
        respawn_failed_workers=True,
        factory=True,
        log_level=LogLevels.warning,
    )
    server.serve()
    sys.exit(0)
