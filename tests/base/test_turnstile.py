"""Two processes and one SQLite file: nobody is kept away from it by somebody busier."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.synchronize import Event
from pathlib import Path
from threading import Event as Flag
from threading import Thread

import pytest

from hub.base.turnstile import Turnstile

WRITES = 15


def opened(path: Path) -> sqlite3.Connection:
    file = sqlite3.connect(path / "shared.sqlite", isolation_level=None, check_same_thread=False)
    file.execute("PRAGMA journal_mode=WAL")
    file.execute("PRAGMA busy_timeout=10000")
    return file


class Refused(Exception):
    """What the caller makes of it."""


def begin(file: sqlite3.Connection, turnstile: Turnstile) -> None:
    def last_try() -> None:
        # Who has waited once does not wait again.
        raise Refused(*file.execute("PRAGMA busy_timeout").fetchone())

    turnstile.begin(file, last_try)


def write(file: sqlite3.Connection, turnstile: Turnstile, work: float) -> int:
    """One transaction; answers how many there were before it."""
    begin(file, turnstile)
    (before,) = file.execute("SELECT count(*) FROM written").fetchone()
    file.execute("INSERT INTO written DEFAULT VALUES")
    time.sleep(work)
    file.execute("COMMIT")
    return int(before)


def keep_writing(path: Path, begun: Event, enough: Event) -> None:
    """Three threads that want nothing but to write, as a web process in a bad hour."""
    turnstile = Turnstile(str(path / "turn"))

    def go_on() -> None:
        file = opened(path)
        while not enough.is_set():
            write(file, turnstile, 0.005)
            begun.set()

    threads = [Thread(target=go_on) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@contextmanager
def a_busy_process(path: Path) -> Iterator[None]:
    context = get_context("spawn")
    begun, enough = context.Event(), context.Event()
    process = context.Process(target=keep_writing, args=(path, begun, enough))
    process.start()
    assert begun.wait(30)
    try:
        yield
    finally:
        enough.set()
        process.join(30)
    assert process.exitcode == 0


@pytest.fixture
def file(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    made = opened(tmp_path)
    made.execute("CREATE TABLE written (id INTEGER PRIMARY KEY)")
    yield made
    made.close()


def test_who_writes_seldom_comes_next(tmp_path: Path, file: sqlite3.Connection) -> None:
    turnstile, overtaken = Turnstile(str(tmp_path / "turn")), []
    with a_busy_process(tmp_path):
        for _ in range(WRITES):
            (asked,) = file.execute("SELECT count(*) FROM written").fetchone()
            overtaken.append(write(file, turnstile, 0) - asked)
    # The one at work, the one in the turnstile; a process that the machine lets sleep may miss a turn or two.
    assert sorted(overtaken)[WRITES // 2] <= 3
    assert max(overtaken) <= 12


def test_threads_write_in_the_order_in_which_they_came(tmp_path: Path) -> None:
    turnstile, order = Turnstile(str(tmp_path / "turn")), list[int]()
    until = time.monotonic() + 10

    def come(number: int) -> None:
        with turnstile._entered(until):
            order.append(number)

    threads = [Thread(target=come, args=(number,)) for number in range(12)]
    with turnstile._entered(until):
        for number, thread in enumerate(threads):
            thread.start()
            while len(turnstile._inside._waiting) <= number:
                assert time.monotonic() < until
    for thread in threads:
        thread.join()
    assert order == list(range(12))


def test_who_gave_up_waiting_is_not_waited_for(tmp_path: Path, file: sqlite3.Connection) -> None:
    turnstile, gave_up, until = Turnstile(str(tmp_path / "turn")), list[bool](), time.monotonic() + 10

    def hurry() -> None:
        gave_up.append(not turnstile._inside.acquire(0.01))

    with turnstile._entered(until):
        thread = Thread(target=hurry)
        thread.start()
        thread.join()
    assert gave_up == [True]
    assert write(file, turnstile, 0) == 0


def test_a_turnstile_that_is_stuck_keeps_nobody_from_a_free_file(
    tmp_path: Path, file: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.base.turnstile.TURN", 0.05)
    stuck, other = Turnstile(str(tmp_path / "turn")), Turnstile(str(tmp_path / "turn"))
    file.execute("PRAGMA busy_timeout=10000")
    inside, let_go = Flag(), Flag()

    def stand() -> None:
        with stuck._entered(time.monotonic() + 1):
            inside.set()
            let_go.wait(10)

    thread = Thread(target=stand)
    thread.start()
    assert inside.wait(10)
    assert write(file, other, 0) == 0
    monkeypatch.setattr("hub.base.turnstile.TURN", 60)
    assert write(file, other, 0) == 1, "only the first waits for it, and the second does not wait a minute"
    let_go.set()
    thread.join()


def test_a_file_that_stays_locked_is_given_up_in_time(tmp_path: Path, file: sqlite3.Connection) -> None:
    holder, turnstile = opened(tmp_path), Turnstile(str(tmp_path / "turn"))
    holder.execute("BEGIN IMMEDIATE")
    file.execute("PRAGMA busy_timeout=20")
    with pytest.raises(Refused, match=r"^0$"):
        begin(file, turnstile)
    assert file.execute("PRAGMA busy_timeout").fetchone() == (20,)
    holder.execute("ROLLBACK")
    begin(file, turnstile)
    file.execute("ROLLBACK")
    holder.close()


def test_no_turnstile_is_needed_to_write(tmp_path: Path, file: sqlite3.Connection) -> None:
    nowhere = Turnstile(str(tmp_path / "no" / "such" / "folder" / "turn"))
    assert write(file, nowhere, 0) == 0
