"""People: how they are reached, how they sign in, what they may do among us."""

import uuid
from collections.abc import Iterator
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.base.errors import Conflict, Invalid, NotFound
from hub.domain import coverage, people, sessions
from hub.domain.audit import HUB, AuditLine
from hub.domain.people import Identity, Person, PointKind, StaffRole, normalise
from hub.flows.runtime import Hub
from hub.testing.fixtures import MovingClock

PASSWORD = "correct horse battery"


@pytest.fixture
def session(hub: Hub, moving_clock: MovingClock) -> Iterator[Session]:
    with hub.db.write() as opened:
        yield opened


@pytest.fixture
def anna(session: Session) -> Person:
    return people.add_person(session, HUB, "Anna Weber", emails=["Anna@Example.com"], zone="Europe/Berlin")


@pytest.mark.parametrize(
    ("kind", "written", "normal"),
    [
        ("email", " Anna.Weber@Example.COM ", "anna.weber@example.com"),
        ("email", "a@MÜLLER.de", "a@xn--mller-kva.de"),
        ("email", "a@xn--mller-kva.de", "a@xn--mller-kva.de"),
        ("phone", "+49 (0)30 / 90-18.20", "+4930901820"),
        ("phone", "0049 30 901820", "+4930901820"),
        ("sms", "+1 212\u2011555\u20110142", "+12125550142"),
    ],
)
def test_points_are_compared_in_one_form(kind: str, written: str, normal: str) -> None:
    assert normalise(kind, written) == normal
    assert normalise(kind, normal) == normal


@pytest.mark.parametrize(
    ("kind", "written"),
    [
        *(
            ("email", text)
            for text in ("", "anna", "@x.de", "a@", "a b@x.de", "a@x y.de", "a@b@", "a\n@x.de")
        ),
        ("email", "x" * 65 + "@example.com"),
        ("email", "<a@x.de>"),
        *(("phone", text) for text in ("", "030 901820", "+12", "+49 30 call me", "+" + "1" * 16)),
    ],
)
def test_what_is_no_point_is_refused_and_found_nowhere(session: Session, kind: str, written: str) -> None:
    with pytest.raises(Invalid) as refused:
        normalise(kind, written)
    assert refused.value.fields.keys() == {kind}
    assert people.find_by_point(session, kind, written) == []


@given(st.text())
def test_no_text_breaks_a_look_at_a_point(text: str) -> None:
    for kind in PointKind:
        try:
            assert normalise(kind, normalise(kind, text)) == normalise(kind, text)
        except Invalid:
            continue


def test_a_person_is_found_by_every_present_point_however_it_is_written(
    session: Session, anna: Person
) -> None:
    people.add_point(session, HUB, anna.id, "phone", "+49 30 901820")
    assert people.find_by_point(session, "email", "ANNA@example.com") == [anna]
    assert people.find_by_point(session, "phone", "0049 (0)30 90 18 20") == [anna]
    noc = people.add_person(session, HUB, "NOC", kind="function", emails=["anna@example.com"])
    assert people.find_by_point(session, "email", "anna@example.com") == [anna, noc], "a shared mailbox"
    [mail] = [p for p in people.points_of(session, anna.id) if p.kind == "email"]
    people.end_point(session, HUB, mail)
    assert people.find_by_point(session, "email", "anna@example.com") == [noc]


def test_points_are_tried_in_the_order_in_which_they_were_added(
    session: Session, anna: Person, moving_clock: MovingClock
) -> None:
    second = people.add_point(session, HUB, anna.id, "email", "second@example.com")
    first = people.points_of(session, anna.id)[0]
    assert people.addresses_of(session, anna.id) == ["anna@example.com", "second@example.com"]
    people.end_point(session, HUB, first)
    moving_clock.forward(timedelta(days=1))
    assert people.add_point(session, HUB, anna.id, "email", "ANNA@EXAMPLE.COM").id == first.id
    assert people.addresses_of(session, anna.id) == ["second@example.com", "anna@example.com"]
    assert people.add_point(session, HUB, anna.id, "email", "Second@example.com").id == second.id
    assert people.addresses_of(session, anna.id, "phone") == []


def test_somebody_who_was_disabled_is_reached_nowhere(session: Session, anna: Person) -> None:
    rita = people.add_person(session, HUB, "Rita Okafor")
    people.grant_role(session, HUB, rita, "admin")
    people.set_password(session, HUB, anna, "anna", PASSWORD)
    coverage.disable(session, HUB, anna)
    assert people.find_by_point(session, "email", "anna@example.com") == []
    assert people.addresses_for(session, [anna.id, rita.id]) == {}
    assert people.check_password(session, "anna", PASSWORD) is None
    coverage.enable(session, HUB, anna)
    assert people.check_password(session, "anna", PASSWORD) == anna


def test_signing_in_takes_the_right_name_and_password(session: Session, anna: Person) -> None:
    people.set_password(session, HUB, anna, " Anna ", PASSWORD)
    assert people.check_password(session, "ANNA", PASSWORD) == anna
    assert people.login_of(session, anna) == "anna"
    for login, password in (("anna", PASSWORD + "!"), ("ben", PASSWORD), ("", ""), ("anna", "x" * 100_000)):
        assert people.check_password(session, login, password) is None
    people.set_password(session, HUB, anna, "anna.weber", "another good one")
    assert people.check_password(session, "anna", PASSWORD) is None
    assert people.check_password(session, "anna", "another good one") is None
    assert people.check_password(session, "anna.weber", "another good one") == anna


def test_passwords_that_are_no_good_are_refused_and_none_is_ever_shown(
    session: Session, anna: Person
) -> None:
    noc = people.add_person(session, HUB, "NOC", kind="function")
    for who, login, password in (
        (anna, "anna", "short"),
        (anna, "anna", "x" * 257),
        (anna, "anna.weber@example.com", "Anna.Weber@example.com"),
        (anna, "an na", PASSWORD),
        (anna, "", PASSWORD),
        (noc, "noc", PASSWORD),
    ):
        with pytest.raises(Invalid):
            people.set_password(session, HUB, who, login, password)
    people.set_password(session, HUB, anna, "anna", PASSWORD)
    with pytest.raises(Conflict):
        people.set_password(session, HUB, people.add_person(session, HUB, "Ben"), "Anna", PASSWORD)
    stored = session.scalars(select(Identity.password_hash)).one()
    assert stored is not None
    assert stored.startswith("$argon2id$")
    said = [f"{line.sentence} {line.data}" for line in session.scalars(select(AuditLine))]
    assert not any(PASSWORD in line or stored in line for line in said)


def test_a_new_password_ends_the_sessions_that_were_opened_before(
    session: Session, anna: Person, moving_clock: MovingClock
) -> None:
    people.set_password(session, HUB, anna, "anna", PASSWORD)
    old = sessions.start(session, anna.id, "local", timedelta(hours=8), "browser")
    assert sessions.find(session, old) is not None
    moving_clock.forward(timedelta(minutes=5))
    people.set_password(session, HUB, anna, "anna", "another good one")
    assert sessions.find(session, old) is None
    new = sessions.start(session, anna.id, "local", timedelta(hours=8), "browser")
    assert sessions.find(session, new) is not None
    moving_clock.forward(timedelta(hours=8))
    assert sessions.find(session, new) is None


def test_a_rate_window_counts_and_opens_again(session: Session, moving_clock: MovingClock) -> None:
    window = timedelta(minutes=15)
    assert [sessions.hit(session, "login:x", 2, window) == 0 for _ in range(4)] == [True, True, False, False]
    assert sessions.hit(session, "login:y", 2, window) == 0
    moving_clock.forward(timedelta(seconds=sessions.hit(session, "login:x", 2, window)))
    assert sessions.hit(session, "login:x", 2, window) == 0
    moving_clock.forward(timedelta(days=8))
    assert sessions.prune(session) == 3


def test_the_last_admin_stays_admin(session: Session, anna: Person) -> None:
    people.grant_role(session, HUB, anna, "admin")
    people.grant_role(session, HUB, anna, "lead")
    people.grant_role(session, HUB, anna, "lead")
    assert people.roles_of(session, anna.id) == {StaffRole.ADMIN, StaffRole.LEAD}
    with pytest.raises(Conflict):
        people.revoke_role(session, HUB, anna, "admin")
    ben = people.add_person(session, HUB, "Ben Kohl")
    people.grant_role(session, HUB, ben, "admin")
    people.revoke_role(session, HUB, anna, "admin")
    assert people.roles_of(session, anna.id) == {StaffRole.LEAD}
    assert people.staff(session) == [anna, ben]
    assert people.staff(session, "lead", "auditor") == [anna]
    with pytest.raises(Invalid):
        people.grant_role(session, HUB, people.add_person(session, HUB, "NOC", kind="function"), "contact")


def test_every_change_of_a_person_leaves_a_line(session: Session, anna: Person) -> None:
    people.change_person(session, HUB, anna, name="Anna Weber-Kohl", language="de", zone="Europe/Berlin")
    people.change_person(session, HUB, anna, name="Anna Weber-Kohl")
    people.verify(session, HUB, people.points_of(session, anna.id)[0])
    people.grant_role(session, HUB, anna, "contact")
    people.revoke_role(session, HUB, anna, "contact")
    lines = list(
        session.scalars(select(AuditLine).where(AuditLine.object_id == anna.id).order_by(AuditLine.id))
    )
    assert [line.action for line in lines] == [
        *("person.added", "point.added", "person.changed", "point.verified", "role.granted", "role.revoked")
    ]
    assert lines[2].data == {
        "name": {"from": "Anna Weber", "to": "Anna Weber-Kohl"},
        "language": {"from": "en", "to": "de"},
    }


def test_people_that_cannot_be_are_refused(session: Session, anna: Person) -> None:
    for wrong in ({"name": "  "}, {"language": "xx"}, {"zone": "Berlin"}, {"zone": "../../etc/passwd"}):
        with pytest.raises(Invalid):
            people.change_person(session, HUB, anna, **wrong)
    with pytest.raises(Invalid):
        people.add_person(session, HUB, "Ben", emails=["nobody"])
    with pytest.raises(NotFound):
        people.get_person(session, uuid.uuid4())
