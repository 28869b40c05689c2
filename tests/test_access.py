"""Who reaches what: a foreign account does not exist, a verb that is not theirs is refused."""

import uuid
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.orm import Session

from hub.base import clock
from hub.base.db import NOBODY
from hub.base.errors import Forbidden, NotFound, Unauthenticated
from hub.domain import access, accounts, coverage, people
from hub.domain.access import Viewer
from hub.domain.accounts import Account, Limits, MemberRole
from hub.domain.audit import HUB
from hub.domain.people import Person, StaffRole
from hub.flows.runtime import Hub
from hub.testing.fixtures import MovingClock, counting


@pytest.fixture
def session(hub: Hub, moving_clock: MovingClock) -> Iterator[Session]:
    with hub.db.write() as opened:
        rita = people.add_person(opened, HUB, "Rita Okafor")
        people.grant_role(opened, HUB, rita, "admin")
        coverage.set_last_resort(opened, HUB, rita.id)
        yield opened


def account(session: Session, name: str, parent: Account | None = None, **options: Any) -> Account:
    return accounts.add_account(session, HUB, name, prefix=name[:4], parent=parent, **options)


def one_of_us(session: Session, name: str, *roles: str) -> Person:
    person = people.add_person(session, HUB, name)
    for role in roles:
        people.grant_role(session, HUB, person, role)
    return person


def seen(session: Session, viewer: Viewer, lens: str) -> list[str]:
    """The accounts of the list, each of which also opens by its address; nothing else does."""
    names = [found.name for found in access.accounts(session, viewer, lens)]
    for slug in ("acme", "bolt", "secret", "group", "kiel", "west"):
        try:
            opened = access.account(session, viewer, lens, slug).name
        except NotFound:
            opened = None
        assert (opened in names) if opened else (slug.capitalize() not in names)
    return names


def test_a_customer_reaches_their_own_accounts_and_no_other(session: Session) -> None:
    acme, _ = account(session, "Acme"), account(session, "Bolt")
    petra = people.add_person(session, HUB, "Petra Petersen")
    accounts.add_member(session, HUB, acme, petra, ["requester"])
    viewer = access.viewer_of(session, petra.id)
    assert seen(session, viewer, "customer") == ["Acme"]
    assert seen(session, viewer, "staff") == []
    assert viewer.lens_scope("customer").accounts == {acme.id}
    with pytest.raises(Forbidden):
        viewer.lens_scope("staff")
    with pytest.raises(NotFound):
        access.account(session, viewer, "anything", "acme")


def test_roles_are_asked_for_strangers_get_404_members_403(session: Session) -> None:
    acme, bolt = account(session, "Acme"), account(session, "Bolt")
    petra = people.add_person(session, HUB, "Petra Petersen")
    accounts.add_member(session, HUB, acme, petra, ["requester", "billing"])
    viewer = access.viewer_of(session, petra.id)
    assert access.require_member(viewer, acme.id, MemberRole.APPROVER, MemberRole.BILLING).roles
    with pytest.raises(Forbidden):
        access.require_member(viewer, acme.id, MemberRole.APPROVER)
    with pytest.raises(NotFound):
        access.require_member(viewer, bolt.id)
    with pytest.raises(Forbidden):
        access.require_staff(viewer)
    lead = access.viewer_of(session, one_of_us(session, "Lea Lead", "lead").id)
    access.require_staff(lead)
    access.require_staff(lead, StaffRole.ADMIN, StaffRole.LEAD)
    with pytest.raises(Forbidden):
        access.require_staff(lead, StaffRole.ADMIN)


def test_a_membership_reaches_children_unless_they_say_otherwise(session: Session) -> None:
    group = account(session, "Group")
    kiel = account(session, "Kiel", group)
    west = account(session, "West", kiel)
    petra = people.add_person(session, HUB, "Petra Petersen")
    accounts.add_member(session, HUB, group, petra, ["portal_admin"])
    assert seen(session, access.viewer_of(session, petra.id), "customer") == ["Group", "Kiel", "West"]
    site = accounts.add_site(session, HUB, kiel, "Harbour")
    own = accounts.add_member(session, HUB, kiel, petra, ["viewer"], limits=Limits(frozenset({site.id})))
    viewer = access.viewer_of(session, petra.id)
    assert viewer.members[kiel.id].roles == {MemberRole.VIEWER}
    assert viewer.members[group.id].roles == {MemberRole.PORTAL_ADMIN}
    assert west.id not in viewer.members, "a limited membership stops at its account"
    accounts.change_member(session, HUB, own, limits=Limits())
    assert access.viewer_of(session, petra.id).members[west.id].roles == {MemberRole.VIEWER}
    accounts.end_member(session, HUB, own)
    assert access.viewer_of(session, petra.id).members[west.id].roles == {MemberRole.PORTAL_ADMIN}


def test_a_child_does_not_open_its_parent(session: Session) -> None:
    group = account(session, "Group")
    kiel = account(session, "Kiel", group)
    account(session, "West", group)
    petra = people.add_person(session, HUB, "Petra Petersen")
    accounts.add_member(session, HUB, kiel, petra, ["portal_admin"])
    assert seen(session, access.viewer_of(session, petra.id), "customer") == ["Kiel"]


def test_limits_let_through_what_matches_once() -> None:
    site, service, other = (uuid.uuid4() for _ in range(3))
    limited = access.Member(frozenset(), frozenset({site}), frozenset({service}))
    assert limited.covers(site, None)
    assert limited.covers(other, service)
    assert not limited.covers(other, other)
    assert not limited.covers(None, None)
    assert not access.Member(frozenset(), frozenset(), None).covers(None, None)
    assert access.Member(frozenset()).covers(None, None)


def test_memberships_begin_and_end_and_closed_accounts_let_nobody_in(
    session: Session, moving_clock: MovingClock
) -> None:
    acme = account(session, "Acme")
    petra = people.add_person(session, HUB, "Petra Petersen")
    start, end = clock.now() + timedelta(days=1), clock.now() + timedelta(days=2)
    accounts.add_member(session, HUB, acme, petra, ["viewer"], valid_from=start, valid_until=end)

    def inside() -> bool:
        return acme.id in access.viewer_of(session, petra.id).members

    assert not inside()
    moving_clock.set(start)
    assert inside()
    moving_clock.set(end)
    assert not inside()
    moving_clock.set(start)
    accounts.close_account(session, HUB, acme)
    session.flush()
    assert not inside()


def test_a_session_reaches_only_accounts_that_trust_its_issuer(session: Session) -> None:
    group = account(session, "Group")
    kiel = account(session, "Kiel", group, password_login=False)
    account(session, "West", kiel)
    petra = people.add_person(session, HUB, "Petra Petersen")
    accounts.add_member(session, HUB, group, petra, ["viewer"])
    assert seen(session, access.viewer_of(session, petra.id), "customer") == ["Group", "West"]
    assert access.viewer_of(session, petra.id, "https://login.elsewhere.example").members == {}
    rita = one_of_us(session, "Ria", "admin")
    assert not access.viewer_of(session, rita.id, "https://login.elsewhere.example").is_staff
    accounts.change_account(session, HUB, group, password_login=False)
    session.flush()
    assert access.viewer_of(session, petra.id).members == {}


def test_restricted_accounts_are_for_their_assignees_leads_and_the_last_resort(session: Session) -> None:
    account(session, "Acme")
    secret = account(session, "Secret", restricted=True)
    account(session, "West", secret, restricted=True)
    kim, dana = one_of_us(session, "Kim", "contact"), one_of_us(session, "Dana", "contact", "admin")
    lead = one_of_us(session, "Lea", "lead")
    coverage.assign(session, HUB, secret.id, "deputy", kim.id, reach_name="Your contact")
    [rita] = [person for person in people.staff(session, "admin") if person.name == "Rita Okafor"]
    viewers = {person.name: access.viewer_of(session, person.id) for person in (kim, dana, lead, rita)}
    everything = ["Acme", "Secret", "West"]
    assert seen(session, viewers["Kim"], "staff") == everything
    assert seen(session, viewers["Lea"], "staff") == everything
    assert seen(session, viewers["Rita Okafor"], "staff") == everything
    assert seen(session, viewers["Dana"], "staff") == ["Acme"]
    assert viewers["Dana"].lens_scope("staff").hidden == viewers["Dana"].hidden != frozenset()
    assert viewers["Kim"].actor("staff", secret.id).public == "Your contact"
    assert viewers["Dana"].actor("staff", secret.id).public == "", "customers never read a private name"


def test_assignments_that_ended_open_nothing(session: Session, moving_clock: MovingClock) -> None:
    secret = account(session, "Secret", restricted=True)
    kim = one_of_us(session, "Kim", "contact")
    assignment = coverage.assign(session, HUB, secret.id, "named", kim.id)
    assert secret.id not in access.viewer_of(session, kim.id).hidden
    coverage.end_assignment(session, HUB, assignment)
    assert secret.id in access.viewer_of(session, kim.id).hidden


def test_who_acts_and_under_which_name(session: Session) -> None:
    acme = account(session, "Acme")
    both = one_of_us(session, "Kim Brandt", "contact")
    accounts.add_member(session, HUB, acme, both, ["viewer"])
    viewer = access.viewer_of(session, both.id)
    assert (viewer.actor("staff").kind, viewer.actor("customer").kind) == ("staff", "customer")
    assert viewer.actor("customer").shown_to_customers == "Kim Brandt"
    assert viewer.self_actor().kind == "staff"


def test_whoever_is_disabled_or_unknown_is_nobody(session: Session) -> None:
    kim = one_of_us(session, "Kim", "contact")
    access.viewer_of(session, kim.id)
    coverage.disable(session, HUB, kim)
    session.flush()
    for person_id in (kim.id, uuid.uuid4()):
        with pytest.raises(Unauthenticated):
            access.viewer_of(session, person_id)


def test_a_page_finds_out_who_asks_before_it_may_see_anything(hub: Hub) -> None:
    """Nobody's scope suffices: restricted accounts are hidden, memberships are found."""
    with hub.db.write() as session:
        rita = one_of_us(session, "Rita", "admin")
        coverage.set_last_resort(session, HUB, rita.id)
        secret = account(session, "Secret", restricted=True)
        group = account(session, "Group")
        kiel = account(session, "Kiel", group)
        kim = one_of_us(session, "Kim", "contact")
        accounts.add_member(session, HUB, group, kim, ["viewer"])
    with hub.db.read(NOBODY) as session:
        viewer = access.viewer_of(session, kim.id)
        assert viewer.hidden == {secret.id}
        assert set(viewer.members) == {group.id, kiel.id}


def test_the_number_of_statements_does_not_grow_with_accounts(hub: Hub, session: Session) -> None:
    petra = one_of_us(session, "Petra", "contact")
    counts = []
    for round_ in range(2):
        for number in range(1 + 10 * round_):
            made = account(session, f"Many {round_} {number}", restricted=True)
            accounts.add_member(session, HUB, made, petra, ["viewer"])
            coverage.assign(session, HUB, made.id, "named", petra.id)
        account(session, f"Hidden {round_}", restricted=True)
        session.flush()
        session.expire_all()
        with counting(hub.db) as statements:
            viewer = access.viewer_of(session, petra.id)
        counts.append(len(statements))
    assert len(viewer.members) == len(viewer.assigned) == 12
    assert counts[0] == counts[1]
