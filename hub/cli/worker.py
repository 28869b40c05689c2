"""`hub worker`: deliveries, polls and timers."""

import os
import signal
import threading

import click

from hub import jobs
from hub.cli import lifeline, logs
from hub.cli.door import opened
from hub.cli.ready import ready
from hub.cli.serving import settle
from hub.config import load

PATIENCE = 8.0
"""Seconds for calls under way when we are told to end; what is left has a lease and is taken up again."""


@click.command()
@click.option("--supervised", is_flag=True, hidden=True)
def worker(supervised: bool) -> None:
    """Run one worker until Ctrl-C or SIGTERM. Any number of workers may run on PostgreSQL."""
    settings = load(os.environ)
    logs.configure(settings)
    if supervised:
        lifeline.hold()
    ready(settings)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, frame: stop.set())
    with opened() as hub:
        settle()
        with jobs.running(hub):
            stop.wait()
            _end_at_the_latest()


def _end_at_the_latest() -> None:
    timer = threading.Timer(PATIENCE, os._exit, [0])
    timer.daemon = True
    timer.start()
