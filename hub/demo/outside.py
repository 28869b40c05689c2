"""The played outside of the demo: monitoring, a mail server, and people who answer their mail."""

import asyncio
import http.client
import json
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import click

from hub.base import clock
from hub.config import Settings
from hub.demo.cast import CUSTOMERS, TEAMS, THANKS
from hub.demo.correspondents import Correspondents, Habit
from hub.demo.folder import Folder
from hub.demo.mailserver import MailServer
from hub.demo.monitoring import FAULTS, Monitoring
from hub.demo.world import MONITORING

EVERY = 20.0
"""Seconds between two steps of monitoring; mail is answered between them."""


async def play(settings: Settings, folder: Folder) -> None:
    """Play until cancelled: start the mail server at once, everything else when the hub answers."""
    word = folder.read_word()
    people = Correspondents(_habits(), lambda raw: _deliver(raw))
    mails = MailServer(folder.mails, _say, people.got)
    server = await mails.start(word.smtp_port)
    monitoring = Monitoring(lambda body: _post(settings, word.monitoring_token, body))
    async with server, asyncio.TaskGroup() as tasks:
        await _until_up(settings)
        await asyncio.to_thread(monitoring.begin, FAULTS[0])
        tasks.create_task(_repeat(EVERY, monitoring.step))
        tasks.create_task(_repeat(1.0, people.step))


async def _repeat(seconds: float, step: Any) -> None:
    while True:
        await asyncio.sleep(seconds)
        await asyncio.to_thread(step)


async def _until_up(settings: Settings) -> None:
    while not await asyncio.to_thread(_is_up, settings):
        await asyncio.sleep(0.1)


def _is_up(settings: Settings) -> bool:
    try:
        return _request(settings, "GET", "/healthz") == 200
    except OSError:
        return False


def _habits() -> dict[str, Habit]:
    thankful = {human.email: Habit(THANKS) for customer in CUSTOMERS for human in customer.people}
    return thankful | {team.email: Habit(team.answers) for team in TEAMS}


def _post(settings: Settings, token: str, body: dict[str, Any]) -> None:
    """What Alertmanager does: post the notification, and leave it to the next one if the hub is away."""
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    _say(f"monitoring: {body['commonAnnotations']['summary']} ({body['status']})")
    try:
        status = _request(settings, "POST", f"/in/{MONITORING}", json.dumps(body).encode(), headers)
    except OSError as error:
        _say(f"monitoring: the hub does not answer ({error})")
        return
    if status >= 300:
        _say(f"monitoring: the hub answered {status}")


def _request(
    settings: Settings,
    method: str,
    path: str,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
) -> int:
    connection = http.client.HTTPConnection(settings.host, settings.port, timeout=10)
    try:
        connection.request(method, path, body, dict(headers or {}))
        answer = connection.getresponse()
        answer.read()
        return answer.status
    finally:
        connection.close()


def _deliver(raw: bytes) -> None:
    """Hand a mail to the hub as a mail server does that pipes into a command."""
    done = subprocess.run(
        [sys.executable, "-m", "hub", "mail", "deliver"], input=raw, capture_output=True, check=False
    )
    _say("a reply by mail came in" if done.returncode == 0 else f"a reply failed: {done.stderr.decode()}")


def _say(line: str) -> None:
    click.echo(f"{clock.now().astimezone():%H:%M:%S}  {line}")
