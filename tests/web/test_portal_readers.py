"""What the portal offers its readers: who only reads, who sees some cases only, who waits for us."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import select

from hub.base import clock
from hub.domain import access, accounts, people
from hub.domain.accounts import Account, Limits
from hub.domain.audit import HUB
from hub.domain.cases import NewCase
from hub.domain.people import Person
from hub.flows import desk
from hub.flows.runtime import Hub
from hub.testing.pages import Browser
from hub.testing.world import PASSWORD, World
from hub.web import portal_read
from hub.web.portal_case import VERBS

REPORT = "/portal/nordwind/report/problem"
Browse = Callable[[str], Browser]


@pytest.fixture
def join(hub: Hub, world: World, browse: Browse) -> Callable[[str, Limits | None], Browser]:
    """`join("viewer", None)`: one more member of Nordwind's with this role, at their browser."""

    def made(role: str, limits: Limits | None = None) -> Browser:
        with hub.db.write() as session:
            person = people.add_person(session, HUB, f"{role} Member")
            people.set_password(session, HUB, person, f"{role}@nordwind.example", PASSWORD)
            account = session.get_one(Account, world.nordwind.account)
            accounts.add_member(session, HUB, account, person, [role], limits=limits)
        return browse(f"{role}@nordwind.example")

    return made


@pytest.mark.parametrize("role", ["viewer", "billing"])
def test_who_may_only_read_is_offered_no_report(
    join: Callable[[str, Limits | None], Browser], role: str
) -> None:
    reader = join(role, None)
    for place in ("/portal/nordwind", "/portal/nordwind/cases"):
        assert REPORT not in reader.get(place).text
    assert reader.get(REPORT).status_code == 403


def test_who_may_report_is_offered_it(petra: Browser) -> None:
    assert REPORT in petra.get("/portal/nordwind/cases").text
    assert petra.get(REPORT).status_code == 200


def test_an_old_case_shows_its_story_however_many_are_younger(
    hub: Hub,
    world: World,
    join: Callable[[str, Limits | None], Browser],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(portal_read, "MOST", 0)  # the account's page reads the story of the newest ones only
    with hub.db.write() as session:
        account = session.get_one(Account, world.nordwind.account)
        new = NewCase(
            title="Old", case_type="question", customer_title="Old one", service_id=world.nordwind.service
        )
        case = desk.open_case(session, access.viewer_of(session, world.kim), account, new, share=True)
        number = case.number
    limited = join("technical", Limits(services=frozenset({world.nordwind.service})))
    shown = limited.get(f"/portal/nordwind/case/{number}").text
    assert "Nothing yet" not in shown
    assert "We opened this case for you" in shown


def test_a_promise_that_is_past_is_owned_up_to(hub: Hub, world: World, kim: Browser, petra: Browser) -> None:
    with hub.db.write() as session:
        account = session.get_one(Account, world.nordwind.account)
        viewer = access.viewer_of(session, world.kim)
        new = NewCase(title="Down", case_type="incident", customer_title="Line down")
        case = desk.open_case(session, viewer, account, new, share=True)
        soon = clock.now() + timedelta(minutes=10)
        desk.publish_to_customer(session, viewer, case, "We splice.", next_step="Test", next_update_by=soon)
        address = f"case/{case.number}"
    places = ("/portal/nordwind", f"/portal/nordwind/{address}")
    assert all("You hear from us by" in petra.get(place).text for place in places)
    with clock.shifted(timedelta(minutes=15)):
        for place in places:
            shown = petra.get(place).text
            assert "We are late, and sorry for it." in shown
            assert "You hear from us by" not in shown
        assert kim.post(f"/desk/nordwind/{address}/wait", {"reason": "customer"}).status_code == 303
        assert "We are late" not in petra.get(places[1]).text


FORMS = {
    "answer": {"text": "It works again."},
    "confirm": {},
    "reopen": {"reason": "It is still dark."},
    "reference": {"reference": "PO-77"},
    "watch": {},
    "unwatch": {},
    "let_follow": {},
    "end_follow": {},
}
"""What is written into the form of each verb; a colleague is added to the last two."""
OWN_MATTER = {"watch", "unwatch"}
"""Whoever sees a case may follow it; all else is for those who speak for the account."""


@pytest.fixture
def solved(hub: Hub, world: World) -> str:
    """The page of a case that we solved for Nordwind."""
    with hub.db.write() as session:
        account = session.get_one(Account, world.nordwind.account)
        viewer = access.viewer_of(session, world.kim)
        new = NewCase(title="Down", case_type="incident", customer_title="Line down")
        case = desk.open_case(session, viewer, account, new, share=True)
        desk.resolve_case(session, viewer, case, "Spliced.")
        return f"/portal/nordwind/case/{case.number}"


def answers_to(browser: Browser, world: World, case: str, verb: str) -> int:
    data = {**FORMS[verb], "person": str(world.nordwind.person)}
    return browser.post(f"{case}/{verb}", data).status_code


@pytest.mark.parametrize("role", ["viewer", "billing"])
def test_who_may_only_read_can_do_nothing_about_a_case_but_follow_it(
    join: Callable[[str, Limits | None], Browser],
    petra: Browser,
    hub: Hub,
    world: World,
    solved: str,
    role: str,
) -> None:
    reader = join(role, None)
    with hub.db.read() as session:
        person = session.scalars(select(Person.id).where(Person.name == f"{role} Member")).one()
    assert petra.post(f"{solved}/let_follow", {"person": str(person)}).status_code == 303
    assert reader.get(solved).status_code == 200
    unseen_last = sorted(VERBS, key="unwatch".__eq__)
    answered = {verb: answers_to(reader, world, solved, verb) for verb in unseen_last}
    assert answered == {verb: 303 if verb in OWN_MATTER else 403 for verb in FORMS}


@pytest.mark.parametrize("verb", sorted(FORMS))
def test_who_speaks_for_the_account_can_do_it_all(
    petra: Browser, world: World, solved: str, verb: str
) -> None:
    assert answers_to(petra, world, solved, verb) == 303
