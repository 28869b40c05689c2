"""The played outside of the demo in one process: monitoring, teams at their tool, people at their mail."""

import asyncio
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import click

from hub.base import clock
from hub.demo import world
from hub.demo.cast import CUSTOMERS, TEAMS, THANKS
from hub.demo.correspondents import Correspondents, Habit
from hub.demo.crews import Crews
from hub.demo.door import Door
from hub.demo.folder import Folder
from hub.demo.mailserver import MailServer
from hub.demo.monitoring import FAULTS, Monitoring
from hub.demo.ticket_tool import TicketTool
from hub.demo.tickets import Tickets
from hub.demo.world import MONITORING, TOOL, Ports
from hub.flows.runtime import Hub

EVERY = 20.0
"""Seconds between two steps of monitoring."""


async def play(hub: Hub, folder: Folder) -> None:
    """Play until cancelled: the servers at once, everything that speaks first when the hub answers."""
    door, known = Door(hub.settings), world.known_ports(hub)
    people = Correspondents(_habits(), _deliver)
    mails = await _listen(MailServer(folder.mails, say, people.got).start, known.smtp)
    tool = TicketTool(known.tool, Tickets(folder.tickets))
    threading.Thread(target=tool.serve_forever, name="ticket tool", daemon=True).start()
    tokens = world.open_up(hub, Ports(mails.sockets[0].getsockname()[1], tool.server_port))
    tool.tickets.changed = lambda number, type_: _hint(door, tokens.tool, number, type_)
    monitoring = Monitoring(lambda body: _alert(door, tokens.monitoring, body))
    crews = Crews(tool.tickets, {team.queue: team for team in TEAMS if team.queue})
    async with mails, asyncio.TaskGroup() as tasks:
        await _until_up(door)
        await asyncio.to_thread(monitoring.begin, FAULTS[0])
        for seconds, step in ((EVERY, monitoring.step), (1.0, people.step), (1.0, crews.step)):
            tasks.create_task(_repeat(seconds, step))


async def _listen(start: Callable[[int], Awaitable[asyncio.Server]], port: int) -> asyncio.Server:
    """On the port that the hub knows, or on any other when somebody else has taken it."""
    try:
        return await start(port)
    except OSError:
        return await start(0)


async def _repeat(seconds: float, step: Callable[[], None]) -> None:
    while True:
        await asyncio.sleep(seconds)
        await asyncio.to_thread(step)


async def _until_up(door: Door) -> None:
    while not await asyncio.to_thread(door.is_open):
        await asyncio.sleep(0.1)


def _habits() -> dict[str, Habit]:
    thankful = {customer.people[0].email: Habit(THANKS) for customer in CUSTOMERS}
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
