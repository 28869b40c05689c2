"""The same form open in two windows: neither undoes what the other saved."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from hub.domain import cases
from hub.domain.accounts import Account, Membership
from hub.domain.audit import HUB
from hub.domain.cases import Case, NewCase
from hub.flows.runtime import Hub
from hub.testing.pages import Browser, Shown
from hub.testing.world import World

NORDWIND = "/admin/accounts/nordwind"
Window = Callable[..., dict[str, Any]]


def kept(hub: Hub, table: Any, **by: Any) -> Any:
    with hub.db.read() as session:
        return session.scalars(select(table).filter_by(**by)).one()


def opened(browser: Browser, page: str, action: str) -> dict[str, Any]:
    """What a browser sends of a form whose reader changes nothing."""
    shown = Shown(browser.get(page).text)
    (form,) = [form for form in shown.forms if (form["action"].split("#")[0] or page) == action]
    return sent(form)


def sent(form: dict[str, Any]) -> dict[str, Any]:
    return {field["name"]: field.get("chosen", field["value"]) for field in form["fields"] if typed(field)}


def typed(field: dict[str, Any]) -> bool:
    return field["type"] not in ("checkbox", "radio")


@pytest.fixture
def change() -> str:
    return f"{NORDWIND}/change"


def test_what_one_left_alone_stays_as_the_other_saved_it(rita: Browser, hub: Hub, change: str) -> None:
    older = opened(rita, NORDWIND, change)
    newer = opened(rita, NORDWIND, change)
    assert rita.post(change, newer | {"name": "Nordwind A", "zone": "Europe/Paris"}).status_code == 303
    assert rita.post(change, older | {"alert_threshold": "critical"}).status_code == 303
    now = kept(hub, Account, slug="nordwind")
    assert (now.name, now.zone, now.alert_threshold) == ("Nordwind A", "Europe/Paris", "critical")


def test_what_both_changed_is_told_and_decided_by_saving_again(rita: Browser, hub: Hub, change: str) -> None:
    older = opened(rita, NORDWIND, change)
    assert rita.post(change, older | {"name": "Nordwind A", "zone": "Europe/Paris"}).status_code == 303
    refused = rita.post(change, older | {"name": "Nordwind B"})
    assert refused.status_code == 422
    assert "Meanwhile “Nordwind A” was saved here." in refused.text
    assert kept(hub, Account, slug="nordwind").name == "Nordwind A"
    (form,) = [each for each in Shown(refused.text).forms if each["action"].startswith(change)]
    again = sent(form)
    assert (again["name"], again["zone"]) == ("Nordwind B", "Europe/Paris")
    assert rita.post(change, again).status_code == 303
    now = kept(hub, Account, slug="nordwind")
    assert (now.name, now.zone) == ("Nordwind B", "Europe/Paris")


def test_both_may_have_come_to_the_same(rita: Browser, change: str) -> None:
    older = opened(rita, NORDWIND, change)
    for _ in range(2):
        assert rita.post(change, older | {"name": "Nordwind A"}).status_code == 303


def test_ticks_that_one_left_alone_stay(rita: Browser, hub: Hub, world: World) -> None:
    member = kept(hub, Membership, account_id=world.nordwind.account)
    address = f"{NORDWIND}/member/{member.id}"
    old = {"seen": opened(rita, address, address)["seen"], "roles": member.roles}
    old |= {"sees": "everything", "case_update": ""}
    assert rita.post(address, old | {"roles": ["viewer", "technical"]}).status_code == 303
    assert rita.post(address, old | {"case_update": "none"}).status_code == 303
    now = kept(hub, Membership, account_id=world.nordwind.account)
    assert (now.roles, now.subscriptions) == (["technical", "viewer"], {"case_update": []})


def test_a_case_is_described_by_two(kim: Browser, hub: Hub, world: World) -> None:
    with hub.db.write() as session:
        account = session.get_one(Account, world.nordwind.account)
        number = cases.open_case(session, HUB, account, NewCase(title="Down")).case.number
    page = f"/desk/nordwind/case/{number}"
    describe = f"{page}/describe"
    older = opened(kim, page, describe)
    assert kim.post(describe, older | {"title": "Line down in Kiel"}).status_code == 303
    assert kim.post(describe, older | {"category": "delivery"}).status_code == 303
    case = kept(hub, Case, number=number)
    assert (case.title, case.category) == ("Line down in Kiel", "delivery")
