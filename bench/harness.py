"""What a measurement is: probes that take turns, and rows that compare them.

A subject and its limit are measured in turns in the same run, because the speed of a shared machine moves by
2-3x between runs. Each round gives one ratio; what is told is the median of the rounds.
"""

import math
import statistics
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from typing import Any

CONFIDENCE = 0.9
ROUNDS = 5


@dataclass(frozen=True, slots=True)
class Probe:
    """Something to measure: one call is one round, and gives a value for each name in `yields`."""

    yields: tuple[str, ...]
    run: Callable[[], Mapping[str, float]]


@dataclass(frozen=True, slots=True)
class Spec:
    """A row of the table: the values named `subject`, against those named `against`, with or without a bar.

    `unit` ends with "/s" where more is better; otherwise it is a time, and less is better. `of` says in words
    what `against` is.
    """

    name: str
    unit: str
    subject: str
    against: str | None = None
    bar: float | None = None
    of: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """A measured row. `spread` is of the rounds' ratios; `holds` is None without a bar, or when undecided."""

    spec: Spec
    value: float
    against: float | None
    ratio: float | None
    spread: tuple[float, float] | None
    holds: bool | None

    @property
    def undecided(self) -> bool:
        """There is a bar, and the rounds do not tell on which side of it the truth lies."""
        return self.spec.bar is not None and self.holds is None

    def plain(self) -> dict[str, Any]:
        """The row as it stands in `build/bench.json`."""
        return {
            "name": self.spec.name,
            "value": _short(self.value),
            "unit": self.spec.unit,
            "against": _short(self.against),
            "ratio": _short(self.ratio),
            "bar": self.spec.bar,
            "spread": None if self.spread is None else [_short(end) for end in self.spread],
            "holds": self.holds,
        }


def _short(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.4g}")


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` of all values do not exceed (nearest rank)."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def spread(ratios: Sequence[float]) -> tuple[float, float]:
    """From where to where the true median lies with 90 % confidence, whatever the distribution.

    It is bounded by two of the ratios themselves: up to seven rounds the smallest and the largest; with more
    rounds single outliers drop out (order statistics; coverage is a sum of binomial coefficients).
    """
    ordered, count = sorted(ratios), len(ratios)
    dropped = 0
    while 2 * (dropped + 1) < count and _coverage(count, dropped + 1) >= CONFIDENCE:
        dropped += 1
    return ordered[dropped], ordered[count - 1 - dropped]


def _coverage(count: int, dropped: int) -> float:
    """How surely the median lies within the values left after `dropped` were cut off at each end."""
    outside = sum(math.comb(count, number) for number in range(dropped + 1))
    return 1 - 2 * outside / float(2**count)


def judge(bar: float | None, between: tuple[float, float], more_is_better: bool) -> bool | None:
    """Whether the bar is met; None where there is none or it lies within the spread."""
    if bar is None:
        return None
    low, high = between if more_is_better else (-between[1], -between[0])
    line = bar if more_is_better else -bar
    if low >= line:
        return True
    return False if high < line else None


def compare(spec: Spec, samples: Mapping[str, Sequence[float]]) -> Row:
    """The row of a spec from the values of all rounds."""
    subject = samples[spec.subject]
    value = statistics.median(subject)
    if spec.against is None:
        return Row(spec, value, None, None, None, None)
    against = samples[spec.against]
    ratios = [mine / limit for mine, limit in zip(subject, against, strict=True)]
    between = spread(ratios)
    told = _coverage(len(ratios), 0) >= CONFIDENCE  # fewer than five rounds decide nothing
    holds = judge(spec.bar, between, spec.unit.endswith("/s")) if told else None
    return Row(spec, value, statistics.median(against), statistics.median(ratios), between, holds)


def rounds(probes: Iterable[Probe], names: set[str], count: int) -> dict[str, list[float]]:
    """Run the probes that yield any of `names` in turns, `count` times."""
    wanted = [probe for probe in probes if names.intersection(probe.yields)]
    samples: dict[str, list[float]] = {name: [] for probe in wanted for name in probe.yields}
    for number in range(count):
        print(f"round {number + 1} of {count}: {len(samples)} values", file=sys.stderr, flush=True)
        for probe in wanted:
            for name, value in probe.run().items():
                samples[name].append(value)
    return samples


def measure(
    probes: Sequence[Probe], specs: Sequence[Spec], count: int = ROUNDS, again: int = 2 * ROUNDS + 1
) -> list[Row]:
    """All rows of a family; undecided ones after one rerun, with more rounds, of what they need."""
    samples = rounds(probes, _needed(specs), count)
    measured = [compare(spec, samples) for spec in specs]
    unclear = [row.spec for row in measured if row.undecided]
    if not unclear:
        return measured
    samples = rounds(probes, _needed(unclear), again)
    return [compare(row.spec, samples) if row.undecided else row for row in measured]


def _needed(specs: Iterable[Spec]) -> set[str]:
    return {name for spec in specs for name in (spec.subject, spec.against) if name is not None}


def chosen(specs: Sequence[Spec], only: str) -> list[Spec]:
    """The specs that `only` names: whole, by what it begins with (up to a dash), or with * and ?."""
    return [
        spec
        for spec in specs
        if not only or fnmatch(spec.name, only) or spec.name.startswith(f"{only.rstrip('-')}-")
    ]
