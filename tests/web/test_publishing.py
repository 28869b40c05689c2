"""What was said among staff is published from its own line; the customer never learns that there is one."""

import re
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from hub.domain import access, erasing, people, reading, teams
from hub.domain.accounts import Account
from hub.domain.audit import HUB, Actor
from hub.domain.cases import Case, NewCase
from hub.domain.timeline import Entry
from hub.flows import desk
from hub.flows.runtime import Hub
from hub.testing.pages import Browser, Shown
from hub.testing.world import PASSWORD, World

TEAM_SAYS = "A digger cut it at km 14.2. Three hours."
REWRITTEN = "Your line was cut. We expect it back in three hours."


@pytest.fixture
def case(hub: Hub, world: World) -> Case:
    """A case of Nordwind on which a team has answered and we have noted something."""
    with hub.db.write() as session:
        kim = access.viewer_of(session, world.kim)
        made = _open(session, world, kim)
        fibre = teams.add_team(session, HUB, "Fibre", email="fibre@team.example")
        order = desk.place_order(session, kim, made, fibre, "Splice", "Find it.")
        desk.order_said(session, Actor("team", "Fibre"), order, "Kim Roth", TEAM_SAYS)
        desk.note(session, kim, made, "They are angry.")
        return made


def _open(session: Any, world: World, viewer: Any, *, share: bool = True) -> Case:
    account = session.get_one(Account, world.nordwind.account)
    new = NewCase(title="Line down", case_type="incident", customer_title="Line down")
    return desk.open_case(session, viewer, account, new, share=share)


def _entry(hub: Hub, account: uuid.UUID, *conditions: Any) -> Entry:
    with hub.db.read() as session:
        query = select(Entry).where(Entry.account_id == account, *conditions).order_by(Entry.seq.desc())
        return session.scalars(query.limit(1)).one()


@pytest.fixture
def said(hub: Hub, case: Case) -> int:
    """The position of the team's answer."""
    return _entry(hub, case.account_id, Entry.body == TEAM_SAYS).seq


def _composer(browser: Browser, address: str) -> dict[str, Any]:
    """The fields of the form that answers the customer, and its text."""
    page = browser.get(address)
    shown = Shown(page.text)
    form = next(form for form in shown.forms if form["action"].endswith("/write/answer"))
    text = re.search(r'<textarea[^>]*name="body"[^>]*>\n(.*?)</textarea>', page.text, re.DOTALL)
    assert text is not None
    fields = {field["name"]: field["value"] for field in form["fields"]}
    return {**fields, "body": text.group(1), "action": form["action"]}


def _links(browser: Browser, address: str) -> list[str]:
    return [href for href in Shown(browser.get(address).text).links if "publish=" in href]


@pytest.mark.parametrize("place", ["/desk/nordwind", "/desk/nordwind/case/{}"])
def test_what_a_team_or_one_of_us_said_leads_to_the_composer(
    kim: Browser, hub: Hub, case: Case, said: int, place: str
) -> None:
    note = _entry(hub, case.account_id, Entry.kind == "message.note").seq
    home = f"/desk/nordwind/case/{case.number}"
    wanted = [f"{home}?publish={note}#composer", f"{home}?publish={said}#composer"]
    assert _links(kim, place.format(case.number)) == wanted
    assert _links(kim, f"{place.format(case.number)}?lens=customer") == []


def test_published_from_a_line_it_points_there_and_the_customer_reads_only_the_text(
    kim: Browser, petra: Browser, hub: Hub, case: Case, said: int
) -> None:
    home = f"/desk/nordwind/case/{case.number}"
    form = _composer(kim, f"{home}?publish={said}")
    assert (form["body"], form["source"]) == (TEAM_SAYS, str(said))
    form |= {"body": REWRITTEN, "next_step": "Splicing"}
    assert kim.post(form.pop("action"), form).status_code == 303
    published = _entry(hub, case.account_id, Entry.kind == "message.published")
    assert (published.audience, published.body, published.source_seq) == ("customer", REWRITTEN, said)
    origin = f"{home}?details=1&before={said + 1}#e-{said}"
    for page in (home, "/desk/nordwind"):
        assert origin in Shown(kim.get(page).text).links
    assert f'id="e-{said}"' in kim.get(origin).text
    assert origin not in Shown(kim.get("/desk/nordwind?lens=customer").text).links
    for page in ("/portal/nordwind", f"/portal/nordwind/case/{case.number}"):
        html = petra.get(f"{page}?details=1&publish={said}").text
        assert REWRITTEN in html
        for secret in (TEAM_SAYS, "publish=", f"before={said + 1}", "source", "/desk/"):
            assert secret not in html, secret


def test_through_the_customers_lens_no_line_knows_its_source(
    kim: Browser, hub: Hub, case: Case, said: int
) -> None:
    form = _composer(kim, f"/desk/nordwind/case/{case.number}?publish={said}")
    kim.post(form.pop("action"), form | {"next_step": "Splicing"})
    with hub.db.read() as session:
        views = [reading.View(lens=lens, language="en") for lens in ("staff", "customer")]
        ours, theirs = (reading.page(session, case.account_id, view).lines for view in views)
    assert said in {line.source_seq for line in ours}
    assert {line.source_seq for line in theirs} == {None}


def test_what_is_to_be_mended_keeps_its_source(kim: Browser, case: Case, said: int) -> None:
    form = _composer(kim, f"/desk/nordwind/case/{case.number}?publish={said}")
    again = kim.post(form.pop("action"), form | {"next_step": ""})
    assert again.status_code == 422
    assert f'name="source" value="{said}"' in again.text


def _numbers(hub: Hub, world: World, case: Case) -> dict[str, int]:
    """Lines of the account that must not be published from on this case."""
    with hub.db.write() as session:
        kim = access.viewer_of(session, world.kim)
        here = session.get_one(Case, (case.account_id, case.id))
        other = _open(session, world, kim)
        elsewhere = desk.note(session, kim, other, "Of another case.")
        theirs = desk.publish_to_customer(
            session, kim, here, "Hello.", next_step="Wait", next_update_by=case.opened_at.replace(year=2030)
        )
        erased = desk.note(session, kim, here, "Emptied soon.")
        session.flush()
        erasing.erase(session, HUB, case.account_id, erased, "Asked for.")
    return {"elsewhere": elsewhere, "theirs": theirs, "erased": erased, "never": 9_999_999_999_999}


@pytest.mark.parametrize("which", ["elsewhere", "theirs", "erased", "never"])
def test_only_a_line_of_this_case_for_staff_is_published(
    kim: Browser, hub: Hub, world: World, case: Case, which: str
) -> None:
    home, seq = f"/desk/nordwind/case/{case.number}", _numbers(hub, world, case)[which]
    form = _composer(kim, f"{home}?publish={seq}")
    assert (form["body"], form.get("source")) == ("", None)
    sent = form | {"body": "Foreign", "next_step": "Wait", "source": str(seq)}
    assert kim.post(sent.pop("action"), sent).status_code in (404, 422)
    with hub.db.read() as session:
        assert session.scalars(select(Entry).where(Entry.body == "Foreign")).first() is None


def test_an_odd_number_in_the_address_is_none(kim: Browser, case: Case) -> None:
    for odd in ("", "x", "-1", "1e3", "²"):
        form = _composer(kim, f"/desk/nordwind/case/{case.number}?publish={odd}")
        assert (form["body"], form.get("source")) == ("", None)


def test_it_is_offered_to_who_may_answer_while_an_answer_can_be_given(
    kim: Browser, browse: Callable[[str], Browser], hub: Hub, case: Case, said: int
) -> None:
    home = f"/desk/nordwind/case/{case.number}"
    with hub.db.write() as session:
        otto = people.add_person(session, HUB, "Otto Lang")
        people.set_password(session, HUB, otto, "otto@elbe.example", PASSWORD)
        people.grant_role(session, HUB, otto, "auditor")
    assert TEAM_SAYS in browse("otto@elbe.example").get(home).text
    assert _links(browse("otto@elbe.example"), home) == []
    assert len(_links(kim, home)) == 2
    kim.post(f"{home}/resolve", {"solution": "Spliced.", "cancel_orders": "1"})
    assert _links(kim, home) == []
    assert _links(kim, "/desk/nordwind") == []
    assert "/write/answer" not in kim.get(f"{home}?publish={said}").text
