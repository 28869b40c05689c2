"""What a process owes the one above it: it ends when told to, once, and when that one is gone."""

import multiprocessing
import os
import signal
import sys
import threading
import time

LOOK_AGAIN = 1.0
"""Seconds between two looks whether the parent is still there."""
GRACE = 5.0
"""Seconds to end what is under way once the parent is gone."""


def hold() -> None:
    """End this process by SIGTERM when the supervisor is gone, even when it was killed.

    Standard input is a pipe into which nobody ever writes; it closes when the supervisor ends. Ctrl-C reaches
    every process of a terminal; it is the supervisor's to hear, which then tells each part by SIGTERM. A web
    process that got both would hang until it is killed. Blocked, not ignored: a handler set later by a
    library changes nothing, and forked processes inherit it.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    threading.Thread(target=_watch, args=(sys.stdin.fileno(),), name="lifeline", daemon=True).start()


def _watch(pipe: int) -> None:
    os.read(pipe, 1)
    os.kill(os.getpid(), signal.SIGTERM)


def follow_parent() -> None:
    """End this process soon after the one that forked it, even when that was killed and could tell nobody.

    Forked processes share their parent's address: left alone they would answer beside the next ones, and
    keep the address from the next start. Standard input is closed in them, so they look who their parent is.
    """
    forked_by = multiprocessing.parent_process()
    # The parent may be gone before this process first looks.
    expected = os.getppid() if forked_by is None else forked_by.pid
    threading.Thread(target=_follow, args=(expected,), name="parent", daemon=True).start()


def _follow(parent: int | None) -> None:
    while os.getppid() == parent:
        time.sleep(LOOK_AGAIN)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE)
    os._exit(1)
