"""Who is responsible: always exactly one of us, with a reason, whatever is planned, absent or over."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.base import clock
from hub.base.db import RowScope
from hub.base.errors import Conflict, Invalid, Misconfigured, NotFound
from hub.domain import accounts, coverage, people
from hub.domain.audit import HUB, Actor, AuditLine
from hub.domain.coverage import Duty
from hub.domain.people import Person
from hub.domain.timeline import Entry
from hub.flows.runtime import Hub
from hub.testing.fixtures import MovingClock, counting

OFFICE = [{"days": [0, 1, 2, 3, 4], "from": "09:00", "until": "17:30"}]
BERLIN = "Europe/Berlin"
RITA_ACTS = Actor("staff", "Rita Okafor")


def utc(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}+00:00")


@dataclass
class Desk:
    """Rita is admin and last resort; Kim, Dana and Maya are contacts."""

    session: Session
    rita: Person
    kim: Person
    dana: Person
    maya: Person

    def account(self, name: str, parent: accounts.Account | None = None) -> uuid.UUID:
        made = accounts.add_account(self.session, HUB, name, prefix=name[:4], zone=BERLIN, parent=parent)
        return made.id

    def assign(self, account: uuid.UUID, role: str, who: Person, **options: Any) -> coverage.Assignment:
        return coverage.assign(self.session, RITA_ACTS, account, role, who.id, **options)

    def who(self, account: uuid.UUID, at: datetime | None = None) -> str:
        return coverage.responsible(self.session, account, at).person_name

    def told(self, account: uuid.UUID, kind: str) -> list[str]:
        query = select(Entry).where(Entry.account_id == account, Entry.kind == kind).order_by(Entry.seq)
        return [entry.sentence for entry in self.session.scalars(query)]


@pytest.fixture
def desk(hub: Hub, moving_clock: MovingClock) -> Iterator[Desk]:
    with hub.db.write() as session:
        names = ("Rita Okafor", "Kim Brandt", "Dana Krause", "Maya Cohen")
        staff = [people.add_person(session, HUB, name) for name in names]
        for person in staff:
            people.grant_role(session, HUB, person, "admin" if person is staff[0] else "contact")
        yield Desk(session, *staff)


def test_a_day_with_contact_deputy_and_last_resort(desk: Desk, moving_clock: MovingClock) -> None:
    """Monday 10:00 in Berlin: Kim until 17:30, then Dana's hotline until 22:00, then the last resort."""
    acme = desk.account("Acme")
    desk.assign(acme, "named", desk.kim, hours=OFFICE, reach_phone="+49 40 5550101", reach_name="Kim B.")
    evening = [{"days": [0, 1, 2, 3, 4], "from": "08:00", "until": "22:00"}]
    desk.assign(acme, "deputy", desk.dana, hours=evening)
    now = coverage.responsible(desk.session, acme)
    assert (now.person_name, now.role, now.until) == ("Kim Brandt", "named", utc("2026-03-02T16:30"))
    assert (now.reach.name, now.reach.phone, now.reach.email) == ("Kim B.", "+49 40 5550101", "")
    assert now.why("en") == "named contact, in agreed hours 09:00\u201317:30 Europe/Berlin"
    moving_clock.set(utc("2026-03-02T16:30"))
    now = coverage.responsible(desk.session, acme)
    assert (now.person_name, now.until) == ("Dana Krause", utc("2026-03-02T21:00"))
    assert now.why("en") == (
        "deputy, in agreed hours 08:00\u201322:00 Europe/Berlin; "
        "Kim Brandt (named contact) is off duty until Tue 3 Mar 2026 09:00 CET"
    )
    moving_clock.set(utc("2026-03-02T23:00"))
    now = coverage.responsible(desk.session, acme)
    assert (now.person_name, now.role, now.until) == ("Rita Okafor", "last_resort", utc("2026-03-03T07:00"))
    assert now.why("en").startswith("answers when nobody else does; Kim Brandt (named contact) is off duty")
    assert desk.who(acme, utc("2026-03-02T16:29")) == "Kim Brandt"
    assert desk.who(acme, utc("2026-03-09T12:00")) == "Kim Brandt", "next Monday, by the present plan"


def test_absence_hands_over_and_is_told(desk: Desk, moving_clock: MovingClock) -> None:
    acme = desk.account("Acme")
    desk.assign(acme, "named", desk.kim)
    desk.assign(acme, "deputy", desk.dana)
    away = coverage.add_absence(
        desk.session, RITA_ACTS, desk.kim.id, clock.now(), clock.now() + timedelta(days=3), "ill"
    )
    assert desk.who(acme) == "Dana Krause"
    assert desk.told(acme, "duty.changed")[-1].startswith(
        "Dana Krause is responsible now: deputy, at any hour; Kim Brandt (named"
    )
    assert "ill" not in coverage.responsible(desk.session, acme).why("en"), "why is nobody's business"
    moving_clock.forward(timedelta(days=1))
    coverage.cancel_absence(desk.session, RITA_ACTS, away)
    assert desk.who(acme) == "Kim Brandt"
    assert desk.who(acme, clock.now() - timedelta(hours=1)) == "Dana Krause"
    lines = desk.session.scalars(select(AuditLine.action).where(AuditLine.object_id == desk.kim.id)).all()
    assert {"absence.added", "absence.cancelled"} <= set(lines)


def test_what_is_entered_late_does_not_change_who_was_responsible(
    desk: Desk, moving_clock: MovingClock
) -> None:
    """Kim was ill in the morning, Dana meant to be deputy since yesterday: both are known only now."""
    acme = desk.account("Acme")
    desk.assign(acme, "named", desk.kim)
    moving_clock.forward(timedelta(hours=5))
    noon = clock.now()
    assert coverage.record_due(desk.session) == 0
    early, late = noon - timedelta(hours=4), noon - timedelta(hours=2)
    coverage.add_absence(desk.session, RITA_ACTS, desk.kim.id, early, late)
    desk.assign(acme, "deputy", desk.dana, valid_from=noon - timedelta(days=1))
    moving_clock.forward(timedelta(hours=1))
    coverage.add_absence(
        desk.session, RITA_ACTS, desk.kim.id, clock.now() + timedelta(hours=1), noon + timedelta(days=1)
    )
    for minutes in range(0, 360, 20):
        assert desk.who(acme, noon - timedelta(hours=5) + timedelta(minutes=minutes)) == "Kim Brandt"
    moving_clock.forward(timedelta(hours=8))
    assert coverage.record_due(desk.session) == 1
    assert desk.who(acme) == "Dana Krause"
    for minutes in range(0, 360, 20):
        assert desk.who(acme, noon - timedelta(hours=5) + timedelta(minutes=minutes)) == "Kim Brandt"


def test_an_edit_that_changes_nobody_still_changes_the_reasons(desk: Desk, moving_clock: MovingClock) -> None:
    acme = desk.account("Acme")
    named = desk.assign(acme, "named", desk.kim, hours=OFFICE)
    desk.assign(acme, "deputy", desk.dana)
    moving_clock.set(utc("2026-03-02T20:00"))
    told = len(desk.told(acme, "duty.changed"))
    coverage.record_due(desk.session)
    assert "off duty" in coverage.responsible(desk.session, acme).why("en")
    coverage.end_assignment(desk.session, RITA_ACTS, named)
    assert "left on Mon 2 Mar 2026 21:00 CET" in coverage.responsible(desk.session, acme).why("en")
    assert desk.who(acme) == "Dana Krause"
    assert len(desk.told(acme, "duty.changed")) == told + 1, "only the change at 17:30 was one of persons"


def test_who_left_is_named_for_a_week_by_an_awake_and_by_a_sleeping_worker(
    desk: Desk, moving_clock: MovingClock
) -> None:
    """A reason tells of somebody who left lately, even where the row is written much later."""
    soon, late = desk.account("Soon"), desk.account("Late")
    for account in (soon, late):
        gone = desk.assign(account, "named", desk.kim)
        desk.assign(account, "deputy", desk.dana, hours=OFFICE)
        coverage.end_assignment(desk.session, RITA_ACTS, gone)
    moving_clock.set(utc("2026-03-06T16:30"))
    coverage.record_due(desk.session, [soon])
    moving_clock.set(utc("2026-03-06T20:00"))
    coverage.record_due(desk.session, [late])
    answers = coverage.responsible_for(desk.session, [soon, late])
    assert [reason["code"] for reason in answers[late].reasons] == ["ended", "off_hours", "last_resort"]
    assert answers[soon].reasons == answers[late].reasons
    moving_clock.set(utc("2026-03-10T16:30"))
    codes = [reason["code"] for reason in coverage.responsible(desk.session, soon).reasons]
    assert codes == ["off_hours", "last_resort"]


def test_children_take_over_what_they_do_not_fill_themselves(desk: Desk) -> None:
    group = accounts.add_account(desk.session, HUB, "Group", prefix="GRP")
    child = desk.account("Kiel", group)
    grandchild = accounts.add_account(
        desk.session, HUB, "Kiel West", prefix="KIE", parent=accounts.get_account(desk.session, child)
    )
    desk.assign(group.id, "named", desk.kim)
    desk.assign(group.id, "deputy", desk.dana)
    assert [desk.who(a) for a in (group.id, child, grandchild.id)] == ["Kim Brandt"] * 3
    own = desk.assign(child, "named", desk.maya)
    assert [desk.who(a) for a in (group.id, child, grandchild.id)] == [
        "Kim Brandt",
        "Maya Cohen",
        "Maya Cohen",
    ]
    assert desk.told(grandchild.id, "duty.changed")[-1].startswith("Maya Cohen is responsible now")
    assert [rung.person_name for rung in coverage.ladder(desk.session, grandchild.id)] == [
        *("Maya Cohen", "Dana Krause", "Rita Okafor")
    ]
    coverage.move_account(desk.session, RITA_ACTS, grandchild, None)
    assert desk.who(grandchild.id) == "Rita Okafor"
    coverage.end_assignment(desk.session, RITA_ACTS, own)
    assert desk.who(child) == "Kim Brandt"
    with pytest.raises(Invalid):
        coverage.move_account(desk.session, RITA_ACTS, group, accounts.get_account(desk.session, child))


def test_the_ladder_says_who_follows_and_why_not_now(desk: Desk) -> None:
    acme = desk.account("Acme")
    desk.assign(acme, "escalation", desk.rita, level=2)
    desk.assign(acme, "escalation", desk.maya, level=1)
    desk.assign(acme, "deputy", desk.dana, position=1)
    desk.assign(acme, "named", desk.kim)
    coverage.add_absence(desk.session, HUB, desk.kim.id, clock.now(), clock.now() + timedelta(hours=1))
    coverage.disable(desk.session, RITA_ACTS, desk.dana)
    rungs = coverage.ladder(desk.session, acme)
    assert [(rung.role, rung.level, rung.reason and rung.reason["code"]) for rung in rungs] == [
        ("named", 0, "away"),
        ("deputy", 0, "disabled"),
        ("escalation", 1, None),
        ("escalation", 2, None),
        ("last_resort", 0, None),
    ]
    assert desk.who(acme) == "Maya Cohen"


def test_the_last_resort_is_always_there(desk: Desk, moving_clock: MovingClock) -> None:
    acme = desk.account("Acme")
    assert desk.who(acme) == "Rita Okafor", "until one is chosen, the admin who was there first"
    coverage.set_last_resort(desk.session, RITA_ACTS, desk.maya.id, reach_name="Night desk")
    coverage.add_absence(desk.session, HUB, desk.maya.id, clock.now(), clock.now() + timedelta(days=9))
    assert coverage.responsible(desk.session, acme).reach.name == "Night desk"
    with pytest.raises(Conflict, match="last resort"):
        coverage.disable(desk.session, RITA_ACTS, desk.maya)
    moving_clock.forward(timedelta(hours=3))
    coverage.set_last_resort(desk.session, RITA_ACTS, desk.dana.id)
    assert desk.who(acme) == "Dana Krause"
    assert desk.who(acme, clock.now() - timedelta(hours=1)) == "Maya Cohen"
    coverage.disable(desk.session, RITA_ACTS, desk.maya)
    with pytest.raises(Conflict, match="last admin"):
        coverage.disable(desk.session, RITA_ACTS, desk.rita)


def test_a_change_of_admins_does_not_change_duty(desk: Desk, moving_clock: MovingClock) -> None:
    acme = desk.account("Acme")
    coverage.record_due(desk.session)
    coverage.change_roles(desk.session, HUB, desk.kim, ["admin"])
    coverage.change_roles(desk.session, HUB, desk.rita, ["lead"])
    moving_clock.forward(timedelta(days=1))
    assert desk.who(acme) == "Rita Okafor"
    assert coverage.last_resort(desk.session) is not None


def test_without_anybody_the_hub_says_what_to_do(hub: Hub) -> None:
    with hub.db.write() as session:
        alone = accounts.add_account(session, HUB, "Alone", prefix="ALO")
        assert coverage.record_due(session) == 0
        with pytest.raises(Misconfigured, match="hub user add"):
            coverage.responsible(session, alone.id)
        with pytest.raises(NotFound):
            coverage.responsible(session, uuid.uuid4())


def test_only_those_who_can_be_responsible_are_assigned(desk: Desk) -> None:
    acme = desk.account("Acme")
    customer = people.add_person(desk.session, HUB, "Petra Petersen")
    noc = people.add_person(desk.session, HUB, "NOC", kind="function")
    desk.assign(acme, "deputy", noc)
    for who, role, options in (
        (customer, "named", {}),
        (desk.kim, "rotation", {}),
        (desk.kim, "boss", {}),
        (desk.kim, "named", {"zone": "Mars/Base"}),
        (desk.kim, "named", {"hours": [{"days": [9], "from": "09:00", "until": "10:00"}]}),
        (desk.kim, "named", {"valid_until": clock.now() - timedelta(hours=1)}),
    ):
        with pytest.raises(Invalid):
            desk.assign(acme, role, who, **options)
    with pytest.raises(Invalid):
        coverage.add_absence(desk.session, HUB, desk.kim.id, clock.now(), clock.now())
    coverage.disable(desk.session, HUB, desk.kim)
    with pytest.raises(Invalid):
        desk.assign(acme, "named", desk.kim)


def test_before_an_account_existed_and_after_it_closed(desk: Desk, moving_clock: MovingClock) -> None:
    acme = desk.account("Acme")
    desk.assign(acme, "named", desk.kim, hours=OFFICE)
    moving_clock.set(utc("2026-03-02T12:00"))
    accounts.close_account(desk.session, HUB, accounts.get_account(desk.session, acme))
    moving_clock.set(utc("2026-03-05T22:00"))
    coverage.record_due(desk.session)
    assert desk.who(acme) == "Kim Brandt", "who held it in the end"
    assert desk.who(acme, utc("2020-01-01T00:00")) == desk.who(acme, utc("2026-03-02T09:00"))
    assert coverage.record_due(desk.session) == 0
    assert len(desk.session.scalars(select(Duty).where(Duty.account_id == acme)).all()) == 1


def test_a_worker_whose_clock_is_behind_rewrites_nothing(desk: Desk, moving_clock: MovingClock) -> None:
    acme = desk.account("Acme")
    desk.assign(acme, "named", desk.kim, hours=OFFICE)
    moving_clock.set(utc("2026-03-02T16:31"))
    coverage.record_due(desk.session)
    moving_clock.set(utc("2026-03-02T16:00"))
    desk.assign(acme, "deputy", desk.dana)
    assert desk.who(acme, utc("2026-03-02T16:29")) == "Kim Brandt"
    moving_clock.set(utc("2026-03-02T16:40"))
    assert desk.who(acme) == "Dana Krause"
    assert desk.who(acme, utc("2026-03-02T16:30")) == "Rita Okafor"


@pytest.mark.parametrize("written", [True, False])
def test_the_number_of_statements_does_not_grow_with_accounts(hub: Hub, desk: Desk, written: bool) -> None:
    ids = [desk.account(f"Account {n}") for n in range(40)]
    for account in ids:
        desk.assign(account, "named", desk.kim, hours=OFFICE)
    if not written:
        for row in (*desk.session.scalars(select(coverage.DutyMark)), *desk.session.scalars(select(Duty))):
            desk.session.delete(row)
    desk.session.flush()
    counts = []
    for some in (ids[:1], ids):
        desk.session.expire_all()
        with counting(hub.db) as statements:
            assert len(coverage.responsible_for(desk.session, some)) == len(some)
        counts.append(len(statements))
    assert counts[0] == counts[1] == (1 if written else 5)


def test_two_workers_write_a_change_once(hub: Hub, desk: Desk, moving_clock: MovingClock) -> None:
    acme = desk.account("Acme")
    desk.assign(acme, "named", desk.kim, hours=OFFICE)
    moving_clock.set(utc("2026-03-04T12:00"))
    assert coverage.record_due(desk.session) == 1
    assert coverage.record_due(desk.session) == 0
    assert coverage.record_due(desk.session, [acme]) == 0
    assert len(desk.told(acme, "duty.changed")) == 5, "on, off, on, off, on: once each"


def test_a_customer_gets_the_right_answer_without_seeing_the_parents_assignments(
    hub: Hub, moving_clock: MovingClock
) -> None:
    """A change is due and not written; what decides it belongs to an account that the customer cannot see."""
    with hub.db.write() as session:
        rita, kim = (people.add_person(session, HUB, name) for name in ("Rita Okafor", "Kim Brandt"))
        for person in (rita, kim):
            people.grant_role(session, HUB, person, "admin")
        group = accounts.add_account(session, HUB, "Group", prefix="GRP")
        child = accounts.add_account(session, HUB, "Kiel", prefix="KIE", parent=group).id
        coverage.assign(session, HUB, group.id, "named", kim.id, hours=OFFICE, zone=BERLIN)
    moving_clock.set(utc("2026-03-03T09:00"))
    with hub.db.read(RowScope("customer", accounts=frozenset({child}))) as session:
        assert coverage.responsible(session, child).person_name == "Kim Brandt"
    moving_clock.set(utc("2026-03-03T21:00"))
    with hub.db.read(RowScope("customer", accounts=frozenset({child}))) as session:
        assert coverage.responsible(session, child).person_name == "Rita Okafor"


def test_uncovered_accounts_are_found(desk: Desk) -> None:
    group = accounts.add_account(desk.session, HUB, "Group", prefix="GRP")
    desk.account("Kiel", group)
    bare = desk.account("Bare")
    desk.assign(group.id, "named", desk.kim, hours=OFFICE)
    assert [account.id for account in coverage.uncovered(desk.session)] == [bare]
