"""The same deaths as in `test_every_point.py`, on PostgreSQL.

A file of its own, so that two workers of the test run can take one database each.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from copies import postgres_cluster, postgres_copies
from enumeration import die_everywhere
from main_flow import STEPS, Stage, prepare

from hub.testing.peers.postgres import Postgres

pytestmark = [pytest.mark.slow, pytest.mark.real]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Postgres]:
    with postgres_cluster() as running:
        yield running


@pytest.fixture
def stage(cluster: Postgres, tmp_path: Path) -> Stage:
    return prepare(postgres_copies(cluster), tmp_path / "far")


@pytest.mark.parametrize("number", STEPS)
def test_nothing_is_lost_or_doubled(stage: Stage, number: int) -> None:
    die_everywhere(stage, number)
