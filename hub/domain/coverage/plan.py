"""Planned duty: who is responsible at an instant, until when and why. Pure: no rows, no clock.

The order is: named within their hours, deputies by position, escalation by level, the last resort always.
Where a role is filled on the account itself, its parents' assignments of that role do not count.
"""

import heapq
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from hub.domain.coverage.hours import Hours

LAST_RESORT = "last_resort"
_RANK = {"named": 0, "deputy": 10, "escalation": 20}
_HORIZON = timedelta(days=60)  # hours come every week; more than that ends a walk that cannot be endless
WORTH_SAYING = timedelta(days=7)  # who left or comes within this time is part of the reasons


@dataclass(frozen=True, slots=True)
class Reach:
    """What customers may see of somebody: a name, a number and an address."""

    name: str
    phone: str
    email: str


@dataclass(frozen=True, slots=True)
class Post:
    """One assignment as the plan sees it; `depth` is 0 for the account's own, 1 for its parent's ..."""

    id: uuid.UUID
    person_id: uuid.UUID
    person_name: str
    role: str
    reach: Reach
    hours: Hours
    valid_from: datetime
    valid_until: datetime | None = None
    level: int = 0
    position: int = 0
    depth: int = 0

    @property
    def order(self) -> tuple[int, int, int, datetime, uuid.UUID]:
        """Who comes before whom."""
        return _RANK[self.role], self.level, self.position, self.valid_from, self.id

    def near(self, at: datetime) -> bool:
        """Whether it is in force, has just ended or is about to start."""
        ended = self.valid_until is not None and self.valid_until + WORTH_SAYING <= at
        return not ended and self.valid_from - WORTH_SAYING < at

    def valid(self, at: datetime) -> bool:
        """Whether the assignment is in force."""
        return self.valid_from <= at and (self.valid_until is None or at < self.valid_until)


@dataclass(frozen=True, slots=True)
class Away:
    """When somebody is away, half-open."""

    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class Fallback:
    """The last resort: always there."""

    person_id: uuid.UUID
    person_name: str
    reach: Reach


@dataclass(frozen=True, slots=True)
class Plan:
    """All that decides about the duty of one account.

    `idle` are those who hold no role that works: since when does not matter, for whoever gains or loses the
    last one has all their plans written anew from that moment on.
    """

    posts: tuple[Post, ...]
    last_resort: Fallback
    away: Mapping[uuid.UUID, tuple[Away, ...]] = field(default_factory=dict)
    disabled: Mapping[uuid.UUID, datetime] = field(default_factory=dict)
    idle: frozenset[uuid.UUID] = frozenset()


@dataclass(frozen=True, slots=True)
class Answer:
    """Who is responsible. `reasons` says, in order, why each one before them is not, and why they are."""

    person_id: uuid.UUID
    person_name: str
    role: str
    reach: Reach
    assignment_id: uuid.UUID | None
    reasons: tuple[dict[str, Any], ...]
    until: datetime | None = None

    @property
    def holder(self) -> tuple[uuid.UUID, uuid.UUID | None]:
        """What a change of duty changes: the person, or the assignment by which they hold it."""
        return self.person_id, self.assignment_id


@dataclass(frozen=True, slots=True)
class Rung:
    """One who may be asked, in the order in which they are; `reason` says why not now (None: they can)."""

    person_id: uuid.UUID
    person_name: str
    role: str
    level: int
    reach: Reach
    reason: dict[str, Any] | None = None


def ladder(plan: Plan, at: datetime) -> list[Rung]:
    """Everyone in order, whether they can be asked at that instant or not; the last resort ends it."""
    rungs = [
        Rung(p.person_id, p.person_name, p.role, p.level, p.reach, _obstacle(plan, p, at))
        for p in _in_order(plan, at)
    ]
    end = plan.last_resort
    return [*rungs, Rung(end.person_id, end.person_name, LAST_RESORT, 0, end.reach)]


def answer(plan: Plan, at: datetime) -> Answer:
    """Exactly one person, whatever the plan; `until` is filled in."""
    reasons = []
    for post in _in_order(plan, at):
        obstacle = _obstacle(plan, post, at)
        if obstacle is None:
            reasons.append(_on_duty(post, at))
            return _until(plan, _held_by(post, reasons), at)
        reasons.append(obstacle)
    end = plan.last_resort
    reasons.append({"code": "last_resort", "person": end.person_name, "role": LAST_RESORT})
    found = Answer(end.person_id, end.person_name, LAST_RESORT, end.reach, None, tuple(reasons))
    return _until(plan, found, at)


def _held_by(post: Post, reasons: list[dict[str, Any]]) -> Answer:
    return Answer(post.person_id, post.person_name, post.role, post.reach, post.id, tuple(reasons))


def changes(plan: Plan, after: datetime, until: datetime) -> Iterator[tuple[datetime, Answer]]:
    """Every change of holder in `(after, until]`, ascending, each with its answer."""
    present = answer(plan, after)
    while present.until is not None and present.until <= until:
        at = present.until
        present = answer(plan, at)
        yield at, present


def _in_order(plan: Plan, at: datetime) -> list[Post]:
    """The posts that count at an instant, with those of parents whose role is filled nearer left out."""
    nearest: dict[tuple[str, int], int] = {}
    for post in plan.posts:
        if post.valid(at):
            slot = (post.role, post.level)
            nearest[slot] = min(post.depth, nearest.get(slot, post.depth))
    counted = (p for p in plan.posts if p.depth <= nearest.get((p.role, p.level), p.depth) and p.near(at))
    return sorted(counted, key=lambda post: post.order)


def holder(plan: Plan, at: datetime) -> tuple[uuid.UUID, uuid.UUID | None]:
    """Whose duty it is and by which assignment: `answer` without until and why."""
    return _first_on(plan, _available(plan, at), at)


def _available(plan: Plan, at: datetime) -> list[Post]:
    """Those whom only their hours may keep from the duty, in order; between two single cuts they stay."""
    return [p for p in _in_order(plan, at) if _unavailable(plan, p, at) is None]


def _first_on(plan: Plan, available: list[Post], at: datetime) -> tuple[uuid.UUID, uuid.UUID | None]:
    found = next((post for post in available if post.hours.covers(at)), None)
    return (plan.last_resort.person_id, None) if found is None else (found.person_id, found.id)


def _until(plan: Plan, found: Answer, at: datetime) -> Answer:
    start = at
    for end in (*sorted({instant for instant in _single_cuts(plan) if instant > at}), None):
        change = _change_within(plan, found.holder, start, end)
        if change is not None:
            return replace(found, until=change)
        start = end or start
    return found


def _change_within(
    plan: Plan, held_by: tuple[uuid.UUID, uuid.UUID | None], start: datetime, end: datetime | None
) -> datetime | None:
    """The first instant of `[start, end)` with another holder, where only hours begin and end meanwhile."""
    available = _available(plan, start)
    if _first_on(plan, available, start) != held_by:
        return start
    # The hours of those who come after the holder cannot end their duty. Whoever comes before is on at some
    # time of the week, and so is the holder off, if they have hours: the walk ends within days.
    after = next((n for n, post in enumerate(available, 1) if post.id == held_by[1]), len(available))
    boundaries = heapq.merge(*(post.hours.boundaries(start) for post in available[:after]))
    for cut in boundaries:
        if (end is not None and cut >= end) or cut > start + _HORIZON:
            return None
        if _first_on(plan, available, cut) != held_by:
            return cut
    return None


def _single_cuts(plan: Plan) -> Iterator[datetime]:
    """The instants that come once: validity, absences, disabling."""
    for post in plan.posts:
        yield post.valid_from
        if post.valid_until is not None:
            yield post.valid_until
        for absence in plan.away.get(post.person_id, ()):
            yield absence.starts_at
            yield absence.ends_at
        if post.person_id in plan.disabled:
            yield plan.disabled[post.person_id]


def _obstacle(plan: Plan, post: Post, at: datetime) -> dict[str, Any] | None:
    """Why this one does not hold the duty at that instant; None when they could."""
    reason = _unavailable(plan, post, at)
    if reason is None and not post.hours.covers(at):
        return _fact("off_hours", post, until=post.hours.next_start(at))
    return reason


def _unavailable(plan: Plan, post: Post, at: datetime) -> dict[str, Any] | None:
    if at < post.valid_from:
        return _fact("not_yet", post, since=post.valid_from)
    if post.valid_until is not None and at >= post.valid_until:
        return _fact("ended", post, since=post.valid_until)
    disabled_at = plan.disabled.get(post.person_id)
    if disabled_at is not None and at >= disabled_at:
        return _fact("disabled", post, since=disabled_at)
    if post.person_id in plan.idle:
        return _fact("no_role", post)
    back = _back(plan.away.get(post.person_id, ()), at)
    return None if back is None else _fact("away", post, until=back)


def _back(absences: tuple[Away, ...], at: datetime) -> datetime | None:
    """When somebody who is away at that instant is back; absences that follow one another count as one."""
    back = at
    for absence in sorted(absences, key=lambda away: away.starts_at):
        if absence.starts_at <= back < absence.ends_at:
            back = absence.ends_at
    return back if back > at else None


def _on_duty(post: Post, at: datetime) -> dict[str, Any]:
    window = post.hours.window_at(at)
    return _fact("on_duty", post) | ({"from": window[0], "to": window[1]} if window else {})


def _fact(code: str, post: Post, **instants: datetime | None) -> dict[str, Any]:
    """One link of the reason chain as plain JSON."""
    facts = {name: at.isoformat() for name, at in instants.items() if at is not None}
    return {
        "code": code,
        "person": post.person_name,
        "role": post.role,
        "level": post.level,
        "zone": post.hours.zone.key,
        **facts,
    }
