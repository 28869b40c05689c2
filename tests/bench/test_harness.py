"""The arithmetic of the measurements; nothing here takes time."""

import itertools
import random
import statistics
from collections.abc import Mapping

import pytest

from bench import report
from bench.harness import Probe, Row, Spec, chosen, compare, judge, measure, percentile, spread

RATE = Spec("ingest-x-1-new", "alerts/s", "mine", "limit", 0.15)
TIME = Spec("timeline-x-p50", "ms", "mine", "limit", 1.15)


def test_five_rounds_spread_from_the_smallest_to_the_largest() -> None:
    assert spread([3, 1, 2, 5, 4]) == (1, 5)


def test_more_rounds_let_single_outliers_drop_out() -> None:
    assert spread([0.01, 1.0, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.7, 1.8, 99.0]) == (1.1, 1.7)


def test_the_spread_holds_the_true_median_nine_times_in_ten() -> None:
    chance = random.Random(7)
    for count in (5, 8, 11, 15):
        tries = [spread([chance.expovariate(1) for _ in range(count)]) for _ in range(2000)]
        held = sum(low <= 0.6931 <= high for low, high in tries)
        assert held / 2000 > 0.88, count


@pytest.mark.parametrize(
    ("between", "more_is_better", "holds"),
    [
        ((0.16, 0.20), True, True),
        ((0.15, 0.20), True, True),
        ((0.14, 0.20), True, None),
        ((0.10, 0.14), True, False),
        ((0.10, 0.14), False, True),
        ((0.16, 0.20), False, False),
        ((0.14, 0.16), False, None),
    ],
)
def test_a_bar_within_the_spread_is_undecided(
    between: tuple[float, float], more_is_better: bool, holds: bool | None
) -> None:
    assert judge(0.15, between, more_is_better) is holds


def test_medians_and_ratios_are_of_the_rounds() -> None:
    row = compare(RATE, {"mine": [10, 30, 20, 21, 19], "limit": [100, 100, 100, 70, 95]})
    assert (row.value, row.against) == (20, 100)
    assert row.ratio == statistics.median([0.1, 0.3, 0.2, 0.3, 0.2])
    assert row.spread == (0.1, 0.3)
    assert row.holds is None


def test_less_is_better_where_the_unit_is_a_time() -> None:
    samples = {"mine": [1.0] * 5, "limit": [1.0] * 5}
    assert compare(TIME, samples).holds is True
    assert compare(TIME, samples | {"mine": [1.2] * 5}).holds is False


def test_fewer_than_five_rounds_decide_nothing() -> None:
    assert compare(RATE, {"mine": [90] * 4, "limit": [100] * 4}).undecided
    assert compare(RATE, {"mine": [90] * 5, "limit": [100] * 5}).holds is True


def test_percentiles_are_values_that_were_measured() -> None:
    values = [float(number) for number in range(100, 0, -1)]
    assert (percentile(values, 0.5), percentile(values, 0.99), percentile([7.0], 0.99)) == (50, 99, 7)


class Counted:
    """A probe that takes its values from a list in turn and remembers the order of all calls."""

    def __init__(self, calls: list[str], name: str, *values: float) -> None:
        self._calls, self._name, self._values = calls, name, itertools.cycle(values)

    def probe(self) -> Probe:
        return Probe((self._name,), self._run)

    def _run(self) -> Mapping[str, float]:
        self._calls.append(self._name)
        return {self._name: next(self._values)}


def test_subject_and_limit_take_turns() -> None:
    calls: list[str] = []
    probes = [Counted(calls, "limit", 100).probe(), Counted(calls, "mine", 20).probe()]
    (row,) = measure(probes, [RATE], 5, 11)
    assert row.holds is True
    assert calls == ["limit", "mine"] * 5


def test_an_undecided_row_is_measured_once_more_with_more_rounds() -> None:
    calls: list[str] = []
    probes = [
        Counted(calls, "limit", 100).probe(),
        Counted(calls, "mine", 20, 20, 20, 20, 10, *[20] * 11).probe(),
        Counted(calls, "other", 1).probe(),
    ]
    plain = Spec("other", "alerts/s", "other", "limit", None)
    first, second = measure(probes, [RATE, plain], 5, 11)
    assert first.holds is True
    assert calls.count("mine") == 16
    assert calls.count("other") == 5, "what is clear is not measured again"
    assert second.holds is None
    assert not second.undecided


def test_what_stays_undecided_is_said_and_does_not_count_as_met() -> None:
    probes = [Counted([], "limit", 100).probe(), Counted([], "mine", 10, 20).probe()]
    (row,) = measure(probes, [RATE], 5, 11)
    assert row.undecided
    assert row.plain()["holds"] is None
    assert "undecided" in report.table([row])
    assert "0 bars hold, 0 do not, 1 undecided." in report.table([row])


def test_rows_are_chosen_by_name_by_beginning_and_by_pattern() -> None:
    names = ("ingest-postgres-1-new", "ingest-postgres-10-new", "timeline-sqlite-staff-first-p50")
    specs = [Spec(name, "ms", "a") for name in names]

    def found(only: str) -> list[str]:
        return [spec.name for spec in chosen(specs, only)]

    assert found("") == list(names)
    assert found("ingest") == list(names[:2])
    assert found("ingest-postgres-1") == [names[0]]
    assert found("ingest-postgres-10-new") == [names[1]]
    assert found("*-p50") == [names[2]]
    assert found("nothing") == []


def test_the_file_has_the_agreed_fields() -> None:
    row = Row(RATE, 123.456, 1000.0, 0.123456, (0.1, 0.2), None)
    assert row.plain() == {
        "name": "ingest-x-1-new",
        "value": 123.5,
        "unit": "alerts/s",
        "against": 1000.0,
        "ratio": 0.1235,
        "bar": 0.15,
        "spread": [0.1, 0.2],
        "holds": None,
    }
