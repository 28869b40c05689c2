"""Who writes next to a SQLite file: whoever came next, in whichever process.

SQLite lets each writer find out by trying, with longer and longer naps between. A busy process takes the file
again within the naps of the others, until they give up: 503 for their webhooks, a worker that sends nothing.
So writers come to a turnstile first. One stands in it, and only that one tries, and often; whoever had the
file last has to come to the turnstile again.

It decides about turns alone. What keeps two writers apart is the database's own lock, as ever.
"""

import fcntl
import os
import sqlite3
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock

NAP = 0.0005
"""Seconds between two tries; a small transaction takes several times as long."""
COURTESY = 2 * NAP
"""For so long after a process left the turnstile it does not enter it again: another's nap ends meanwhile.
The writer that it let through is at work all that time, so this makes nobody wait longer."""

TURN = 1.0
"""Seconds that one waits for another process's turn to end before it tries without."""
LET_BE = 10.0
"""Seconds without turns after one that was stuck: somebody stood in the turnstile and did not take the free
file, a stopped process say, which must not cost each writer a second."""


class Turnstile:
    """The turnstile of one database file, for the threads of this process and all others of the machine."""

    def __init__(self, path: str) -> None:
        """`path`: an empty file that stays; nobody needs to keep or copy it."""
        self._path, self._file, self._left, self._stuck = path, -1, 0.0, -LET_BE
        self._inside = _Queue()

    def begin(self, driver: sqlite3.Connection, last_try: Callable[[], object]) -> None:
        """Begin a transaction that writes, within the connection's own `busy_timeout`.

        `last_try` begins it, too, or raises what is the matter in the caller's own way.
        """
        (patience,) = driver.execute("PRAGMA busy_timeout").fetchone()
        until = time.monotonic() + patience / 1000
        driver.execute("PRAGMA busy_timeout=0")
        try:
            with self._entered(until) as in_turn:
                code = _begin(driver)
                if code == sqlite3.SQLITE_OK and not in_turn:
                    self._stuck = time.monotonic()
                while code == sqlite3.SQLITE_BUSY and time.monotonic() < until:
                    time.sleep(NAP)
                    code = _begin(driver)
            if code != sqlite3.SQLITE_OK:
                last_try()
        finally:
            driver.execute(f"PRAGMA busy_timeout={patience}")

    @contextmanager
    def _entered(self, until: float) -> Iterator[bool]:
        """Stand in it for the block. Who cannot in time goes on without: the database has the last word.

        False where another process stood in it all that time.
        """
        if not self._inside.acquire(max(0.0, until - time.monotonic())):
            yield True
            return
        try:
            taken = self._take(until)
            try:
                yield taken is not False
            finally:
                if taken:
                    fcntl.flock(self._file, fcntl.LOCK_UN)
                self._left = time.monotonic()
        finally:
            self._inside.release()

    def _take(self, until: float) -> bool | None:
        """Whether the turn is ours; None where there are no turns."""
        begun = time.monotonic()
        if begun < self._stuck + LET_BE:
            return None
        if begun < self._left + COURTESY:
            time.sleep(self._left + COURTESY - begun)
        try:
            if self._file < 0:
                self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            while not _locked(self._file):
                if time.monotonic() > min(until, begun + TURN):
                    return False
                time.sleep(NAP)
        except OSError:
            # A folder or a file system that cannot do this: turns are SQLite's affair then.
            return None
        return True

    def close(self) -> None:
        """Give the file back; it opens again when it is needed."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


class _Queue:
    """A lock for threads that come one after the other. Of a plain lock's waiters any may be next, so that in
    a crowd somebody waits too long."""

    def __init__(self) -> None:
        self._lock, self._taken = Lock(), False
        self._waiting: deque[Lock] = deque()

    def acquire(self, timeout: float) -> bool:
        with self._lock:
            if not self._taken:
                self._taken = True
                return True
            turn = Lock()
            turn.acquire()
            self._waiting.append(turn)
        if turn.acquire(timeout=timeout):
            return True
        with self._lock:
            if turn not in self._waiting:
                return True  # handed over in this very moment
            self._waiting.remove(turn)
            return False

    def release(self) -> None:
        with self._lock:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._taken = False


def _locked(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _begin(driver: sqlite3.Connection) -> int:
    """SQLite's result code: 0, or why it could not."""
    try:
        driver.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError as error:
        return error.sqlite_errorcode & 0xFF
    return sqlite3.SQLITE_OK
