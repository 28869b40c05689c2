"""`hub serve` as an operator runs it: it answers, it mends itself, and it ends without a trace."""

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hub.config import Settings
from hub.testing.peers.process import free_port, group_members, start, stop, wait_until


def get(port: int, path: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


@pytest.fixture
def environ(settings: Settings) -> dict[str, str]:
    return {
        "HUB_DATABASE_URL": settings.database_url,
        "HUB_SECRET_KEY": settings.secret_key,
        "HUB_PORT": str(free_port()),
        "HUB_PROCESSES": "2",
    }


@pytest.fixture
def served(environ: dict[str, str], tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], int, Path]]:
    """A running `hub serve`: the process, its port and its log."""
    log, port = tmp_path / "log", int(environ["HUB_PORT"])
    process = start([sys.executable, "-m", "hub", "serve"], log, env=environ)
    try:
        wait_until(lambda: get(port, "/healthz")[0] == 200, process, log, 90)
        yield process, port, log
    finally:
        stop(process, log, timeout=20)


def parts(process: subprocess.Popen[bytes], word: str) -> list[int]:
    """Process ids of the group whose command line holds a word."""
    found = []
    for pid in group_members(process.pid):
        command = Path(f"/proc/{pid}/cmdline")
        if word in (command.read_bytes().decode() if command.exists() else "").split("\0"):
            found.append(pid)
    return found


def parent(pid: int) -> int:
    """The process that a process hangs on; 0 for one that is gone."""
    stat = Path(f"/proc/{pid}/stat")
    return int(stat.read_text().rpartition(")")[2].split()[1]) if stat.exists() else 0


def pages(process: subprocess.Popen[bytes]) -> tuple[int, list[int]]:
    """The web server's parent, and the processes that it forked."""
    found = parts(process, "web")
    (head,) = (pid for pid in found if parent(pid) == process.pid)
    return head, [pid for pid in found if parent(pid) == head]


def soon(done: Callable[[], bool], seconds: float) -> bool:
    """Whether something is so in time, also once the supervisor has ended."""
    end = time.monotonic() + seconds
    while not done():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def is_free(port: int) -> bool:
    """Whether nobody listens on a port: the next `hub serve` may start."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def test_it_answers_and_ends_without_a_trace(served):
    process, port, log = served
    assert get(port, "/readyz")[0] == 200
    assert parts(process, "worker")
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 0, log.read_text()
    assert group_members(process.pid) == []


@pytest.mark.slow
def test_ctrl_c_reaches_every_process_at_once_and_ends_all(served):
    process, _, log = served
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(20) == 0, log.read_text()
    assert group_members(process.pid) == []
    said = log.read_text()
    # A web process that hears Ctrl-C and the supervisor both would hang until it is killed.
    assert [word for word in ("Traceback", "Killing", "Unexpected exit") if word in said] == []


@pytest.mark.slow
def test_a_worker_that_dies_is_replaced_and_pages_go_on(served):
    process, port, log = served
    (worker,) = parts(process, "worker")
    os.kill(worker, signal.SIGKILL)
    wait_until(lambda: parts(process, "worker") not in ([], [worker]), process, log, 20)
    assert get(port, "/healthz")[0] == 200


@pytest.mark.slow
def test_pages_whose_parent_is_killed_give_way_to_new_ones(served):
    process, port, log = served
    wait_until(lambda: len(pages(process)[1]) == 2, process, log, 20)
    head, old = pages(process)
    os.kill(head, signal.SIGKILL)
    assert soon(lambda: not set(old) & set(group_members(process.pid)), 10)
    wait_until(lambda: get(port, "/readyz")[0] == 200, process, log, 20)
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 0, log.read_text()
    assert group_members(process.pid) == []
    assert is_free(port)


@pytest.mark.slow
def test_pages_end_with_a_parent_that_had_to_be_killed_at_the_end(served):
    process, port, log = served
    wait_until(lambda: len(pages(process)[1]) == 2, process, log, 20)
    os.kill(pages(process)[0], signal.SIGSTOP)
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 0, log.read_text()
    assert soon(lambda: group_members(process.pid) == [], 10)
    assert is_free(port)


def test_a_taken_port_is_said_at_once(environ: dict[str, str]):
    with socket.create_server(("127.0.0.1", int(environ["HUB_PORT"]))):
        done = subprocess.run(
            [sys.executable, "-m", "hub", "serve"],
            env={**os.environ, **environ},
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
    assert done.returncode == 78
    assert re.search(r"Cannot listen on 127\.0\.0\.1 port \d+: .*HUB_PORT", done.stderr)


def test_log_lines_for_people_show_call_by_call_where_it_broke(environ: dict[str, str]):
    code = (
        "import os, structlog; from hub.base.errors import frames; from hub.cli import logs; "
        "from hub.config import load; logs.configure(load(os.environ));\n"
        "def inner(): raise ValueError('secret')\n"
        "try: inner()\n"
        "except ValueError as error: structlog.get_logger().error('broke', frames=frames(error))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **environ, "HUB_LOG_FORMAT": "text"},
        capture_output=True,
        text=True,
        check=True,
    )
    first, *calls = done.stderr.splitlines()
    assert "broke" in first
    assert calls == ["    <string>:3 in <module>", "    <string>:2 in inner"]
    assert "secret" not in done.stderr


def test_log_lines_are_json_where_a_collector_reads_them(environ: dict[str, str]):
    code = (
        "import os, structlog; from hub.cli import logs; from hub.config import load;"
        "logs.configure(load(os.environ)); structlog.get_logger().warning('odd', text='two\\nlines')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **environ, "HUB_LOG_FORMAT": "json"},
        capture_output=True,
        text=True,
        check=True,
    )
    line = json.loads(done.stderr)
    assert (line["event"], line["level"], line["text"]) == ("odd", "warning", "two\\nlines")
