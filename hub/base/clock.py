"""The only source of now, and the rule that turns a local wall time into one instant."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

_offset: ContextVar[timedelta | None] = ContextVar("clock_offset", default=None)
_fixed: ContextVar[datetime | None] = ContextVar("clock_fixed", default=None)


def now() -> datetime:
    """The present instant, aware, in UTC, cut to microseconds."""
    fixed = _fixed.get()
    if fixed is not None:
        return fixed
    offset = _offset.get()
    present = datetime.now(UTC)
    return present if offset is None else present + offset


@contextmanager
def at(instant: datetime) -> Iterator[None]:
    """Let `now()` answer one instant inside the block (tests and replays)."""
    token = _fixed.set(utc(instant))
    try:
        yield
    finally:
        _fixed.reset(token)


@contextmanager
def shifted(by: timedelta) -> Iterator[None]:
    """Let `now()` run ahead or behind inside the block (tests of clock jumps)."""
    token = _offset.set(by)
    try:
        yield
    finally:
        _offset.reset(token)


def utc(instant: datetime) -> datetime:
    """The same instant in UTC. A naive datetime is a programming error."""
    if instant.tzinfo is None:
        raise TypeError("naive datetime: an instant needs a zone")
    return instant.astimezone(UTC)


def local(there: datetime, zone: ZoneInfo) -> datetime:
    """An instant on the clock of a zone; beyond the ends of the calendar the nearest time it can show.

    What a far side sent, or somebody once typed, never takes a page away.
    """
    try:
        return there.astimezone(zone)
    except OverflowError:
        return datetime.max.replace(tzinfo=zone) if there.year > 1 else datetime.min.replace(tzinfo=zone)


def instant(wall: datetime, zone: ZoneInfo) -> datetime:
    """The one instant of a local wall time (naive `wall`), in UTC.

    A time that the zone skips becomes the first instant after the jump; a time that it repeats
    becomes its first occurrence. So the end of one shift is always the start of the next.
    """
    first = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if first.astimezone(zone).replace(tzinfo=None) == wall:
        return first
    return _after_jump(wall, zone)


def _after_jump(wall: datetime, zone: ZoneInfo) -> datetime:
    """The transition instant of the gap that swallows `wall`, found by bisection."""
    # Outside the gap both folds agree on the offset; the gap lies between these two instants.
    low = wall.replace(tzinfo=zone, fold=1).astimezone(UTC)
    high = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    before = low.astimezone(zone).utcoffset()
    while high - low > timedelta(microseconds=1):
        middle = low + (high - low) / 2
        if middle.astimezone(zone).utcoffset() == before:
            low = middle
        else:
            high = middle
    return high
