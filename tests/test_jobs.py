"""Timers: each does its verb, and one that fails stops neither itself for good nor the others."""

import threading
from dataclasses import replace

import pytest
from sqlalchemy.exc import IntegrityError
from structlog.processors import format_exc_info
from structlog.testing import capture_logs

from hub import jobs
from hub.flows.runtime import Hub
from hub.jobs import Timer


def test_every_timer_runs_on_an_empty_hub(hub: Hub):
    jobs.tick_all(hub)


def test_timers_have_names_of_their_own():
    names = [timer.name for timer in jobs.TIMERS]
    assert len(names) == len(set(names))
    assert all(timer.seconds > 0 for timer in jobs.TIMERS)


def test_a_failing_timer_is_logged_and_the_others_go_on(hub: Hub, monkeypatch: pytest.MonkeyPatch):
    failed, ran = threading.Semaphore(0), threading.Semaphore(0)

    def fail(hub: Hub) -> None:
        failed.release()
        raise ValueError("broken on purpose")

    timers = (Timer("fails", 0.05, fail), Timer("works", 0.05, lambda hub: ran.release()))
    monkeypatch.setattr(jobs, "TIMERS", timers)
    with capture_logs() as logs, jobs.running(hub):
        for _ in range(3):
            assert failed.acquire(timeout=10)
            assert ran.acquire(timeout=10)
    lines = [line for line in logs if line["event"] == "timer.failed"]
    assert len(lines) >= 2
    assert {line["timer"] for line in lines} == {"fails"}


def test_what_a_failing_timer_had_in_hand_is_not_logged(hub: Hub):
    def fail(hub: Hub) -> None:
        raise IntegrityError("INSERT", {"title": "a word in confidence"}, Exception("Key (in confidence)"))

    with capture_logs([format_exc_info]) as logs:
        assert not jobs.attempt(hub, Timer("fails", 1, fail))
    [line] = logs
    assert (line["event"], line["error"]) == ("timer.failed", "IntegrityError")
    assert line["frames"][-1].endswith(" in fail")
    assert "in confidence" not in str(logs)


def test_the_worker_ends_only_after_what_is_under_way(hub: Hub, monkeypatch: pytest.MonkeyPatch):
    begun, over = threading.Event(), threading.Event()

    def slow(hub: Hub) -> None:
        begun.set()
        threading.Event().wait(0.3)
        over.set()

    monkeypatch.setattr(jobs, "TIMERS", (replace(jobs.TIMERS[0], run=slow),))
    with jobs.running(hub):
        assert begun.wait(10)
    assert over.is_set()
