"""What strangers can cause is told now and then, and not as often as they like."""

from collections.abc import Hashable
from datetime import datetime, timedelta
from threading import Lock

from hub.base import clock


class Seldom:
    """Says of each thing once in a while, in this process, that it is to be told."""

    def __init__(self, every: timedelta) -> None:
        self._every, self._lock = every, Lock()
        self._told: dict[Hashable, datetime] = {}

    def due(self, key: Hashable) -> bool:
        """Whether it was not told for a while; whoever asks tells it."""
        now = clock.now()
        with self._lock:
            told = self._told.get(key)
            if told is not None and now - told < self._every:
                return False
            self._told[key] = now
            return True
