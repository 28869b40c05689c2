"""The command line: one group whose commands are modules, each loaded only when it is called."""

import os
import sys
from importlib import import_module
from typing import Any

import click

from hub import __version__
from hub.base.errors import HubError, Misconfigured
from hub.cli.supervise import WRONG_SETTING
from hub.config import CONFIG

COMMANDS = {
    "demo": "Start a lively demo in a folder of its own.",
    "serve": "Run the pages and one worker.",
    "worker": "Run one worker: deliveries, polls, timers.",
    "check": "Say what is wrong with this hub and what to do about it.",
    "db": "Prepare or upgrade the database.",
    "user": "Add people who sign in.",
    "key": "Print a fresh secret key.",
    "plugin": "List plugins and connectors.",
    "connection": "List connections and their health.",
    "mail": "Take in a mail from standard input.",
    "directory": "Import accounts, people, sites and services.",
}
_HIDDEN = ("web", "outside")


class _WrongSetting(click.ClickException):
    exit_code = WRONG_SETTING


class Dispatcher(click.Group):
    """Finds command `name` in module `hub.cli.name`, so that `hub key` does not import a web server."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The visible commands, in the order in which one needs them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command's module and take the command of the same name out of it."""
        if cmd_name not in COMMANDS and cmd_name not in _HIDDEN:
            return None
        command: click.Command = getattr(import_module(f"hub.cli.{cmd_name}"), cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; an error that is meant for people ends it with its sentence."""
        try:
            return super().invoke(ctx)
        except HubError as error:
            raise (_WrongSetting if isinstance(error, Misconfigured) else click.ClickException)(
                str(error)
            ) from error


@click.group(cls=Dispatcher, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="hub")
@click.option("--config", help="TOML file with settings (or HUB_CONFIG).")
def main(config: str | None) -> None:
    """Contact Hub: one accountable contact and one timeline for every customer account."""
    if config is not None:
        # Parts that `serve` starts are processes of their own and read it from there.
        os.environ[CONFIG] = os.path.abspath(config)
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
