"""The composer says who is told, by the rule of the mails, and is offered where an answer can be given."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.base import clock
from hub.domain import access, accounts, cases, people, teams
from hub.domain.accounts import Account, Limits
from hub.domain.audit import HUB
from hub.domain.cases import Case, NewCase
from hub.domain.kinds import Kind
from hub.domain.people import Person
from hub.domain.timeline import Entry
from hub.flows import desk
from hub.flows.runtime import Hub
from hub.testing.pages import Browser, Shown
from hub.testing.world import World


def join(session: Session, account: Account, name: str, role: str, limits: Limits | None = None) -> Person:
    person = people.add_person(session, HUB, name)
    accounts.add_member(session, HUB, account, person, [role], limits=limits)
    return person


@pytest.fixture
def number(hub: Hub, world: World) -> str:
    with hub.db.write() as session:
        account = session.get_one(Account, world.nordwind.account)
        site = accounts.add_site(session, HUB, account, "Yard", zone="Europe/Berlin")
        join(session, account, "Lim Limited", "technical", Limits(sites=frozenset({site.id})))
        join(session, account, "Bill Billing", "billing")
        una = join(session, account, "Una Unverified", "technical")
        people.add_point(session, HUB, una.id, "email", "una@nordwind.example", verified=False)
        return _open(session, world).number


def _open(session: Session, world: World) -> Case:
    account = session.get_one(Account, world.nordwind.account)
    new = NewCase(
        title="Line down", case_type="incident", customer_title="Line down", impact="high", urgency="high"
    )
    return desk.open_case(session, access.viewer_of(session, world.kim), account, new, share=True)


@pytest.mark.parametrize("place", ["/desk/nordwind", "/desk/nordwind/case/{}"])
def test_the_composer_names_those_who_are_told_and_no_others(kim: Browser, number: str, place: str) -> None:
    shown = kim.get(place.format(number)).text.split("composer-to", 1)[1].split("<textarea", 1)[0]
    assert "Petra Petersen" in shown
    assert "Lim Limited" not in shown
    assert "Bill Billing" not in shown
    assert "Una Unverified" not in shown


def test_a_solved_case_offers_to_take_it_up_and_an_ended_one_no_answer(
    hub: Hub, world: World, kim: Browser, number: str
) -> None:
    case = f"/desk/nordwind/case/{number}"
    told = {"body": "More.", "next_step": "Wait", "next_update_by": "2030-01-01T10:00"}
    kim.post(f"{case}/resolve", {"solution": "Spliced."})
    assert 'href="#move-reopen"' in kim.get(f"{case}?compose=answer").text
    refused = kim.post(f"{case}/write/answer", told)
    assert refused.status_code == 422
    assert "Take it up again before you answer." in refused.text
    assert "More.</textarea>" in refused.text
    kim.post(f"{case}/confirm", {})
    ended = kim.get(f"{case}?compose=answer").text
    assert "/write/answer" not in ended
    assert "/write/note" in kim.get(case).text


@pytest.mark.parametrize("direction", ["in", "out"])
def test_a_call_is_kept_as_theirs_or_ours(hub: Hub, kim: Browser, number: str, direction: str) -> None:
    page = f"/desk/nordwind/case/{number}"
    offered = Shown(kim.get(f"{page}?compose=call").text)
    (form,) = [form for form in offered.forms if form["action"].endswith("/write/call")]
    ways = [field["value"] for field in form["fields"] if field["name"] == "direction"]
    assert ways == ["in", "out"]
    filled = {"other": "Petra", "body": "She waits."}
    unsaid = kim.post(form["action"], filled)
    assert unsaid.status_code == 422
    assert 'id="direction-error"' in unsaid.text
    assert kim.post(form["action"], {**filled, "direction": direction}).status_code == 303
    with hub.db.read() as session:
        kept = session.scalars(select(Entry.direction).where(Entry.kind == Kind.CALL_LOGGED))
        assert list(kept) == [direction]


def test_a_word_to_a_team_is_sent_once_however_often_it_is_pressed(
    hub: Hub, world: World, kim: Browser, number: str
) -> None:
    page = f"/desk/nordwind/case/{number}"
    with hub.db.write() as session:
        case = session.scalars(select(Case).where(Case.number == number)).one()
        team = teams.add_team(session, HUB, "Fibre", email="fibre@elbe.example")
        viewer = access.viewer_of(session, world.kim)
        orders = [desk.place_order(session, viewer, case, team, "Splice", f"km {km}").number for km in (4, 9)]
    forms = [form for form in Shown(kim.get(page).text).forms if form["action"].endswith("/say")]
    assert len(forms) == len(orders)
    for form in forms:
        filled = {field["name"]: field["value"] or "Hurry." for field in form["fields"]}
        for _press in range(2):
            assert kim.post(form["action"], filled).status_code == 303
    with hub.db.read() as session:
        query = select(Entry.data).where(Entry.kind == Kind.ORDER_MESSAGE)
        assert sorted(data["order"] for data in session.scalars(query)) == sorted(orders)


def test_our_title_of_a_case_is_not_taken_for_the_customers(hub: Hub, world: World, kim: Browser) -> None:
    with hub.db.write() as session:
        account = session.get_one(Account, world.nordwind.account)
        case = cases.open_case(session, HUB, account, NewCase(title="They broke it again")).case
    page = f"/desk/nordwind/case/{case.number}"
    forms = {form["action"].rsplit("/", 1)[1]: form for form in Shown(kim.get(page).text).forms}
    offered = {field["name"]: field["value"] or "" for field in forms["describe"]["fields"]}
    assert kim.post(f"{page}/describe", {**offered, "category": "Fibre"}).status_code == 303
    with hub.db.read() as session:
        changed = session.get_one(Case, (case.account_id, case.id))
        assert (changed.category, changed.customer_title) == ("Fibre", None)


def test_a_critical_case_shows_its_state_beside_its_priority(kim: Browser, number: str) -> None:
    kim.post(f"/desk/nordwind/case/{number}/wait", {"reason": "customer"})
    side = kim.get("/desk/nordwind").text.split("<aside", 1)[1]
    assert "critical" in side
    assert "waiting for the customer" in side


def _folds(page: str) -> list[tuple[bool, str]]:
    """Whether each folded part of the composer stands open, and what is in it."""
    parts = page.split('<details class="composer-fold"')[1:]
    return [(" open" in part.split(">", 1)[0], part.split("</details>", 1)[0]) for part in parts]


def _missing(part: str) -> bool:
    """Whether a browser would refuse to send because of a field in here."""
    fields = [given for tag, given in Shown(f"<details{part}").tags if tag == "input"]
    return any("required" in given and not given.get("value") for given in fields)


def test_what_must_be_said_is_never_folded_away_while_it_is_missing(kim: Browser, number: str) -> None:
    case = f"/desk/nordwind/case/{number}"
    asked = _folds(kim.get(case).text)
    assert [opened for opened, _part in asked] == [True, False]
    assert _missing(asked[0][1])
    kim.post(f"{case}/next", {"next_step": "Splicing", "next_update_by": "2030-01-01T10:00"})
    known = _folds(kim.get(case).text)
    assert [opened for opened, _part in known] == [False, False]
    assert "Splicing" in known[0][1].split("</summary>", 1)[0]
    assert not any(_missing(part) for _opened, part in known)
    refused = kim.post(f"{case}/write/answer", {"body": "News.", "next_step": "", "next_update_by": "x"})
    assert refused.status_code == 422
    assert _folds(refused.text)[0][0]


@pytest.mark.parametrize("kind", ["answer", "note", "order", "call"])
@pytest.mark.parametrize("place", ["/desk/nordwind", "/desk/nordwind/case/{}"])
def test_no_closed_fold_hides_what_is_missing(kim: Browser, number: str, place: str, kind: str) -> None:
    for opened, part in _folds(kim.get(f"{place.format(number)}?compose={kind}").text):
        assert opened or not _missing(part)


@pytest.mark.parametrize("place", ["/desk/nordwind", "/desk/nordwind/case/{}"])
def test_who_and_what_next_is_read_before_the_timeline(kim: Browser, number: str, place: str) -> None:
    page = kim.get(place.format(number)).text
    where = [
        page.index(mark)
        for mark in ("split-sum", "<b>Kim Brandt</b>", 'id="composer"', 'id="timeline"', "split-rest")
    ]
    assert where == sorted(where)


def test_a_next_update_that_is_near_or_over_stands_out(
    kim: Browser, hub: Hub, world: World, number: str
) -> None:
    case, by = f"/desk/nordwind/case/{number}", clock.now() + timedelta(minutes=30)
    with hub.db.read() as session:
        there = clock.local(by, ZoneInfo(access.viewer_of(session, world.kim).zone))
    kim.post(f"{case}/next", {"next_step": "Splicing", "next_update_by": f"{there:%Y-%m-%dT%H:%M}"})
    for minutes, mark in ((0, []), (20, ["due-warn"]), (40, ["due-crit"])):
        with clock.shifted(timedelta(minutes=minutes)):
            for place in ("/desk/nordwind", case):
                page = kim.get(place).text
                assert [word for word in ("due-warn", "due-crit") if word in page] == mark


@pytest.mark.parametrize("kind", ["answer", "order", "call"])
def test_of_several_cases_none_is_chosen_by_itself(hub: Hub, kim: Browser, world: World, kind: str) -> None:
    with hub.db.write() as session:
        teams.add_team(session, HUB, "Fibre", email="fibre@elbe.example")
        numbers = [_open(session, world).number]
    assert _offered(kim, kind) == numbers
    with hub.db.write() as session:
        numbers.append(_open(session, world).number)
    offered = _offered(kim, kind)
    assert offered[0] == ""
    assert sorted(offered[1:]) == numbers
    filled = {"body": "News.", "next_step": "Wait", "next_update_by": "2030-01-01T10:00", "case": ""}
    more = {"other": "Petra", "direction": "in", "title": "Splice", "team": "fibre"}
    refused = kim.post(f"/desk/nordwind/write/{kind}", {**filled, **more})
    assert refused.status_code == 422
    assert 'id="case-error"' in refused.text


def _offered(browser: Browser, kind: str) -> list[str]:
    """The values of the choice of cases in the composer of the account's page."""
    chooser = browser.get(f"/desk/nordwind?compose={kind}").text.split('id="case"', 1)[1]
    choices = chooser.split("</select>", 1)[0]
    return [given.get("value") or "" for tag, given in Shown(choices).tags if tag == "option"]
