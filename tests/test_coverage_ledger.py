"""The past of duty is what was written: no later edit and no sleeping worker changes it."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from hub.base import clock
from hub.base.db import Database
from hub.base.errors import Conflict, Invalid
from hub.domain import accounts, coverage, people
from hub.domain.audit import HUB
from hub.domain.coverage import Assignment
from hub.domain.people import Absence, Person

NAMES = ["Rita Okafor", "Kim Brandt", "Dana Krause", "Maya Cohen"]
NIGHTS = ["2026-03-28T12:00", "2026-10-24T12:00", "2026-10-03T00:00", "2026-09-05T12:00", "2026-04-23T06:00"]
OFFICE = [{"days": [0, 1, 2, 3, 4], "from": "09:00", "until": "17:30"}]
EVENING = [{"days": [0, 2, 4, 5, 6], "from": "22:15", "until": "02:15"}]
MIDNIGHT = [{"days": [0, 1, 2, 3, 4, 5, 6], "from": "00:00", "until": "08:00"}]
SHIFTS = [
    ([], "UTC"),
    (OFFICE, "Europe/Berlin"),
    (EVENING, "Europe/Berlin"),
    (EVENING, "Australia/Lord_Howe"),
    (MIDNIGHT, "America/Santiago"),
    (MIDNIGHT, "Africa/Cairo"),
]

Answer = tuple[Any, ...]


@dataclass
class Desk:
    """A parent and its child, four of us, and every question that was asked about them."""

    session: Session
    staff: list[Person]
    account_ids: list[uuid.UUID]
    assignments: list[Assignment] = field(default_factory=list)
    absences: list[Absence] = field(default_factory=list)

    def answers(self, at: datetime) -> list[Answer]:
        found = coverage.responsible_for(self.session, self.account_ids, at)
        return [self._plain(found[account_id]) for account_id in self.account_ids]

    def _plain(self, found: coverage.Responsible) -> Answer:
        # Ids differ between two runs of the same script: an assignment is known by its turn.
        turn = next((n for n, row in enumerate(self.assignments) if row.id == found.assignment_id), None)
        return found.person_name, found.role, turn, found.since, found.reach, found.reasons


Action = Callable[[Desk], None]


def works(desk: Desk, who: int) -> bool:
    held = people.roles_of(desk.session, desk.staff[who].id)
    return desk.staff[who].disabled_at is None and bool(held - {"auditor"})


def assign(
    which: int, role: str, who: int, shift: int, position: int, starts: int, lasts: int | None
) -> Action:
    def act(desk: Desk) -> None:
        start = clock.now() + timedelta(minutes=starts)
        try:
            row = coverage.assign(
                desk.session,
                HUB,
                desk.account_ids[which],
                role,
                desk.staff[who].id,
                hours=SHIFTS[shift][0],
                zone=SHIFTS[shift][1],
                position=position,
                valid_from=start,
                valid_until=None if lasts is None else start + timedelta(minutes=lasts),
            )
        except Invalid as error:
            if works(desk, who) and "already" not in str(error):
                raise
        else:
            desk.assignments.append(row)

    return act


def end(which: int, later: int) -> Action:
    def act(desk: Desk) -> None:
        if desk.assignments:
            row = desk.assignments[which % len(desk.assignments)]
            coverage.end_assignment(desk.session, HUB, row, clock.now() + timedelta(minutes=later))

    return act


def be_away(who: int, starts: int, lasts: int) -> Action:
    def act(desk: Desk) -> None:
        start = clock.now() + timedelta(minutes=starts)
        until = start + timedelta(minutes=lasts)
        desk.absences.append(coverage.add_absence(desk.session, HUB, desk.staff[who].id, start, until))

    return act


def be_back(which: int) -> Action:
    def act(desk: Desk) -> None:
        if desk.absences:
            coverage.cancel_absence(desk.session, HUB, desk.absences[which % len(desk.absences)])

    return act


def leave(who: int) -> Action:
    def act(desk: Desk) -> None:
        try:
            coverage.disable(desk.session, HUB, desk.staff[who])
        except Conflict:
            assert coverage.is_fallback(desk.session, desk.staff[who].id) or who == 0

    return act


def return_to_work(who: int) -> Action:
    return lambda desk: coverage.enable(desk.session, HUB, desk.staff[who])


def hold(who: int, roles: list[str]) -> Action:
    def act(desk: Desk) -> None:
        try:
            coverage.change_roles(desk.session, HUB, desk.staff[who], roles)
        except Conflict:
            assert coverage.is_fallback(desk.session, desk.staff[who].id) or who == 0

    return act


def choose_last_resort(who: int) -> Action:
    def act(desk: Desk) -> None:
        try:
            coverage.set_last_resort(desk.session, HUB, desk.staff[who].id)
        except Invalid:
            assert not works(desk, who)

    return act


def move(apart: bool) -> Action:
    def act(desk: Desk) -> None:
        parent, child = (accounts.get_account(desk.session, account_id) for account_id in desk.account_ids)
        coverage.move_account(desk.session, HUB, child, None if apart else parent)

    return act


whom = st.integers(0, len(NAMES) - 1)
some_minutes = st.integers(-600, 3000)
roles = st.sampled_from(["named", "named", "deputy", "escalation"])
lengths = st.integers(1, 4000)
actions = st.one_of(
    st.builds(
        assign,
        st.integers(0, 1),
        roles,
        whom,
        st.integers(0, len(SHIFTS) - 1),
        st.integers(0, 1),
        some_minutes,
        st.none() | lengths,
    ),
    st.builds(end, st.integers(0, 5), st.integers(0, 1000)),
    st.builds(be_away, whom, some_minutes, lengths),
    st.builds(be_back, st.integers(0, 5)),
    st.builds(leave, whom),
    st.builds(return_to_work, whom),
    st.builds(hold, whom, st.sampled_from([[], ["auditor"], ["lead"], ["contact", "auditor"]])),
    st.builds(choose_last_resort, whom),
    st.builds(move, st.booleans()),
)
scripts = st.lists(st.tuples(st.integers(1, 2500), actions), min_size=2, max_size=8)


def open_desk(session: Session) -> Desk:
    staff = [people.add_person(session, HUB, name) for name in NAMES]
    for person in staff:
        people.grant_role(session, HUB, person, "admin" if person is staff[0] else "contact")
    parent = accounts.add_account(session, HUB, "Nordwind", prefix="NORD")
    child = accounts.add_account(session, HUB, "Nordwind Kiel", prefix="KIEL", parent=parent)
    return Desk(session, staff, [parent.id, child.id])


def play(
    url: str, start: datetime, script: list[tuple[int, Action]], awake: bool
) -> dict[datetime, list[Answer]]:
    """Play a script; the worker ticks before every step, or never. Answers what is said in the end of every
    instant that was asked about, and that it was said in its own time already."""
    database = Database(url, synchronous="OFF")
    said: dict[datetime, list[Answer]] = {}
    present = start
    with database.write() as session:
        with clock.at(present):
            desk = open_desk(session)
        for minutes, act in script:
            with clock.at(present + timedelta(minutes=minutes)):
                # Half of the way lies in the past already, and nobody has asked about it before.
                said[present + timedelta(minutes=minutes / 2)] = desk.answers(
                    present + timedelta(minutes=minutes / 2)
                )
                present = clock.now()
                if awake:
                    coverage.record_due(session)
                act(desk)
                said[present] = desk.answers(present)
        with clock.at(present + timedelta(days=2)):
            if awake:
                coverage.record_due(session)
            final = {at: desk.answers(at) for at in said}
            assert final == said
            final |= {
                present + timedelta(hours=h): desk.answers(present + timedelta(hours=h))
                for h in range(1, 48, 5)
            }
    database.dispose()
    return final


@settings(max_examples=20)
@given(st.sampled_from(NIGHTS), scripts)
def test_the_past_never_changes_and_a_worker_that_slept_makes_no_difference(
    fresh_database: Callable[[], str], night: str, script: list[tuple[int, Action]]
) -> None:
    start = datetime.fromisoformat(night).replace(tzinfo=UTC)
    awake = play(fresh_database(), start, script, awake=True)
    asleep = play(fresh_database(), start, script, awake=False)
    assert awake == asleep
