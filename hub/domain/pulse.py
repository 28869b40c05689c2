"""Whether a worker is at work: each writes so, since pages and commands see no other process."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from hub.base import clock
from hub.domain import outbox
from hub.domain.accounts import note_setting, setting

KEY = "worker"
QUIET = timedelta(minutes=2)
"""So long nothing is heard of a worker that is at work at most; it says so several times in between."""


@dataclass(frozen=True, slots=True)
class Silence:
    """No worker is at work: `since` its last word, None if there never was one.

    `oldest_due` is when the oldest of the waiting deliveries should have been sent; None while none waits.
    """

    since: datetime | None
    oldest_due: datetime | None


def beat(session: Session) -> None:
    """A worker says that it is at work."""
    note_setting(session, KEY, {"at": clock.now().isoformat()})


def silence(session: Session) -> Silence | None:
    """None while a worker is at work, and on a fresh hub that has nothing for one to do."""
    stored, oldest = setting(session, KEY), outbox.oldest_due(session)
    if stored is None:
        return None if oldest is None else Silence(None, oldest)
    last = datetime.fromisoformat(stored["at"])
    return Silence(last, oldest) if clock.now() - last > QUIET else None
