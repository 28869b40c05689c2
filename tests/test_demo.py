"""`hub demo` from the first command to a page that moves, and again from the second start on.

The processes and both starts are slow; that the cast and the stand-ins fit the hub is proven in a moment.
"""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from hub.app import create_app
from hub.config import load
from hub.demo import world
from hub.demo.cast import PASSWORD
from hub.demo.folder import Folder
from hub.demo.monitoring import FAULTS, Monitoring
from hub.flows.runtime import Hub
from hub.testing.pages import Browser, Shown
from hub.testing.peers.process import free_port, group_members, start, stop, wait_until
from tests.test_serve import get

WAIT = 90


def kinds(folder: Folder) -> list[str]:
    """The kinds of all timeline entries so far."""
    engine = create_engine(load({}, folder.config).database_url)
    with engine.connect() as connection:
        found = [kind for (kind,) in connection.execute(text("SELECT kind FROM entries"))]
    engine.dispose()
    return found


def run(folder: Folder, port: int, log: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "hub", "demo", "--port", str(port), "--folder", folder.path]
    process = start(command, log)
    wait_until(lambda: get(port, "/healthz")[0] == 200, process, log, WAIT)
    return process


@pytest.mark.usefixtures("moving_clock")
def test_the_cast_meets_a_fault_and_reads_of_it(hub: Hub):
    """On a Monday in office hours, when Kim holds the account."""
    world.fill(hub)
    tokens, app = world.open_up(hub, world.known_ports(hub)), create_app(hub)
    answers: list[int] = []

    def post(body: dict[str, Any]) -> None:
        token = {"Authorization": f"Bearer {tokens.monitoring}"}
        sent = app.test_client().post(f"/in/{world.MONITORING}", json=body, headers=token)
        answers.append(sent.status_code)

    Monitoring(post).begin(FAULTS[0])
    assert answers == [202]
    kim, grace = Browser(app), Browser(app)
    for browser, login in ((kim, "kim@elbe.example"), (grace, "grace@merlion.example")):
        assert browser.sign_in(login, PASSWORD).status_code == 303
    account = next(link for link in Shown(kim.get("/desk").text).links if link.startswith("/desk/nordwind"))
    assert FAULTS[0].summary in kim.get(account.partition("/case/")[0]).text
    assert "Merlion" in grace.get("/portal?all=1").text


@pytest.mark.slow
def test_the_demo_lives_ends_and_goes_on(tmp_path: Path):
    folder, log, port = Folder(tmp_path / "demo"), tmp_path / "log", free_port()
    process = run(folder, port, log)
    try:
        said = log.read_text()
        assert f"http://127.0.0.1:{port}" in said
        assert "kim@elbe.example" in said
        assert "grace@merlion.example" in said
        assert b"<form" in get(port, "/auth/login")[1]
        wait_until(lambda: "alert.raised" in kinds(folder), process, log, WAIT)
        wait_until(lambda: any(folder.mails.glob("*.eml")), process, log, WAIT)
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(20) == 0
        assert group_members(process.pid) == []
    finally:
        stop(process, log, timeout=20)
    entries = len(kinds(folder))
    process = run(folder, free_port(), log)
    stop(process, log, timeout=20)
    assert len(kinds(folder)) >= entries
