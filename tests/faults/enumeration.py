"""Every point of one step in turn: die there, start again, and compare with an undisturbed life."""

import killing
from main_flow import Outcome, Stage, main_flow, outcome, settle


def die_everywhere(stage: Stage, number: int) -> None:
    """The process dies at every point of step `number`; after a restart nothing is lost or doubled."""
    for _, outside, step in main_flow(stage)[:number]:
        outside(stage)
        stage.processes.carry_out(step)
    name, outside, step = main_flow(stage)[number]
    outside(stage)
    stage.keep()
    points = killing.points_of(stage.processes, step)
    settle(stage)
    expected = outcome(stage)
    assert points > 5, name
    for point in range(1, points + 1):
        stage.restore()
        where = f"{name}, point {point} of {points}"
        assert killing.killed_at(stage.processes, step, point), where
        stage.processes.carry_out(step)
        settle(stage)
        compare(outcome(stage), expected, where)


def compare(found: Outcome, expected: Outcome, where: str) -> None:
    """Nothing is lost, and nothing is doubled but what says of itself that it may be a repeat."""
    assert (found.cases, found.orders) == (expected.cases, expected.orders), where
    assert found.entries == expected.entries, where
    assert found.tickets == expected.tickets, where
    # Message-IDs differ from run to run; a mail that went out twice did so under one Message-ID.
    twice = sum(count - 1 for count in found.mails.values())
    assert len(found.mails) == len(expected.mails), where
    assert twice <= len(found.repeats), where
    assert max(found.mails.values(), default=1) <= 2, where
