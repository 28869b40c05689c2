"""How a command gets its hub."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from hub.app import create_hub
from hub.cli.ready import fitting
from hub.config import load
from hub.domain.audit import Actor
from hub.flows.runtime import Hub

OPERATOR = Actor("hub", "Operator (command line)")


@contextmanager
def opened() -> Iterator[Hub]:
    """The hub of this process for the length of a command, once its database is known to fit."""
    settings = load(os.environ)
    fitting(settings)
    hub = create_hub(settings)
    try:
        yield hub
    finally:
        hub.close()
