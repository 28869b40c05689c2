"""Fixtures that every test may use."""

import gc

from hub.testing.fixtures import *  # noqa: F403


def pytest_collection_finish() -> None:
    """What was imported and collected stays: no garbage collection need look at it again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
