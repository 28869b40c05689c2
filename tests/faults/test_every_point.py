"""The hub's process dies at every statement, commit and outward call of the main flow, one after the other.

After a restart nothing is lost, and nothing is doubled but what says of itself that it may be a repeat. Here
on SQLite; `test_every_point_postgresql.py` does the same there.
"""

from collections import Counter
from pathlib import Path

import far_sides
import pytest
from copies import sqlite_copies
from enumeration import die_everywhere
from main_flow import STEPS, Stage, main_flow, outcome, prepare, settle

from hub.domain import cases

pytestmark = pytest.mark.slow


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return prepare(sqlite_copies(tmp_path), tmp_path / "far")


@pytest.mark.parametrize("number", STEPS)
def test_nothing_is_lost_or_doubled(stage: Stage, number: int) -> None:
    die_everywhere(stage, number)


def test_the_flow_comes_to_its_end(stage: Stage) -> None:
    """The enumeration is only worth something if the flow does what it should when nothing dies."""
    assert len(main_flow(stage)) == len(STEPS)
    for _, outside, step in main_flow(stage):
        outside(stage)
        stage.processes.carry_out(step)
    settle(stage)
    found = outcome(stage)
    assert found.cases == Counter({cases.CaseState.RESOLVED: 1})
    assert found.orders == Counter({"done": 1})
    assert found.tickets == 1
    assert found.entries["message.published"] == 1
    assert found.entries["message.customer"] == 1
    assert found.entries["order.message"] == 1
    told = Counter(key.split()[0] for key in found.mails)
    assert told[stage.world.nordwind.login] == 2
    assert told["kim@elbe.example"] >= 3
    assert len(far_sides.read(stage.folder, "told")) == 0
