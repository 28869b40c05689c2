"""What a database's error means to people: busy, away, full, taken; everything else is our own mistake.

PostgreSQL speaks the language of its installation, so it is asked for its SQLSTATE, never for its words;
SQLite names its result code.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolIsDry

from hub.base.errors import HubError, Unavailable
from hub.base.text import N_

# serialization_failure, deadlock_detected, lock_not_available
_BUSY_STATES = ("40001", "40P01", "55P03")
_BUSY_CLASS = "53"  # of memory, of connections
_FULL_STATE = "53100"
_AWAY_CLASSES = ("08", "57P")
_TAKEN = ("23505", "23P01", "SQLITE_CONSTRAINT_UNIQUE", "SQLITE_CONSTRAINT_PRIMARYKEY")
# Of SQLite's result codes, whatever follows: SQLITE_BUSY_SNAPSHOT, SQLITE_READONLY_DIRECTORY.
_SQLITE_BUSY = ("SQLITE_BUSY", "SQLITE_LOCKED")
_SQLITE_FULL = "SQLITE_FULL"
_SQLITE_SHUT = ("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_IOERR")


@contextmanager
def known_errors() -> Iterator[None]:
    """What the block's database cannot do now leaves it as something to tell people, the rest as it is."""
    try:
        yield
    except (DBAPIError, PoolIsDry) as error:
        known = as_hub_error(error)
        if known is None:
            raise
        raise known from error


def as_hub_error(error: SQLAlchemyError) -> HubError | None:
    """A lock, a lost connection, a disk full or shut as something to tell people; None for anything else."""
    if isinstance(error, PoolIsDry):
        return _busy()
    if not isinstance(error, DBAPIError):
        return None
    code = _code(error)
    if code in (_FULL_STATE, _SQLITE_FULL):
        return Unavailable(N_("The disk is full. Nothing was saved; the operator must free space."))
    if code in _BUSY_STATES or code.startswith((_BUSY_CLASS, *_SQLITE_BUSY)):
        return _busy()
    if code.startswith(_SQLITE_SHUT):
        return Unavailable(
            N_(
                "The database may not be opened or written. Nothing was saved; the operator must check the "
                "owner and mode of its file and folder, and the disk."
            )
        )
    if _is_away(error, code):
        return Unavailable(
            N_("The database cannot be reached. Nothing was saved; please try again in a moment.")
        )
    return None


def is_taken(error: IntegrityError) -> bool:
    """Whether a unique key is taken, as when two make the same at once; otherwise a row of ours is wrong."""
    return _code(error) in _TAKEN


def _busy() -> Unavailable:
    return Unavailable(N_("The database is busy. Nothing was lost; please try again in a moment."))


def _is_away(error: DBAPIError, code: str) -> bool:
    if error.connection_invalidated or code.startswith(_AWAY_CLASSES):
        return True
    # Without a state it is no word of the server but the driver's own: it found no way there, or lost it.
    return isinstance(error, OperationalError) and getattr(error.orig, "sqlstate", code) is None


def _code(error: DBAPIError) -> str:
    return getattr(error.orig, "sqlstate", None) or getattr(error.orig, "sqlite_errorname", None) or ""
