"""What the tests of the plugin room share."""

from collections.abc import Iterator

import pytest

from hub.plugin.addresses import parse_networks
from hub.plugin.http import GuardedClient, HttpOptions
from hub.testing.network import loopback_only
from hub.testing.peers.recorder import Recorder, recorder

__all__ = ["loopback_only"]

LOOPBACK = parse_networks(["127.0.0.0/8", "::1"])


@pytest.fixture
def peer() -> Iterator[Recorder]:
    """A far side that does as the test says."""
    with recorder() as far_side:
        yield far_side


@pytest.fixture
def client() -> Iterator[GuardedClient]:
    """A client that may reach this machine, patient enough for a busy one."""
    guarded = GuardedClient(HttpOptions(networks=LOOPBACK, read=10, max_bytes=100_000))
    yield guarded
    guarded.close()


@pytest.fixture
def impatient() -> Iterator[GuardedClient]:
    """A client that gives up on a silent far side after a moment."""
    guarded = GuardedClient(HttpOptions(networks=LOOPBACK, read=0.3))
    yield guarded
    guarded.close()
