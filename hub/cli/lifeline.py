"""What a part owes its supervisor: it ends when told to, once, and when the supervisor is gone."""

import os
import signal
import sys
import threading


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
