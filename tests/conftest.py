"""Fixtures that every test may use."""

from hub.testing.fixtures import *  # noqa: F403
