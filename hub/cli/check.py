"""`hub check`: everything that an operator should know, each with what to do."""

import os
import sys

import click

from hub.base.errors import HubError
from hub.cli import database_findings, findings
from hub.cli.findings import Finding
from hub.config import load, strangers

_SIGN = {"ok": ("ok     ", "green"), "warning": ("warning", "yellow"), "error": ("error  ", "red")}


@click.command()
def check() -> None:
    """Look at settings, database, plugins, connections and coverage. Ends with 1 when something is broken."""
    found = _all()
    for finding in found:
        word, colour = _SIGN[finding.level]
        click.echo(f"{click.style(word, fg=colour)}  {finding.what}")
        if finding.advice:
            click.echo(f"         -> {finding.advice}")
    broken = sum(finding.level == "error" for finding in found)
    doubtful = sum(finding.level == "warning" for finding in found)
    click.echo(f"{_count(broken, 'error')}, {_count(doubtful, 'warning')}.")
    sys.exit(1 if broken else 0)


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def _all() -> list[Finding]:
    """Each stage needs the one before it: without settings no database, without a database no connections."""
    found = [_stranger(name, near) for name, near in strangers(os.environ).items()]
    try:
        settings = load(os.environ)
    except HubError as error:
        return [*found, Finding("error", str(error), "Correct it and run `hub check` again.")]
    found.append(Finding("ok", "The settings can be read."))
    found += findings.key(settings)
    found += findings.address(settings)
    database = database_findings.database(settings)
    found += database
    if not findings.usable(found):
        return found
    return found + findings.inside(settings)


def _stranger(name: str, near: str) -> Finding:
    hint = f"Did you mean {near}? " if near else ""
    return Finding("warning", f"{name} is no setting and does nothing.", f"{hint}docs/operations.md has all.")
