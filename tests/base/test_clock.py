"""Now has one source, and a local wall time has one instant."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.base import clock

ZONES = sorted(available_timezones())
BERLIN = ZoneInfo("Europe/Berlin")


def test_now_is_aware_and_moves_only_by_hand_inside_a_block() -> None:
    assert clock.now().tzinfo is UTC
    with clock.at(datetime(2026, 3, 2, 10, tzinfo=BERLIN)):
        assert clock.now() == datetime(2026, 3, 2, 9, tzinfo=UTC)
    with clock.shifted(timedelta(hours=1)):
        assert clock.now() > datetime.now(UTC) + timedelta(minutes=59)


def test_a_naive_instant_is_a_type_error() -> None:
    with pytest.raises(TypeError):
        clock.utc(datetime(2026, 3, 2))


@pytest.mark.parametrize(
    ("zone", "wall", "expected"),
    [
        ("Europe/Berlin", "2026-03-29T02:30", "2026-03-29T01:00+00:00"),
        ("Europe/Berlin", "2026-10-25T02:30", "2026-10-25T00:30+00:00"),
        ("Australia/Lord_Howe", "2026-10-04T02:15", "2026-10-03T15:30+00:00"),
        ("Australia/Lord_Howe", "2026-04-05T01:45", "2026-04-04T14:45+00:00"),
        ("Pacific/Apia", "2011-12-30T12:00", "2011-12-30T10:00+00:00"),
        ("Asia/Beirut", "2026-03-29T00:10", "2026-03-28T22:00+00:00"),
        ("UTC", "2026-03-29T02:30", "2026-03-29T02:30+00:00"),
    ],
)
def test_a_skipped_time_is_the_end_of_the_gap_and_a_repeated_one_its_first(
    zone: str, wall: str, expected: str
) -> None:
    found = clock.instant(datetime.fromisoformat(wall), ZoneInfo(zone))
    assert found == datetime.fromisoformat(expected)


WALLS = st.datetimes(datetime(2011, 1, 1), datetime(2037, 12, 31))


@given(st.sampled_from(ZONES), WALLS, st.integers(0, 7200))
def test_later_on_the_wall_is_never_earlier_in_time(zone: str, wall: datetime, seconds: int) -> None:
    place = ZoneInfo(zone)
    first, second = (clock.instant(w, place) for w in (wall, wall + timedelta(seconds=seconds)))
    shown = first.astimezone(place).replace(tzinfo=None)
    assert shown >= wall
    if shown == wall:
        for minutes in (30, 60, 120):
            earlier = (first - timedelta(minutes=minutes)).astimezone(place).replace(tzinfo=None)
            assert earlier != wall
    assert second >= first
