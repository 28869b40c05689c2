"""`hub plugin`: what was found, what was loaded, and why not."""

import os

import click

from hub.config import load
from hub.plugin import registry


@click.group()
def plugin() -> None:
    """Plugins and their connectors."""


@plugin.command("list")
def show() -> None:
    """List every plugin that is installed, with its connectors or the reason why it is not loaded."""
    found = registry.load(blocked=load(os.environ).blocked_plugins)
    for item in found.plugins():
        click.echo(
            f"{item.name:<20} {item.state:<8} {item.version:<10} {', '.join(item.connectors)}".rstrip()
        )
    for connector in found.connectors():
        can = ", ".join(sorted(connector.capabilities))
        click.echo(f"  {connector.name:<18} {connector.kind:<11} {connector.title} ({can})")
    for problem in found.problems():
        click.echo(f"! {problem.plugin}: {problem.reason}\n  {problem.advice}", err=True)
    if not found.plugins():
        click.echo("No plugins are installed.")
