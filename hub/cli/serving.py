"""What each web process runs: its own hub and the pages around it."""

import gc
import os
import signal

from flask import Flask

from hub.app import create_app, create_hub
from hub.cli import lifeline, logs
from hub.config import load


def application() -> Flask:
    """The pages of one process, created after the fork so that no connection is shared."""
    # The fork inherited the parent's handler, which would swallow a SIGTERM until the server sets its own.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    lifeline.follow_parent()
    settings = load(os.environ)
    logs.configure(settings)
    app = create_app(create_hub(settings))
    settle()
    return app


def settle() -> None:
    """Take what start-up made out of the garbage collector's sight: it stays until the end anyway.

    Full collections over these objects were most of the slowest page times.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
