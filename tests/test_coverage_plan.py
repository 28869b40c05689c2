"""Planned duty is arithmetic: exactly one person at every instant, and a change exactly when it says."""

import uuid
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hub.base import clock
from hub.base.errors import Invalid
from hub.domain.coverage import hours as weekly
from hub.domain.coverage import plan as planning
from hub.domain.coverage.hours import Hours, Window
from hub.domain.coverage.plan import Answer, Away, Fallback, Plan, Post, Reach

# Half an hour of summer time, summer time that ends for Ramadan, clocks that jump at midnight (both ways).
ZONES = [
    ZoneInfo(name)
    for name in (
        *("Europe/Berlin", "Australia/Lord_Howe", "Africa/Casablanca", "America/Santiago", "Africa/Cairo"),
        *("America/Havana", "America/New_York", "Asia/Kolkata", "Pacific/Apia", "UTC"),
    )
]
NIGHTS = [
    *("2026-03-29T01:00", "2026-10-25T01:00", "2026-04-04T15:00", "2026-10-03T15:30", "2026-02-15T02:00"),
    *("2026-03-22T02:00", "2026-09-06T04:00", "2026-04-05T03:00", "2026-04-23T22:00", "2026-10-29T21:00"),
    *("2026-03-08T05:00", "2026-11-01T05:00", "2011-12-30T10:00"),
]
"""Every night of the year on which one of the zones changes its clocks, and the day that Samoa left out."""

PEOPLE = [uuid.UUID(int=n) for n in range(1, 6)]
LAST = Fallback(uuid.UUID(int=99), "Rita", Reach("Rita", "", ""))
STEP = timedelta(minutes=15)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


instants = st.builds(
    lambda night, minutes: utc(night) + timedelta(minutes=minutes),
    st.sampled_from(NIGHTS),
    st.integers(-3 * 1440, 3 * 1440),
)
minutes = st.integers(0, 95).map(lambda quarter: quarter * 15)
windows = st.builds(
    lambda days, start, length: Window(frozenset(days), start, start + length),
    st.sets(st.integers(0, 6), min_size=1),
    minutes,
    st.integers(1, 95).map(lambda quarter: quarter * 15),
)
some_hours = st.builds(Hours, st.lists(windows, max_size=2).map(tuple), st.sampled_from(ZONES))


@st.composite
def posts(draw: st.DrawFn) -> Post:
    role = draw(st.sampled_from(["named", "deputy", "escalation"]))
    person = draw(st.integers(0, len(PEOPLE) - 1))
    start = draw(instants)
    length = draw(st.none() | st.integers(1, 4 * 1440))
    return Post(
        id=uuid.UUID(int=draw(st.integers(1000, 10**9))),
        person_id=PEOPLE[person],
        person_name=f"P{person}",
        role=role,
        reach=Reach(f"P{person}", "", ""),
        hours=draw(some_hours),
        valid_from=start,
        valid_until=None if length is None else start + timedelta(minutes=length),
        level=draw(st.integers(1, 2)) if role == "escalation" else 0,
        position=draw(st.integers(0, 2)),
        depth=draw(st.integers(0, 2)),
    )


aways = st.builds(
    lambda start, length: Away(start, start + timedelta(minutes=length)), instants, minutes.filter(bool)
)
plans = st.builds(
    lambda some, away, disabled, idle: Plan(tuple(some), LAST, away, disabled, idle),
    st.lists(posts(), max_size=4, unique_by=lambda post: post.id),
    st.dictionaries(st.sampled_from(PEOPLE), st.lists(aways, max_size=2).map(tuple), max_size=3),
    st.dictionaries(st.sampled_from(PEOPLE), instants, max_size=2),
    st.frozensets(st.sampled_from(PEOPLE), max_size=2),
)


def can(plan: Plan, post: Post, at: datetime) -> bool:
    """Told once more, in the words of the rule."""
    gone = plan.disabled.get(post.person_id)
    away = any(a.starts_at <= at < a.ends_at for a in plan.away.get(post.person_id, ()))
    valid = post.valid_from <= at and (post.valid_until is None or at < post.valid_until)
    overridden = any(
        (p.role, p.level) == (post.role, post.level)
        and p.depth < post.depth
        and p.valid_from <= at
        and (p.valid_until is None or at < p.valid_until)
        for p in plan.posts
    )
    works = post.person_id not in plan.idle and (gone is None or at < gone)
    return valid and not away and not overridden and works and post.hours.covers(at)


@given(plans, instants)
def test_the_first_in_order_who_can_is_responsible(plan: Plan, at: datetime) -> None:
    ranks = ["named", "deputy", "escalation"]
    able = [post for post in plan.posts if can(plan, post, at)]
    able.sort(key=lambda p: (ranks.index(p.role), p.level, p.position, p.valid_from, p.id))
    found = planning.answer(plan, at)
    assert found.holder == planning.holder(plan, at)
    if able:
        assert found.holder == (able[0].person_id, able[0].id)
        assert found.reasons[-1]["code"] == "on_duty"
    else:
        assert found.holder == (LAST.person_id, None)
        assert found.reasons[-1]["code"] == "last_resort"
    assert all(reason["code"] not in ("on_duty", "last_resort") for reason in found.reasons[:-1])


@given(plans, instants)
def test_nothing_changes_before_until_and_something_does_then(plan: Plan, at: datetime) -> None:
    found = planning.answer(plan, at)
    end = found.until or at + timedelta(days=10)
    assert end > at
    for moment in steps(at, min(end, at + timedelta(days=10))):
        assert planning.holder(plan, moment) == found.holder, moment
    assert planning.holder(plan, end - timedelta(microseconds=1)) == found.holder
    if found.until is not None:
        assert planning.holder(plan, found.until) != found.holder


def steps(start: datetime, end: datetime) -> Iterator[datetime]:
    while start < end:
        yield start
        start += STEP


@given(plans, instants, st.integers(0, 5 * 1440))
def test_walking_the_changes_says_the_same_as_asking(plan: Plan, start: datetime, length: int) -> None:
    end = start + timedelta(minutes=length)
    last: Answer = planning.answer(plan, start)
    previous = start
    for at, found in planning.changes(plan, start, end):
        assert previous < at <= end
        assert found == planning.answer(plan, at)
        last, previous = found, at
    assert last.holder == planning.answer(plan, end).holder


@given(some_hours, instants)
def test_hours_follow_the_clock_on_the_wall(hours: Hours, at: datetime) -> None:
    near = [(at + timedelta(hours=h)).astimezone(hours.zone).utcoffset() for h in (-50, 0, 50)]
    if len(set(near)) > 1:
        return  # nights on which the wall clock jumps have their own tests
    wall = at.astimezone(hours.zone).replace(tzinfo=None)
    minute = wall.hour * 60 + wall.minute + wall.second / 60
    on = any(
        (wall.weekday() in w.days and w.start <= minute < w.end)
        or ((wall.weekday() - 1) % 7 in w.days and w.start <= minute + 1440 < w.end)
        for w in hours.windows
    )
    assert hours.covers(at) == (on or not hours.windows)


@given(st.sampled_from(ZONES), minutes, minutes, instants)
@example(ZoneInfo("America/Santiago"), 0, 8 * 60, utc("2026-09-06T04:00"))
@example(ZoneInfo("Africa/Cairo"), 0, 8 * 60, utc("2026-04-23T22:00"))
@example(ZoneInfo("Pacific/Apia"), 0, 12 * 60, utc("2011-12-30T10:00"))
def test_day_and_night_shift_share_every_instant_of_every_night(
    zone: ZoneInfo, first: int, second: int, at: datetime
) -> None:
    if first == second:
        return
    every = frozenset(range(7))
    start, end = sorted((first, second))
    day = Hours((Window(every, start, end),), zone)
    night = Hours((Window(every, end, start + 1440),), zone)
    for moment in (at, *(b for _, b in zip(range(4), day.boundaries(at), strict=False))):
        assert day.covers(moment) != night.covers(moment), moment


@pytest.mark.parametrize(
    ("zone", "window", "day", "starts", "ends"),
    [
        # The hour from 02:00 is left out: 02:30 becomes 03:00, the first instant after the jump.
        ("Europe/Berlin", (150, 480), "2026-03-29", "2026-03-29T01:00", "2026-03-29T06:00"),
        # The hour from 02:00 comes twice: its first occurrence counts.
        ("Europe/Berlin", (150, 480), "2026-10-25", "2026-10-25T00:30", "2026-10-25T07:00"),
        # Half an hour: 02:00 to 02:30 is left out.
        ("Australia/Lord_Howe", (135, 480), "2026-10-04", "2026-10-03T15:30", "2026-10-03T21:00"),
        ("Australia/Lord_Howe", (105, 480), "2026-04-05", "2026-04-04T14:45", "2026-04-04T21:30"),
        # Morocco goes back for Ramadan and forward after it.
        ("Africa/Casablanca", (150, 480), "2026-03-22", "2026-03-22T02:00", "2026-03-22T07:00"),
        # There is no midnight: the day begins at 01:00.
        ("America/Santiago", (0, 480), "2026-09-06", "2026-09-06T04:00", "2026-09-06T11:00"),
        ("Africa/Cairo", (0, 480), "2026-04-24", "2026-04-23T22:00", "2026-04-24T05:00"),
        # Over midnight, into the night that has an hour less.
        ("Europe/Berlin", (1320, 1440 + 360), "2026-03-28", "2026-03-28T21:00", "2026-03-29T04:00"),
    ],
)
def test_a_night_on_which_the_clocks_change(
    zone: str, window: tuple[int, int], day: str, starts: str, ends: str
) -> None:
    on = date.fromisoformat(day)
    hours = Hours((Window(frozenset({on.weekday()}), *window),), ZoneInfo(zone))
    start, end = utc(starts), utc(ends)
    tick = timedelta(microseconds=1)
    assert [hours.covers(at) for at in (start - tick, start, end - tick, end)] == [False, True, True, False]
    before = start - timedelta(hours=12)
    assert [b for _, b in zip(range(2), hours.boundaries(before), strict=False)] == [start, end]


def test_hours_that_fill_the_week_are_no_hours() -> None:
    office = {"days": [0, 1, 2, 3, 4], "from": "08:00", "until": "20:00"}
    night = {"days": [0, 1, 2, 3], "from": "20:00", "until": "08:00"}
    weekend = [
        {"days": [4], "from": "20:00", "until": "24:00"},
        {"days": [5, 6], "from": "00:00", "until": "24:00"},
    ]
    berlin = ZoneInfo("Europe/Berlin")
    assert weekly.read([office, night, *weekend], berlin).windows
    monday = {"days": [0], "from": "00:00", "until": "08:00"}
    assert weekly.read([office, night, *weekend, monday], berlin).windows == ()


@pytest.mark.parametrize(
    "item",
    [
        {"days": [], "from": "09:00", "until": "17:00"},
        {"days": [7], "from": "09:00", "until": "17:00"},
        {"days": [0], "from": "9:00", "until": "17:00"},
        {"days": [0], "from": "24:00", "until": "17:00"},
        {"days": [0], "from": "09:00", "until": "09:00"},
        {"days": [0], "from": "09:00"},
        {"days": ["x"], "from": "09:00", "until": "17:00"},
    ],
)
def test_hours_that_mean_nothing_are_refused(item: dict[str, object]) -> None:
    with pytest.raises(Invalid):
        weekly.check([item])


def test_long_absences_and_years_without_change_are_seen_to_the_end() -> None:
    """Hours of somebody who is away for a year are walked, not given up."""
    monday = datetime.combine(date(2026, 1, 5), time(12), UTC)
    office = Hours((Window(frozenset(range(5)), 540, 1050),), ZoneInfo("Europe/Berlin"))
    post = Post(
        uuid.uuid4(), PEOPLE[0], "P0", "named", Reach("P0", "", ""), office, monday - timedelta(days=1)
    )
    back = monday + timedelta(days=700)
    found = planning.answer(Plan((post,), LAST, {PEOPLE[0]: (Away(monday, back),)}), monday)
    assert found.person_id == LAST.person_id
    assert found.until == clock.instant(datetime(2027, 12, 6, 13, 0), ZoneInfo("Europe/Berlin"))
    always = Plan(
        (Post(uuid.uuid4(), PEOPLE[0], "P0", "named", post.reach, Hours((), office.zone), monday),), LAST
    )
    assert planning.answer(always, monday).until is None
