"""`start-demo`: the second `hub demo` of a folder, from the command to its first page."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path

from bench.harness import Probe, Spec
from bench.load import Crew
from hub.testing.peers.process import free_port, scratch, start, stop, wait_until

NAME = "start-demo"
SPECS = [Spec(NAME, "s", NAME)]


@contextmanager
def probes(crew: Crew) -> Iterator[list[Probe]]:
    """A demo that was filled before; the crew has nothing to do here."""
    with scratch("bench") as folder:
        _seconds(folder)
        yield [Probe((NAME,), lambda: {NAME: _seconds(folder)})]


def _seconds(folder: Path) -> float:
    port, log = free_port(), folder / "log"
    command = [sys.executable, "-m", "hub", "demo", "--port", str(port), "--folder", str(folder / "demo")]
    begun = time.perf_counter()
    process = start(command, log)
    try:
        wait_until(lambda: _is_up(port), process, log, timeout=120)
        taken = time.perf_counter() - begun
        # Ended as people end it: a worker that is cut off would leave its calls to the next start.
        os.killpg(process.pid, signal.SIGINT)
        process.wait(30)
        return taken
    except subprocess.TimeoutExpired:
        raise RuntimeError(f"the demo did not end: {log.read_text()[-2000:]}") from None
    finally:
        stop(process, log, timeout=20)


def _is_up(port: int) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/auth/login")
        return connection.getresponse().status == 200
    finally:
        connection.close()
