"""Whoever may not work on an account gets none of its work, none of its mails and none of its duty."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from mail_scene import Scene, mail, mail_scene, take, token
from sqlalchemy import select

from hub.base import clock
from hub.base.errors import Conflict, Invalid
from hub.cli import findings
from hub.domain import access, accounts, cases, coverage, outbox, people, sessions
from hub.domain.accounts import Account
from hub.domain.audit import HUB
from hub.domain.coverage import Assignment
from hub.domain.kinds import NO_LONGER_THEIRS
from hub.domain.people import Person
from hub.flows import delivery, staffing
from hub.flows.runtime import Hub
from hub.testing.fixtures import MovingClock
from hub.testing.world import World


@pytest.fixture
def scene(moving_clock: MovingClock, hub: Hub, world: World) -> Iterator[Scene]:
    with mail_scene(hub, world) as found:
        yield found


def restrict(scene: Scene) -> None:
    with scene.hub.db.write() as session:
        account = session.get_one(Account, scene.world.nordwind.account)
        accounts.change_account(session, HUB, account, restricted=True)


def one_of_us(scene: Scene, name: str, *roles: str) -> Person:
    with scene.hub.db.write() as session:
        person = people.add_person(session, HUB, name, emails=[f"{name.lower()}@elbe.example"])
        for role in roles:
            people.grant_role(session, HUB, person, role)
        return person


def give(scene: Scene, case_id, person_id) -> None:
    with scene.hub.db.write() as session:
        cases.set_handler(session, HUB, cases.get_case(session, case_id), person_id)


def roles(scene: Scene, person_id, *wanted: str) -> None:
    with scene.hub.db.write() as session:
        staffing.change_roles(session, HUB, people.get_person(session, person_id), wanted)


def answers_for(scene: Scene, person_id) -> list[str]:
    with scene.hub.db.read() as session:
        known = {scene.world.nordwind.account: "nordwind", scene.world.bolt.account: "bolt"}
        found = coverage.responsible_for(session, list(known))
        return [known[key] for key, duty in found.items() if duty.person_id == person_id]


def changes(scene: Scene) -> list:
    return [each for each in scene.entries("duty.changed") if each.account_id == scene.world.nordwind.account]


# Who may be given a case


def test_a_case_is_given_to_nobody_who_may_not_work_on_its_account(scene: Scene) -> None:
    case, otto = scene.case(), one_of_us(scene, "Otto", "auditor")
    with pytest.raises(Invalid) as refused:
        give(scene, case, otto.id)
    assert "person_id" in refused.value.fields
    give(scene, case, scene.world.maya)
    give(scene, case, None)
    restrict(scene)
    with pytest.raises(Invalid) as refused:
        give(scene, case, scene.world.maya)
    assert "person_id" in refused.value.fields
    for person_id in (scene.world.dana, scene.world.rita, one_of_us(scene, "Lea", "lead").id):
        give(scene, case, person_id)


@pytest.mark.parametrize("restricted", [False, True])
def test_who_may_be_given_a_case_is_who_may_see_it_and_act(scene: Scene, restricted: bool) -> None:
    for name, role in (("Otto", "auditor"), ("Lea", "lead"), ("Ada", "admin"), ("Nils", "oncall")):
        one_of_us(scene, name, role)
    gone = one_of_us(scene, "Gone", "lead")
    if restricted:
        restrict(scene)
    with scene.hub.db.write() as session:
        coverage.disable(session, HUB, people.get_person(session, gone.id))
        group = accounts.add_account(session, HUB, "Group", prefix="GRP")
        account = session.get_one(Account, scene.world.nordwind.account)
        coverage.move_account(session, HUB, account, group)
        nils = session.scalars(select(Person).where(Person.name == "Nils")).one()
        coverage.assign(session, HUB, group.id, "escalation", nils.id, level=1)
    with scene.hub.db.read() as session:
        account = session.get_one(Account, scene.world.nordwind.account)
        expected = [
            person.name
            for person in people.staff(session, *people.WORKERS)
            if account.id not in access.viewer_of(session, person.id).hidden
        ]
        assert [person.name for person in access.workers(session, account)] == expected
    assert ("Maya Cohen" in expected, "Nils" in expected) == (not restricted, True)


# What is sent is looked at once more


def test_a_customers_words_reach_no_handler_from_whom_the_account_is_hidden_by_now(scene: Scene) -> None:
    case = scene.case()
    give(scene, case, scene.world.maya)
    restrict(scene)
    take(scene, mail(to=token(scene, "case", case), text="Secret words."))
    scene.deliver()
    assert scene.sent_to() == ["kim@elbe.example"]
    [missed] = scene.entries("notice.not_sent")
    assert (missed.data["person"], missed.data["why"]) == ("Maya Cohen", NO_LONGER_THEIRS)


@pytest.mark.parametrize("change", ["restricted", "auditor"])
def test_a_mail_that_is_due_already_does_not_leave_for_somebody_who_may_not_see_it_any_more(
    scene: Scene, change: str
) -> None:
    case = scene.case()
    give(scene, case, scene.world.maya)
    scene.tell("handler", case, "case-wrote:1")
    with scene.hub.db.write() as session:
        [due] = outbox.claim(session, 1, timedelta(minutes=1))
    delivery.attempt(scene.hub, due)  # from here on the mail is Maya's
    if change == "restricted":
        restrict(scene)
    else:
        with scene.hub.db.write() as session:
            person = people.get_person(session, scene.world.maya)
            people.grant_role(session, HUB, person, "auditor")
            people.revoke_role(session, HUB, person, "contact")
    scene.deliver()
    assert scene.sent_to() == ["kim@elbe.example"]


def test_a_function_is_told_where_it_is_assigned(scene: Scene) -> None:
    case = scene.case()
    restrict(scene)
    with scene.hub.db.write() as session:
        noc = people.add_person(session, HUB, "NOC", kind="function", emails=["noc@elbe.example"])
        row = coverage.assign(session, HUB, scene.world.nordwind.account, "escalation", noc.id, level=1)
        row_id = row.id
        for person_id in (scene.world.kim, scene.world.dana):
            staffing.disable(session, HUB, people.get_person(session, person_id))
    scene.tell("responsible", case, "case-wrote:1")
    scene.deliver()
    assert scene.sent_to() == ["noc@elbe.example"]
    with scene.hub.db.write() as session:
        row = session.get_one(Assignment, (scene.world.nordwind.account, row_id))
        scene_account = session.get_one(Account, scene.world.nordwind.account)
        assert access.may_be_told(session, scene_account, [noc.id]) == {noc.id}
        coverage.end_assignment(session, HUB, row)
        assert access.may_be_told(session, scene_account, [noc.id]) == set()


# Who lost their roles is like somebody who left


def test_whoever_loses_the_last_role_that_works_holds_no_duty_from_that_moment(
    scene: Scene, moving_clock: MovingClock
) -> None:
    kim, before = scene.world.kim, len(changes(scene))
    roles(scene, kim, "contact", "oncall", "auditor")
    roles(scene, kim, "lead", "auditor")  # never without one in between
    assert answers_for(scene, kim) == ["nordwind"]
    assert len(changes(scene)) == before
    moving_clock.forward(timedelta(hours=2))
    roles(scene, kim, "auditor")
    assert answers_for(scene, kim) == []
    assert set(answers_for(scene, scene.world.dana)) == {"nordwind"}
    [changed] = changes(scene)[before:]
    assert (changed.data["person"], "Kim Brandt" in changed.data["why"]) == ("Dana Krause", True)
    with scene.hub.db.read() as session:
        account_id, now = scene.world.nordwind.account, clock.now()
        at = {h: coverage.responsible(session, account_id, now + timedelta(hours=h)) for h in (-1, 0, 900)}
        codes = [rung.reason and rung.reason["code"] for rung in coverage.ladder(session, account_id)]
    assert [found.person_id for found in at.values()] == [kim, scene.world.dana, scene.world.dana]
    assert codes == ["no_role", None, None]
    moving_clock.forward(timedelta(hours=2))
    roles(scene, kim, "contact")
    assert answers_for(scene, kim) == ["nordwind"]
    assert len(changes(scene)) == before + 2


@pytest.mark.parametrize("way", ["disabled", "role"])
def test_the_cases_of_whoever_leaves_are_the_responsibles_again_who_hears_of_it(
    scene: Scene, way: str
) -> None:
    first, solved, over = scene.case(), scene.case(), scene.case()
    for case in (first, solved, over):
        give(scene, case, scene.world.maya)
    with scene.hub.db.write() as session:
        cases.resolve(session, HUB, cases.get_case(session, solved), "Done")
        cases.cancel(session, HUB, cases.get_case(session, over), "Twice")
    if way == "disabled":
        with scene.hub.db.write() as session:
            staffing.disable(session, HUB, people.get_person(session, scene.world.maya))
    else:
        roles(scene, scene.world.maya, "auditor")
    handlers = [scene.get(case).handler_id for case in (first, solved, over)]
    assert handlers == [None, None, scene.world.maya], "what is over stays what it was"
    lines = [each for each in scene.entries("case.changed") if each.data["what"] == "no_handler"]
    assert [(each.case_id, each.audience) for each in lines] == [(first, "staff"), (solved, "staff")]
    scene.deliver()
    assert scene.sent_to() == ["kim@elbe.example"], "of the one that is still worked on"


def test_the_last_resort_and_the_last_admin_keep_a_role_that_works(scene: Scene) -> None:
    rita = scene.world.rita
    for wanted in ([], ["auditor"]):
        with pytest.raises(Conflict, match="last resort"):
            roles(scene, rita, *wanted)
    with pytest.raises(Conflict, match="last admin"):
        roles(scene, rita, "lead")
    roles(scene, scene.world.kim, "admin")
    roles(scene, rita, "lead")
    with scene.hub.db.read() as session:
        assert people.roles_of(session, rita) == {"lead"}


def test_nobody_is_assigned_without_a_role_that_works(scene: Scene) -> None:
    otto = one_of_us(scene, "Otto", "auditor")
    with scene.hub.db.write() as session:
        with pytest.raises(Invalid):
            coverage.assign(session, HUB, scene.world.nordwind.account, "named", otto.id)
        with pytest.raises(Invalid):
            coverage.set_last_resort(session, HUB, otto.id)


def test_the_check_names_who_is_assigned_and_does_not_work_any_more(scene: Scene) -> None:
    with scene.hub.db.write() as session:
        assert [found.level for found in findings.staffing(session)] == ["ok"]
        coverage.assign(session, HUB, scene.world.bolt.account, "escalation", scene.world.kim, level=1)
        person = people.get_person(session, scene.world.kim)
        people.revoke_role(session, HUB, person, "contact")
        staffing.disable(session, HUB, people.get_person(session, scene.world.dana))
        told = {found.what: found for found in findings.staffing(session)}
        assert {found.level for found in told.values()} == {"warning"}
        assert set(told) == {
            "Kim Brandt is assigned to Bolt, Nordwind, but has no role that works on accounts.",
            "Dana Krause is assigned to Bolt, Nordwind, but is disabled.",
        }
        people.revoke_role(session, HUB, people.get_person(session, scene.world.rita), "lead")
        session.execute(people.StaffMember.__table__.delete().where(people.StaffMember.role == "admin"))
        found = [each for each in findings.staffing(session) if each.level == "error"]
        assert [each.what for each in found] == [
            "Rita Okafor answers when nobody else does, but has no role that works on accounts."
        ]


# Sessions


def test_a_session_from_before_somebody_was_disabled_opens_nothing_ever_again(scene: Scene) -> None:
    with scene.hub.db.write() as session:
        kim, lasts = people.get_person(session, scene.world.kim), timedelta(hours=8)
        old = sessions.start(session, kim.id, access.LOCAL, lasts, "browser")
        other = sessions.start(session, scene.world.dana, access.LOCAL, lasts, "browser")
        staffing.disable(session, HUB, kim)
        # A sign-in that was on its way when the person was disabled.
        late = sessions.start(session, kim.id, access.LOCAL, lasts, "browser")
        session.flush()
        coverage.enable(session, HUB, kim)
        assert [sessions.find(session, token) for token in (old, late)] == [None, None]
        assert sessions.find(session, other) is not None
        new = sessions.start(session, kim.id, access.LOCAL, lasts, "browser")
        assert sessions.find(session, new) is not None
