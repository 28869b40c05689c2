"""Several processes under one command: started together, restarted when one dies, ended together."""

import os
import select
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import FrameType

import click

QUICK = 5.0
"""Seconds: a part that dies sooner after its start has not started."""
QUICK_DEATHS = 3
WRONG_SETTING = 78
"""EX_CONFIG of sysexits.h: a part says that starting it again changes nothing."""
PATIENCE = 12.0
"""Seconds until a part that does not end is killed; the web server itself takes up to 5."""
LOOK_AGAIN = 0.1
"""Seconds between two looks whether a part's turn has come."""


@dataclass(slots=True)
class Part:
    """One process under supervision; `quick` counts deaths right after the start."""

    name: str
    command: Sequence[str]
    turn: Callable[[], bool]
    process: "subprocess.Popen[bytes] | None" = None
    started: float = 0.0
    restart_at: float = 0.0
    quick: int = 0

    def is_due(self) -> bool:
        """Whether it does not run, and may start now."""
        if self.process is not None or self.restart_at > time.monotonic():
            return False
        if self.turn():
            return True
        self.restart_at = time.monotonic() + LOOK_AGAIN
        return False

    def start(self, lifeline: int) -> None:
        """Start it with the lifeline as its standard input: it ends when we are gone, however we went."""
        self.process = subprocess.Popen(self.command, stdin=lifeline)  # noqa: S603
        self.started = time.monotonic()

    def died(self) -> bool:
        """Whether it ran and has ended."""
        return self.process is not None and self.process.poll() is not None

    def plan_restart(self) -> None:
        """Restart at once after a long life, later and later after short ones."""
        now = time.monotonic()
        self.quick = self.quick + 1 if now - self.started < QUICK else 0
        self.restart_at = now + self.quick
        self.process = None


class Supervisor:
    """Runs its parts until a signal ends it or a part cannot be kept alive.

    They start side by side, but a part named in `turns` only once that says that its turn has come.
    """

    def __init__(
        self, commands: Mapping[str, Sequence[str]], turns: Mapping[str, Callable[[], bool]] | None = None
    ) -> None:
        given = turns or {}
        self._parts = [
            Part(name, command, given.get(name, lambda: True)) for name, command in commands.items()
        ]
        self._ending = False
        self._failure = 1
        self._wake, self._bell = socket.socketpair()
        self._bell.setblocking(False)

    def run(self) -> int:
        """The exit code: 0 after a signal, 1 when a part died again and again, 78 for a wrong setting."""
        self._listen()
        lifeline, held = os.pipe()
        try:
            while not self._ending and self._keep_alive(lifeline):
                select.select([self._wake], [], [], self._pause())
                self._drain()
        finally:
            self._end_all()
            os.close(held)
            os.close(lifeline)
        return 0 if self._ending else self._failure

    def _listen(self) -> None:
        signal.set_wakeup_fd(self._bell.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._end)

    def _end(self, number: int, frame: FrameType | None) -> None:
        self._ending = True

    def _drain(self) -> None:
        while select.select([self._wake], [], [], 0)[0]:
            self._wake.recv(4096)

    def _keep_alive(self, lifeline: int) -> bool:
        for part in self._parts:
            if part.died():
                assert part.process is not None
                code = part.process.returncode
                click.echo(f"The {part.name} ended with {code}.", err=True)
                part.plan_restart()
                if code == WRONG_SETTING or part.quick >= QUICK_DEATHS:
                    self._failure = WRONG_SETTING if code == WRONG_SETTING else 1
                    click.echo(f"The {part.name} does not stay up; giving up. See the lines above.", err=True)
                    return False
            if part.is_due():
                part.start(lifeline)
        return True

    def _pause(self) -> float | None:
        waits = [part.restart_at - time.monotonic() for part in self._parts if part.process is None]
        return max(0.0, min(waits)) if waits else None

    def _end_all(self) -> None:
        alive = [part.process for part in self._parts if part.process is not None]
        for process in alive:
            if process.poll() is None:
                process.terminate()
        deadline = time.monotonic() + PATIENCE
        for process in alive:
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
