"""How often a sign-in may be tried: nobody guesses for long, and nobody is locked out from elsewhere.

Tries are counted before any password is looked at, so that tries made at once are all counted. A name is
counted together with the address that tries it: who guesses from one address makes nobody wait at another.
An address is counted for itself too, whatever the names. A good sign-in forgives its own name at its own
address; of the address's count it takes back only itself.
"""

from datetime import timedelta

from hub.base.db import NOBODY
from hub.base.errors import TooMany
from hub.domain import sessions
from hub.web import doors
from hub.web.words import ngettext

PER_NAME = (
    (5, timedelta(minutes=1)),
    (10, timedelta(minutes=15)),
    (20, timedelta(hours=4)),
)
"""How many tries in which time, one after the other: whoever goes on waits longer and longer."""
PER_ADDRESS = (60, timedelta(minutes=15))


def count(login: str) -> None:
    """Count this try of a name from the request's address; `TooMany` when there were too many."""
    address, name = _keys(login)
    with doors.hub().db.write(NOBODY) as counting:
        wait = sessions.hit(counting, address, *PER_ADDRESS)
        for limit, window in PER_NAME:
            # A refused try counts no further, so that impatience does not make the wait longer.
            wait = wait or sessions.hit(counting, _window_key(name, window), limit, window)
    if wait:
        minutes = -(-wait // 60)
        text = ngettext(
            "Too many tries. Please wait a minute and try again.",
            "Too many tries. Please wait %(num)d minutes and try again.",
            minutes,
        )
        raise TooMany(text, wait)


def forgive(login: str) -> None:
    """The try that was counted last was a good one."""
    address, name = _keys(login)
    session = doors.session()
    sessions.take_back(session, address, PER_ADDRESS[1])
    for _limit, window in PER_NAME:
        sessions.forgive(session, _window_key(name, window))


def _keys(login: str) -> tuple[str, str]:
    address = doors.sender_digest()
    tried = f"{login.strip().casefold()}\0{address}"
    return f"address:{address}", "login:" + doors.hub().keyring.sign("rate", tried.encode()).hex()


def _window_key(name: str, window: timedelta) -> str:
    return f"{name}:{int(window.total_seconds())}"
