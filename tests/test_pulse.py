"""Where no worker is at work nothing is sent or fetched: `hub check` and the administration say so."""

import re
import uuid
from collections.abc import Callable
from datetime import timedelta

import pytest
from click.testing import CliRunner

from hub import jobs
from hub.app import create_app
from hub.base import clock
from hub.cli import main
from hub.config import Settings
from hub.domain import audit, outbox, pulse
from hub.flows.runtime import Hub
from hub.testing.fixtures import MovingClock
from hub.testing.pages import Browser
from hub.testing.world import PASSWORD, World

SILENT = "No worker has been at work"


@pytest.fixture
def said(hub: Hub, settings: Settings) -> Callable[[], str]:
    """What `hub check` says of the worker; empty where it says nothing."""

    def call() -> str:
        own = {"HUB_DATABASE_URL": settings.database_url, "HUB_SECRET_KEY": settings.secret_key}
        output = CliRunner().invoke(main, ["check"], env=own).output
        found = re.search(rf"warning  ({SILENT}.*\n.*)\n", output)
        assert bool(found) == (SILENT in output)
        return found[1] if found else ""

    return call


@pytest.fixture
def shown(hub: Hub, world: World) -> Callable[[], str]:
    """What the first page of the administration shows of the worker."""
    browser = Browser(create_app(hub))

    def call() -> str:
        browser.sign_in("rita@elbe.example", PASSWORD)
        found = re.search(rf"{SILENT}[^<]*", browser.get("/admin").text)
        return found[0] if found else ""

    return call


def put(hub: Hub, after: timedelta = timedelta()) -> uuid.UUID:
    """A delivery that a worker has to send, now or later."""
    with hub.db.write() as session:
        due = clock.now() + after
        return outbox.put(session, "nothing.at.all", {}, due_at=due)


def beat(hub: Hub) -> None:
    """What a worker says of itself."""
    with hub.db.write() as session:
        pulse.beat(session)


def test_a_fresh_hub_is_not_scolded(moving_clock: MovingClock, hub: Hub, said, shown) -> None:
    assert (said(), shown()) == ("", "")
    put(hub, after=timedelta(hours=1))
    assert (said(), shown()) == ("", "")


def test_what_waits_for_a_worker_that_never_was_is_told(
    moving_clock: MovingClock, hub: Hub, said, shown
) -> None:
    put(hub)
    put(hub, after=timedelta(minutes=1))
    moving_clock.forward(timedelta(minutes=14))
    first, advice = said().splitlines()
    assert first == f"{SILENT} yet. The oldest delivery has been due since 2026-03-02 09:00 UTC."
    assert "Start `hub worker`" in advice
    assert shown().startswith(f"{SILENT} yet; start `hub worker`. The oldest delivery has been due since ")


def test_a_worker_that_falls_silent_is_missed_after_two_minutes_and_no_more_once_it_is_back(
    moving_clock: MovingClock, hub: Hub, said, shown
) -> None:
    beat(hub)
    moving_clock.forward(timedelta(minutes=2))
    put(hub)
    assert (said(), shown()) == ("", "")
    moving_clock.forward(timedelta(seconds=1))
    assert said().startswith(
        f"{SILENT} since 2026-03-02 09:00 UTC. The oldest delivery has been due since 2026-03-02 09:02 UTC."
    )
    assert re.fullmatch(
        rf"{SILENT} since \S+; start `hub worker`. The oldest delivery has been due since \S+\.", shown()
    )
    beat(hub)
    assert (said(), shown()) == ("", "")


def test_without_a_worker_nothing_is_fetched_either_so_it_is_missed_although_nothing_waits(
    moving_clock: MovingClock, hub: Hub, said
) -> None:
    beat(hub)
    moving_clock.forward(timedelta(minutes=3))
    assert said().splitlines()[0] == f"{SILENT} since 2026-03-02 09:00 UTC."


def test_a_worker_says_that_it_is_at_work_and_the_audit_log_stays_quiet(
    moving_clock: MovingClock, hub: Hub
) -> None:
    beat(hub)
    moving_clock.forward(timedelta(minutes=3))
    with hub.db.read() as session:
        assert pulse.silence(session) is not None
    jobs.tick_all(hub)
    with hub.db.read() as session:
        assert pulse.silence(session) is None
        assert session.query(audit.AuditLine).filter_by(action="setting.changed").count() == 0
    [timer] = [timer for timer in jobs.TIMERS if "at work" in timer.name]
    assert timedelta(seconds=timer.seconds) * 3 < pulse.QUIET
