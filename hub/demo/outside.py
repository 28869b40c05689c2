"""The played outside of the demo in one process: monitoring, teams at their tool, people at their mail."""

import asyncio
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

import click

from hub.base import clock
from hub.config import Settings
from hub.demo.cast import CUSTOMERS, TEAMS, THANKS
from hub.demo.correspondents import Correspondents, Habit
from hub.demo.crews import Crews
from hub.demo.door import Door
from hub.demo.folder import Folder
from hub.demo.mailserver import MailServer
from hub.demo.monitoring import FAULTS, Monitoring
from hub.demo.ticket_tool import TicketTool
from hub.demo.tickets import Tickets
from hub.demo.world import MONITORING, TOOL

EVERY = 20.0
"""Seconds between two steps of monitoring."""


async def play(settings: Settings, folder: Folder) -> None:
    """Play until cancelled: the servers at once, everything that speaks first when the hub answers."""
    word, door = folder.read_word(), Door(settings)
    people = Correspondents(_habits(), _deliver)
    mails = MailServer(folder.mails, say, people.got)
    tickets = Tickets(folder.tickets, lambda number, type_: _hint(door, word.tool_token, number, type_))
    tool = TicketTool(word.tool_port, tickets)
    threading.Thread(target=tool.serve_forever, name="ticket tool", daemon=True).start()
    monitoring = Monitoring(lambda body: _alert(door, word.monitoring_token, body))
    crews = Crews(tickets, {team.queue: team for team in TEAMS if team.queue})
    async with await mails.start(word.smtp_port), asyncio.TaskGroup() as tasks:
        await _until_up(door)
        await asyncio.to_thread(monitoring.begin, FAULTS[0])
        for seconds, step in ((EVERY, monitoring.step), (1.0, people.step), (1.0, crews.step)):
            tasks.create_task(_repeat(seconds, step))


async def _repeat(seconds: float, step: Callable[[], None]) -> None:
    while True:
        await asyncio.sleep(seconds)
        await asyncio.to_thread(step)


async def _until_up(door: Door) -> None:
    while not await asyncio.to_thread(door.is_open):
        await asyncio.sleep(0.1)


def _habits() -> dict[str, Habit]:
    thankful = {human.email: Habit(THANKS) for customer in CUSTOMERS for human in customer.people}
    return thankful | {team.email: Habit(team.answers) for team in TEAMS if not team.queue}


def _alert(door: Door, token: str, body: dict[str, Any]) -> None:
    say(f"monitoring: {body['commonAnnotations']['summary']} ({body['status']})")
    _complain("monitoring", door.post(f"/in/{MONITORING}", token, body))


def _hint(door: Door, token: str, number: int, type_: str) -> None:
    """What a scrip of Request Tracker posts: which ticket to look at."""
    say(f"ticket tool: {type_.lower()} on ticket {number}")
    _complain("ticket tool", door.post(f"/in/{TOOL}", token, {"ticket": number, "type": type_}))


def _complain(who: str, trouble: str) -> None:
    if trouble:
        say(f"{who}: {trouble}")


def _deliver(raw: bytes) -> None:
    """Hand a mail to the hub as a mail server does that pipes into a command."""
    done = subprocess.run(
        [sys.executable, "-m", "hub", "mail", "deliver"], input=raw, capture_output=True, check=False
    )
    say("mail: a reply came in" if done.returncode == 0 else f"mail: {done.stderr.decode().strip()}")


def say(line: str) -> None:
    """One line on the terminal about what the outside does."""
    click.echo(f"{clock.now().astimezone():%H:%M:%S}  {line}")
