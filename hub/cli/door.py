"""How a command gets its settings and its hub."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from hub.app import create_hub
from hub.config import Settings, load
from hub.domain.audit import Actor
from hub.flows.runtime import Hub

OPERATOR = Actor("hub", "Operator (command line)")


def settings() -> Settings:
    """The settings of this process."""
    return load(os.environ)


@contextmanager
def opened() -> Iterator[Hub]:
    """The hub of this process for the length of a command."""
    hub = create_hub(settings())
    try:
        yield hub
    finally:
        hub.close()
