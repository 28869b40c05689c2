"""The table on the screen and `build/bench.json`."""

from collections.abc import Sequence
from pathlib import Path

import orjson

from bench.harness import Row

PLACE = Path("build/bench.json")
_HEAD = ("name", "value", "unit", "against", "ratio", "spread", "bar", "holds", "of")


def write(rows: Sequence[Row], place: Path = PLACE) -> None:
    """Keep the rows as data."""
    place.parent.mkdir(exist_ok=True)
    place.write_bytes(orjson.dumps([row.plain() for row in rows], option=orjson.OPT_INDENT_2) + b"\n")


def table(rows: Sequence[Row]) -> str:
    """The rows as aligned columns, and how many bars hold."""
    cells = [_HEAD, *(_cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(_HEAD))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in cells]
    return "\n".join([*(line.rstrip() for line in lines), "", _summary(rows)])


def _cells(row: Row) -> tuple[str, ...]:
    sign = "≥" if row.spec.unit.endswith("/s") else "≤"
    ends = "" if row.spread is None else " … ".join(map(_ratio, row.spread))
    return (
        row.spec.name,
        _number(row.value),
        row.spec.unit,
        "" if row.against is None else _number(row.against),
        "" if row.ratio is None else _ratio(row.ratio),
        ends,
        "" if row.spec.bar is None else f"{sign} {row.spec.bar}",
        _verdict(row),
        row.spec.of,
    )


def _verdict(row: Row) -> str:
    if row.spec.bar is None:
        return ""
    return {True: "yes", False: "NO", None: "undecided"}[row.holds]


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _ratio(value: float) -> str:
    return f"{value:.3f}" if value < 10 else f"{value:.1f}"


def _summary(rows: Sequence[Row]) -> str:
    barred = [row.holds for row in rows if row.spec.bar is not None]
    return f"{barred.count(True)} bars hold, {barred.count(False)} do not, {barred.count(None)} undecided."
