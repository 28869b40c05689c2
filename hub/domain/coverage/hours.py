"""Weekly hours: local windows in one zone, as instants. Pure arithmetic, no rows."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from hub.base import clock
from hub.base.errors import Invalid
from hub.base.text import N_

DAY = 24 * 60
_DAYS = frozenset(range(7))
_TIME = re.compile(r"([01]\d|2[0-3]):([0-5]\d)|24:00")


@dataclass(frozen=True, slots=True)
class Window:
    """On each of `days` (0 is Monday) from minute `start` to minute `end` of the local day.

    `end` is 1440 for midnight, and more for a window that ends on the day after.
    """

    days: frozenset[int]
    start: int
    end: int

    def on(self, day: date, zone: ZoneInfo) -> tuple[datetime, datetime] | None:
        """The half-open interval that begins on a local day, if one does."""
        if day.weekday() not in self.days:
            return None
        return _boundary(day, self.start, zone), _boundary(day, self.end, zone)


@dataclass(frozen=True, slots=True)
class Hours:
    """When somebody is on, week by week; no windows mean always."""

    windows: tuple[Window, ...]
    zone: ZoneInfo

    def covers(self, at: datetime) -> bool:
        """Whether the instant lies within a window; the end of one belongs to what follows."""
        if not self.windows:
            return True
        day = at.astimezone(self.zone).date()
        return any(start <= at < end for start, end in self._around(day))

    def window_at(self, at: datetime) -> tuple[str, str] | None:
        """The wall times of the window that covers an instant, like ("09:00", "17:30"); None where they are
        always on, or not then."""
        day = at.astimezone(self.zone).date()
        for offset in (-1, 0, 1):
            for window in self.windows:
                interval = window.on(day + timedelta(days=offset), self.zone)
                if interval is not None and interval[0] <= at < interval[1]:
                    return _wall(window.start), _wall(window.end)
        return None

    def _around(self, day: date) -> Iterator[tuple[datetime, datetime]]:
        # The day after counts too: where a zone goes back over midnight, its windows begin "tomorrow".
        for offset in (-1, 0, 1):
            for window in self.windows:
                interval = window.on(day + timedelta(days=offset), self.zone)
                if interval is not None:
                    yield interval

    def boundaries(self, after: datetime) -> Iterator[datetime]:
        """Every instant later than `after` at which a window begins or ends, ascending, without end."""
        if not self.windows:
            return
        day = after.astimezone(self.zone).date() - timedelta(days=1)
        waiting: set[datetime] = set()
        while True:
            for window in self.windows:
                waiting.update(window.on(day, self.zone) or ())
            # No window of a later day begins before its own midnight.
            settled = _boundary(day + timedelta(days=1), 0, self.zone)
            ready = {instant for instant in waiting if instant <= settled}
            yield from sorted(instant for instant in ready if instant > after)
            waiting -= ready
            day += timedelta(days=1)

    def next_start(self, at: datetime) -> datetime | None:
        """The first instant later than `at` at which they are on; None where they always are."""
        return next((instant for instant in self.boundaries(at) if self.covers(instant)), None)


def _wall(minute: int) -> str:
    hours, minutes = divmod(minute if minute <= DAY else minute - DAY, 60)
    return f"{hours:02}:{minutes:02}"


@lru_cache(maxsize=16_384)
def _boundary(day: date, minute: int, zone: ZoneInfo) -> datetime:
    extra, rest = divmod(minute, DAY)
    wall = datetime.combine(day + timedelta(days=extra), time(*divmod(rest, 60)))
    return clock.instant(wall, zone)


def read(stored: Sequence[Mapping[str, Any]], zone: ZoneInfo) -> Hours:
    """Hours as a row stores them: `{"days": [0..6], "from": "09:00", "until": "17:30"}` each.

    A window that ends at or before its start ends on the next day. Windows that fill the week mean always.
    """
    windows = tuple(_window(item) for item in stored)
    return Hours(() if _fills_week(windows) else windows, zone)


def check(stored: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The same windows in the form that is stored; `Invalid` on "hours" for anything else."""
    checked = []
    for item in stored:
        try:
            days = sorted({int(day) for day in item["days"]})
            first, last = str(item["from"]), str(item["until"])
            ok = bool(days) and set(days) <= _DAYS and first != "24:00" and first != last
            ok = ok and bool(_TIME.fullmatch(first)) and bool(_TIME.fullmatch(last))
        except (KeyError, TypeError, ValueError):
            ok = False
        if not ok:
            raise Invalid.field("hours", N_("Hours look like Monday to Friday, 09:00 until 17:30."))
        checked.append({"days": days, "from": first, "until": last})
    return checked


def _window(item: Mapping[str, Any]) -> Window:
    start, end = _minutes(item["from"]), _minutes(item["until"])
    return Window(frozenset(item["days"]), start, end if end > start else end + DAY)


def _minutes(text: str) -> int:
    hours, minutes = text.split(":")
    return int(hours) * 60 + int(minutes)


def _fills_week(windows: Iterable[Window]) -> bool:
    week = 7 * DAY
    spans = sorted((day * DAY + w.start, day * DAY + w.end) for w in windows for day in w.days)
    spans += [(start + week, end + week) for start, end in spans]
    filled = spans[0][0] if spans else 0
    for start, end in spans:
        if start > filled:
            return False
        filled = max(filled, end)
    return bool(spans) and filled - spans[0][0] >= week
