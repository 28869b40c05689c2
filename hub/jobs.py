"""Every timer of the hub, one line each, each calling one verb.

APScheduler only ticks. Every tick is safe to run on every node at once: what it does is claimed in the
database.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, timedelta

import structlog
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from sqlalchemy.orm import Session

from hub.base import clock
from hub.base.errors import Unavailable, frames
from hub.domain import cases, connections, coverage, pulse, sessions
from hub.flows import delivery, directory, hanging, intake, mailroom, reconcile, sync
from hub.flows.delivery import Dispatcher
from hub.flows.runtime import Hub

DELIVER_SECONDS = 1.0
MOST_BATCHES = 100
SESSIONS_KEPT = timedelta(days=7)
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Timer:
    """Something that is done every so many seconds."""

    name: str
    seconds: float
    run: Callable[[Hub], object]


def _once(verb: Callable[[Session], object]) -> Callable[[Hub], object]:
    """One transaction around a verb."""

    def run(hub: Hub) -> None:
        with hub.db.write() as session:
            verb(session)

    return run


def _until_none(verb: Callable[[Session], int]) -> Callable[[Hub], object]:
    """Transactions around a verb that takes a batch at a time, until it finds nothing or the next tick."""

    def run(hub: Hub) -> None:
        for _ in range(MOST_BATCHES):
            with hub.db.write() as session:
                if not verb(session):
                    return

    return run


def _forget_sessions(session: Session) -> None:
    sessions.prune(session, SESSIONS_KEPT)


TIMERS = (
    Timer("say that a worker is at work", 30, _once(pulse.beat)),
    Timer("record duty that changed by itself", 20, _until_none(coverage.record_due)),
    Timer("share cases whose time has come", 15, _until_none(cases.share_due)),
    Timer("close solved cases that nobody reopened", 60, _until_none(cases.close_due)),
    Timer("parse what was too slow to parse at the door", 2, intake.parse_waiting),
    Timer("ask team tools for news", 5, sync.poll_due),
    Timer("ask monitoring systems what fires", 30, reconcile.poll_due),
    Timer("read directories", 60, directory.poll_due),
    Timer("fetch mail", 5, mailroom.poll_due),
    Timer("tell which calls hang", 15, hanging.tell),
    Timer("forget old sessions and rate windows", 600, _once(_forget_sessions)),
    Timer("forget old health events", 3600, _once(connections.prune)),
)


def tick_all(hub: Hub) -> None:
    """Run every timer once and deliver what is due: what a worker does, without waiting (tests, commands)."""
    for timer in TIMERS:
        timer.run(hub)
    delivery.run_due(hub)


@contextmanager
def running(hub: Hub) -> Iterator[None]:
    """A worker for the length of the block; at its end it finishes what is under way."""
    # A tick that still runs when the next one is due is ordinary here and no warning.
    logging.getLogger("apscheduler").setLevel(logging.ERROR)
    dispatcher = Dispatcher(hub)
    deliver = Timer("deliver", DELIVER_SECONDS, lambda hub: _deliver(dispatcher))
    scheduler = _scheduler(hub, (deliver, *TIMERS))
    scheduler.start()
    try:
        yield
    finally:
        scheduler.shutdown(wait=True)
        dispatcher.close()


def _scheduler(hub: Hub, timers: tuple[Timer, ...]) -> BackgroundScheduler:
    scheduler = BackgroundScheduler(
        timezone=UTC,
        executors={"default": ThreadPoolExecutor(len(timers))},
        job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
    )
    for timer in timers:
        scheduler.add_job(
            attempt, "interval", (hub, timer), seconds=timer.seconds, next_run_time=clock.now(), id=timer.name
        )
    return scheduler


def attempt(hub: Hub, timer: Timer) -> bool:
    """Run one timer; whether it ended well. A failure is logged, and the next tick tries again."""
    try:
        timer.run(hub)
    except Unavailable as error:
        log.warning("timer.unavailable", timer=timer.name, reason=str(error))
        return False
    except Exception as error:
        log.error("timer.failed", timer=timer.name, error=type(error).__name__, frames=frames(error))
        return False
    return True


def _deliver(dispatcher: Dispatcher) -> None:
    while dispatcher.tick():
        pass
