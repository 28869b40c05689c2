"""What planning refuses: a reach that leads nowhere, and an assignment that holds already."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.orm import Session

from hub.base.errors import Invalid
from hub.domain import accounts, coverage, people
from hub.domain.accounts import Account
from hub.domain.audit import HUB
from hub.domain.people import Person
from hub.flows.runtime import Hub
from hub.testing.fixtures import MovingClock

OFFICE = [{"days": [0, 1, 2, 3, 4], "from": "09:00", "until": "17:30"}]
REACH = {"reach_name": "Kim B.", "reach_phone": "+49 40 555 0142", "reach_email": "Kim@elbe.example"}


@pytest.fixture
def session(hub: Hub, moving_clock: MovingClock) -> Iterator[Session]:
    with hub.db.write() as opened:
        yield opened


@pytest.fixture
def kim(session: Session) -> Person:
    person = people.add_person(session, HUB, "Kim Brandt")
    people.grant_role(session, HUB, person, "admin")
    return person


@pytest.fixture
def acme(session: Session) -> Account:
    return accounts.add_account(session, HUB, "Acme", prefix="ACME")


def test_a_reach_that_leads_nowhere_is_refused_at_its_fields(
    session: Session, acme: Account, kim: Person
) -> None:
    wrong = {"reach_phone": "call me", "reach_email": "bad address"}
    with pytest.raises(Invalid) as told:
        coverage.assign(session, HUB, acme.id, "named", kim.id, **wrong)
    assert set(told.value.fields) == {"reach_phone", "reach_email"}
    assert "country code" in told.value.fields["reach_phone"]
    assert coverage.assignments_of(session, acme.id) == []
    with pytest.raises(Invalid) as told:
        coverage.set_last_resort(session, HUB, kim.id, reach_phone="0142")
    assert set(told.value.fields) == {"reach_phone"}
    assert coverage.last_resort(session) is None


def test_a_reach_is_shown_as_it_was_written(session: Session, acme: Account, kim: Person) -> None:
    row = coverage.assign(session, HUB, acme.id, "named", kim.id, **REACH)
    assert {name: getattr(row, name) for name in REACH} == REACH
    bare = coverage.assign(session, HUB, acme.id, "deputy", kim.id)
    assert (bare.reach_name, bare.reach_phone, bare.reach_email) == ("Kim Brandt", "", "")


def test_what_holds_already_is_not_assigned_again(
    session: Session, acme: Account, kim: Person, moving_clock: MovingClock
) -> None:
    row = coverage.assign(session, HUB, acme.id, "named", kim.id, hours=OFFICE, **REACH)
    moving_clock.forward(timedelta(seconds=3))
    with pytest.raises(Invalid, match="Kim Brandt is assigned in just this way already"):
        coverage.assign(session, HUB, acme.id, "named", kim.id, hours=OFFICE, **REACH)
    assert [one.assignment.id for one in coverage.assignments_of(session, acme.id)] == [row.id]


@pytest.mark.parametrize(
    "other",
    [
        {"hours": []},
        {"position": 1},
        {"zone": "Asia/Tokyo"},
        {"reach_phone": ""},
        {"valid_until": datetime(2031, 1, 1, tzinfo=UTC)},
        {"valid_from": datetime(2020, 1, 1, tzinfo=UTC)},
    ],
)
def test_one_that_differs_in_anything_is_another(
    session: Session, acme: Account, kim: Person, other: dict[str, Any]
) -> None:
    first: dict[str, Any] = {"hours": OFFICE, **REACH}
    coverage.assign(session, HUB, acme.id, "named", kim.id, **first)
    coverage.assign(session, HUB, acme.id, "named", kim.id, **(first | other))
    assert len(coverage.assignments_of(session, acme.id)) == 2


def test_what_has_ended_may_begin_again(
    session: Session, acme: Account, kim: Person, moving_clock: MovingClock
) -> None:
    row = coverage.assign(session, HUB, acme.id, "named", kim.id)
    coverage.end_assignment(session, HUB, row)
    moving_clock.forward(timedelta(minutes=1))
    again = coverage.assign(session, HUB, acme.id, "named", kim.id)
    assert [one.assignment.id for one in coverage.assignments_of(session, acme.id)] == [again.id]
