"""`python -m bench [--only NAME]`: measure, print the table, write build/bench.json."""

import os
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

import click

from bench import case, ingest, report, start, timeline
from bench.harness import ROUNDS, Probe, Row, Spec, chosen, measure
from bench.load import SECONDS, Crew
from bench.places import core_count

Setup = Callable[[Crew], AbstractContextManager[Sequence[Probe]]]
FAMILIES: tuple[tuple[Sequence[Spec], Setup], ...] = (
    (ingest.SPECS, ingest.probes),
    (case.SPECS, case.probes),
    (timeline.SPECS, timeline.probes),
    (start.SPECS, start.probes),
)
"""Rows that are measured together, and what sets everything up for them."""


@click.command()
@click.option("--only", default="", help="One row, rows that begin with these words, or a pattern with *.")
@click.option("--list", "listing", is_flag=True, help="Say the names of the rows and measure nothing.")
def main(only: str, listing: bool) -> None:
    """Measure the hub beside the limits of this machine. BENCH_SECONDS and BENCH_ROUNDS change how long."""
    plan = [(setup, chosen(specs, only)) for specs, setup in FAMILIES]
    if not any(specs for _, specs in plan):
        sys.exit(f"No row is named {only!r}; `python -m bench --list` says them all.")
    if listing:
        click.echo("\n".join(spec.name for _, specs in plan for spec in specs))
        return
    count = int(os.environ.get("BENCH_ROUNDS", ROUNDS))
    click.echo(f"{core_count()} cores, {count} rounds of {SECONDS:g} s each, load {os.getloadavg()[0]:.2f}")
    found: list[Row] = []
    with Crew() as crew:
        for setup, specs in plan:
            if specs:
                with setup(crew) as probes:
                    found += measure(probes, specs, count, 2 * count + 1)
                report.write(found)
    click.echo(report.table(found))


if __name__ == "__main__":
    main()
