"""Ending the hub's process at a chosen point: before a statement, before or after a commit, around a call."""

import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import far_sides
import structlog
from sqlalchemy import event

from hub.app import create_hub
from hub.config import Settings
from hub.flows.runtime import Hub
from hub.plugin.outward import Outward

Step = Callable[[Hub], object]
PLUGINS = (("far", far_sides),)


@dataclass
class Processes:
    """Lives of the hub, one after the other, on one database.

    Code, plugins and compiled statements are loaded once; connections and slots, which is all else that a
    process has, are new in every life.
    """

    settings: Settings
    _loaded: Hub = field(init=False)

    def __post_init__(self) -> None:
        self._loaded = create_hub(self.settings, plugins=PLUGINS)

    def start(self) -> Hub:
        """A process begins, in this one; `close` left the pool of the one before empty."""
        return replace(self._loaded, outward=Outward(structlog.get_logger()))

    def carry_out(self, step: Step) -> None:
        """A life in which nothing happens to the step."""
        hub = self.start()
        step(hub)
        hub.close()


class Points:
    """Counts the points that a step passes and ends the process, without any goodbye, at one of them."""

    def __init__(self, deadly: int | None) -> None:
        self.passed, self._deadly = 0, deadly

    def __call__(self, *ignored: Any) -> None:
        self.passed += 1
        if self.passed == self._deadly:
            os.kill(os.getpid(), signal.SIGKILL)

    def watch(self, hub: Hub) -> None:
        """Make every statement, commit and return of a connection of this process a point."""
        for engine in hub.db.engines:
            for moment in ("before_cursor_execute", "commit", "checkin"):
                event.listen(engine, moment, self)
        far_sides.point = self


def points_of(processes: Processes, step: Step) -> int:
    """How many points a step passes when nothing happens to it; it is carried out."""
    return _in_child(processes, step, None)


def killed_at(processes: Processes, step: Step, point: int) -> bool:
    """Carry out a step in a process that dies at the point; false when it ended before."""
    return _in_child(processes, step, point) == -1


def _in_child(processes: Processes, step: Step, deadly: int | None) -> int:
    """The number of points passed, or -1 if the child died at its point.

    Forked from this warm process, so that a kill costs milliseconds; this process must hold no open
    connection and no other thread.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _live(processes, step, Points(deadly), writing)
    os.close(writing)
    with os.fdopen(reading, "rb") as answer:
        said = answer.read()
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
        return -1
    if os.WEXITSTATUS(status) != 0:
        raise AssertionError(f"the step failed by itself: {said.decode()}")
    return int(said)


def _live(processes: Processes, step: Step, points: Points, writing: int) -> None:
    """The child's life; never returns, and runs none of the parent's clean-up."""
    try:
        hub = processes.start()
        points.watch(hub)
        step(hub)
        os.write(writing, str(points.passed).encode())
        os._exit(0)
    except BaseException as error:
        os.write(writing, f"{type(error).__name__}: {error}".encode())
        sys.stderr.flush()
        os._exit(1)
