"""The other end of the supervisor's lifeline: a part that nobody supervises any more ends itself."""

import os
import signal
import sys
import threading


def hold() -> None:
    """End this process by SIGTERM when the supervisor is gone, even when it was killed.

    Standard input is a pipe into which nobody ever writes; it closes when the supervisor ends.
    """
    threading.Thread(target=_watch, args=(sys.stdin.fileno(),), name="lifeline", daemon=True).start()


def _watch(pipe: int) -> None:
    os.read(pipe, 1)
    os.kill(os.getpid(), signal.SIGTERM)
