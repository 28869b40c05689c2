"""What an administrator changes of an account in the browser: its people, places, services and parent."""

import uuid
from collections.abc import Callable
from typing import Any

from sqlalchemy import select

from hub.base import clock
from hub.domain import access, accounts, people
from hub.domain.accounts import Account, Limits, Membership, Service
from hub.domain.audit import HUB
from hub.domain.cases import Case, NewCase
from hub.domain.timeline import Entry
from hub.flows import audience, desk
from hub.flows.runtime import Hub
from hub.testing.pages import Browser, Shown
from hub.testing.world import World

Browse = Callable[[str], Browser]
NORDWIND = "/admin/accounts/nordwind"


def _kept(hub: Hub, table: Any, **by: Any) -> Any:
    with hub.db.read() as session:
        return session.scalars(select(table).filter_by(**by)).one()


def _last_sentence(hub: Hub, account: uuid.UUID) -> str:
    with hub.db.read() as session:
        query = select(Entry.sentence).where(Entry.account_id == account).order_by(Entry.seq.desc())
        return session.scalars(query.limit(1)).one()


def _form(browser: Browser, address: str) -> dict[str, Any]:
    """The fields of the page's last form, as it offers them."""
    form = Shown(browser.get(address).text).forms[-1]
    return {field["name"]: field for field in form["fields"]}


def test_a_member_gets_other_roles_limits_and_news(rita: Browser, hub: Hub, world: World) -> None:
    member = _kept(hub, Membership, account_id=world.nordwind.account)
    address = f"{NORDWIND}/member/{member.id}"
    assert address in rita.get(NORDWIND).text
    assert _form(rita, address)["case_update"]["options"] == ["", "email", "none"]
    circuit = str(world.nordwind.service)
    change = {"roles": ["viewer", "technical"], "sees": "some", "services": [circuit], "case_update": "none"}
    assert rita.post(address, change).status_code == 303
    now = _kept(hub, Membership, account_id=world.nordwind.account)
    assert now.roles == ["technical", "viewer"]
    assert now.limits == {"services": [circuit]}
    assert now.subscriptions == {"case_update": []}
    assert "Petra Petersen" in _last_sentence(hub, world.nordwind.account)
    shown = Shown(rita.get(address).text)
    chosen = [given["value"] for tag, given in shown.tags if tag == "option" and "selected" in given]
    assert chosen == ["none"]


def _limited(hub: Hub, world: World) -> tuple[Membership, Limits]:
    """A member who sees only a site and a service that are closed by now."""
    with hub.db.write() as session:
        account = session.get_one(Account, world.nordwind.account)
        yard = accounts.add_site(session, HUB, account, "Yard", zone="UTC")
        line = accounts.add_service(session, HUB, account, "circuit", "Old line")
        limits = Limits(frozenset({yard.id}), frozenset({line.id}))
        person = people.add_person(session, HUB, "Lim Limited")
        member = accounts.add_member(session, HUB, account, person, ["technical"], limits=limits)
        accounts.change_site(session, HUB, yard, closed_at=clock.now())
        accounts.change_service(session, HUB, line, closed_at=clock.now())
        return member, limits


def test_a_limit_to_what_is_closed_stays_when_something_else_is_saved(
    rita: Browser, hub: Hub, world: World
) -> None:
    member, limits = _limited(hub, world)
    address = f"{NORDWIND}/member/{member.id}"
    shown = rita.get(address).text
    assert "Yard (closed)" in shown
    assert "Old line (closed)" in shown
    change = {**_as_offered(rita, address, "#row"), "case_update": "none"}
    assert rita.post(address, change).status_code == 303
    now = _kept(hub, Membership, id=member.id)
    assert (Limits.read(now.limits), now.subscriptions) == (limits, {"case_update": []})


def test_no_limit_is_a_choice_of_its_own(rita: Browser, hub: Hub, world: World) -> None:
    member, limits = _limited(hub, world)
    address, circuit = f"{NORDWIND}/member/{member.id}", str(world.nordwind.service)
    for wrong in ({}, {"sees": "some"}, {"sees": ""}, {"sees": "everything", "services": [circuit]}):
        refused = rita.post(address, {"roles": ["technical"], **wrong})
        assert refused.status_code == 422, wrong
        where = "sites" if wrong == {"sees": "some"} else "sees"
        assert f'href="#row-{where}"' in refused.text, wrong
        assert Limits.read(_kept(hub, Membership, id=member.id).limits) == limits
    person = {"person": str(world.bolt.person), "roles": ["technical"]}
    for wrong in ({}, {"sees": "some"}):
        assert rita.post(f"{NORDWIND}/member", person | wrong).status_code == 422
    assert rita.post(address, {"roles": ["technical"], "sees": "everything"}).status_code == 303
    assert _kept(hub, Membership, id=member.id).limits == {}


def test_news_of_a_member_follow_what_was_chosen(rita: Browser, hub: Hub, world: World) -> None:
    member = _kept(hub, Membership, account_id=world.nordwind.account)
    address, told = f"{NORDWIND}/member/{member.id}", {}
    for roles, wish in (("viewer", ""), ("viewer", "email"), ("technical", "none"), ("technical", "")):
        assert (
            rita.post(address, {"roles": roles, "sees": "everything", "case_update": wish}).status_code == 303
        )
        with hub.db.write() as session:
            kim = access.viewer_of(session, world.kim)
            account = session.get_one(Account, world.nordwind.account)
            new = NewCase(title="Line down", case_type="incident", customer_title="Line down")
            case = desk.open_case(session, kim, account, new, share=True)
            told[roles, wish] = world.nordwind.person in audience.customers_of(session, case)
    assert told == {
        ("viewer", ""): False,
        ("viewer", "email"): True,
        ("technical", "none"): False,
        ("technical", ""): True,
    }


def test_a_member_without_a_role_is_refused_at_the_field(rita: Browser, hub: Hub, world: World) -> None:
    member = _kept(hub, Membership, account_id=world.nordwind.account)
    refused = rita.post(f"{NORDWIND}/member/{member.id}", {"sees": "everything", "case_update": "email"})
    assert refused.status_code == 422
    assert "Please choose at least one role." in refused.text
    assert _kept(hub, Membership, account_id=world.nordwind.account).subscriptions == {}


def test_a_service_gets_a_site_another_name_and_a_sharing_policy(
    rita: Browser, hub: Hub, world: World
) -> None:
    assert rita.post(f"{NORDWIND}/site", {"name": "Bremen", "zone": "Europe/Berlin"}).status_code == 303
    site = _kept(hub, accounts.Site, account_id=world.nordwind.account)
    address = f"{NORDWIND}/service/{world.nordwind.service}"
    assert address in rita.get(NORDWIND).text
    assert str(world.nordwind.service) not in _form(rita, address)["partner"]["options"]
    change = {
        "name": "Line to Bremen",
        "kind": "circuit",
        "site": str(site.id),
        "share_severity": "major",
        "share_after_minutes": "15",
    }
    assert rita.post(address, change).status_code == 303
    now = _kept(hub, Service, account_id=world.nordwind.account)
    assert (now.name, now.site_id) == ("Line to Bremen", site.id)
    assert (now.share_severity, now.share_after_minutes) == ("major", 15)
    assert rita.post(address, {**change, "share_severity": "", "share_after_minutes": ""}).status_code == 303
    now = _kept(hub, Service, account_id=world.nordwind.account)
    assert (now.share_severity, now.share_after_minutes) == (None, None)
    refused = rita.post(address, {**change, "share_after_minutes": "99999"})
    assert refused.status_code == 422
    assert "Please enter 0 to 10080 minutes." in refused.text


def _as_offered(browser: Browser, address: str, action: str) -> dict[str, list[str]]:
    """What a browser sends for the form of that action when nobody touches it."""
    values: dict[str, list[str]] = {}
    inside, name = False, ""
    for tag, given in Shown(browser.get(address).text).tags:
        if tag == "form":
            inside = given.get("action", "").endswith(action)
        elif inside and tag == "select":
            name = given["name"]
        elif inside and tag == "option" and ("selected" in given or name not in values):
            values[name] = [given["value"]]
        elif inside and tag == "input" and (given["type"] not in ("checkbox", "radio") or "checked" in given):
            values.setdefault(given["name"], []).append(given["value"])
    return values


def test_a_closed_site_or_partner_of_a_service_stays_when_something_else_is_saved(
    rita: Browser, hub: Hub, world: World
) -> None:
    with hub.db.write() as session:
        account = session.get_one(Account, world.nordwind.account)
        site = accounts.add_site(session, HUB, account, "Yard", zone="UTC")
        partner = accounts.add_service(session, HUB, account, "circuit", "Old line")
        service = session.get_one(Service, (account.id, world.nordwind.service))
        accounts.change_service(session, HUB, service, site_id=site.id, partner_id=partner.id)
        accounts.change_site(session, HUB, site, closed_at=clock.now())
        accounts.change_service(session, HUB, partner, closed_at=clock.now())
    address = f"{NORDWIND}/service/{service.id}"
    assert "Yard (closed)" in rita.get(address).text
    assert "Old line (closed)" in rita.get(address).text
    change = {**_as_offered(rita, address, "#row"), "name": "Another name"}
    assert rita.post(address, change).status_code == 303
    now = _kept(hub, Service, id=service.id)
    assert (now.name, now.site_id, now.partner_id) == ("Another name", site.id, partner.id)


def test_a_closed_service_of_a_case_stays_when_its_title_is_saved(
    kim: Browser, hub: Hub, world: World
) -> None:
    with hub.db.write() as session:
        account = session.get_one(Account, world.nordwind.account)
        new = NewCase(title="Line down", case_type="incident", service_id=world.nordwind.service)
        case = desk.open_case(session, access.viewer_of(session, world.kim), account, new)
        service = session.get_one(Service, (account.id, world.nordwind.service))
        accounts.change_service(session, HUB, service, closed_at=clock.now())
    page = f"/desk/nordwind/case/{case.number}"
    change = {**_as_offered(kim, page, "/describe"), "title": "Another title"}
    assert kim.post(f"{page}/describe", change).status_code == 303
    now = _kept(hub, Case, id=case.id)
    assert (now.title, now.service_id) == ("Another title", service.id)


def test_a_new_service_may_have_a_sharing_policy_at_once(rita: Browser, hub: Hub, world: World) -> None:
    new = {"name": "Rack 7", "kind": "rack", "share_severity": "critical", "share_after_minutes": "0"}
    assert rita.post(f"{NORDWIND}/service", new).status_code == 303
    assert _kept(hub, Service, name="Rack 7").share_severity == "critical"


def test_a_site_is_changed(rita: Browser, hub: Hub, world: World) -> None:
    rita.post(f"{NORDWIND}/site", {"name": "Bremen", "zone": "Europe/Berlin"})
    site = _kept(hub, accounts.Site, account_id=world.nordwind.account)
    address = f"{NORDWIND}/site/{site.id}"
    assert _form(rita, address)["name"]["value"] == "Bremen"
    change = {"name": "Bremerhaven", "address": "Kai 3", "zone": "Europe/Madrid"}
    assert rita.post(address, change).status_code == 303
    now = _kept(hub, accounts.Site, account_id=world.nordwind.account)
    assert (now.name, now.address, now.zone) == ("Bremerhaven", "Kai 3", "Europe/Madrid")
    refused = rita.post(address, {**change, "zone": "Bremen"})
    assert "Not a known time zone" in refused.text


def test_a_row_of_another_account_is_not_there(rita: Browser, hub: Hub, world: World) -> None:
    theirs = _kept(hub, Membership, account_id=world.bolt.account)
    assert rita.get(f"{NORDWIND}/member/{theirs.id}").status_code == 404
    assert rita.get(f"{NORDWIND}/service/{world.bolt.service}").status_code == 404


def test_an_account_gets_a_parent_and_loses_it(rita: Browser, hub: Hub, world: World) -> None:
    assert rita.post(f"{NORDWIND}/move", {"parent": "bolt"}).status_code == 303
    assert _kept(hub, Account, slug="nordwind").parent_id == world.bolt.account
    assert 'value="bolt"' in rita.get(NORDWIND).text
    circle = rita.post("/admin/accounts/bolt/move", {"parent": "nordwind"})
    assert circle.status_code == 422
    assert "An account cannot lie below itself." in circle.text
    unknown = rita.post(f"{NORDWIND}/move", {"parent": "atlantis"})
    assert unknown.status_code == 422
    assert "There is no such account." in unknown.text
    assert rita.post(f"{NORDWIND}/move", {"parent": ""}).status_code == 303
    assert _kept(hub, Account, slug="nordwind").parent_id is None


def test_a_member_of_the_parent_reaches_the_child(
    rita: Browser, hub: Hub, world: World, browse: Browse
) -> None:
    ben = browse(world.bolt.login)
    assert ben.get("/portal/nordwind").status_code == 404
    rita.post(f"{NORDWIND}/move", {"parent": "bolt"})
    assert ben.get("/portal/nordwind").status_code == 200


def test_a_reach_that_leads_nowhere_is_refused_in_every_form_that_asks_for_it(
    rita: Browser, world: World
) -> None:
    reach = {"reach_name": "Night desk", "reach_phone": "call me", "reach_email": "bad address"}
    duty = {"role": "deputy", "person": str(world.maya), "zone": "UTC", **reach}
    new = {"name": "Other", "prefix": "OTHR", "language": "en", "zone": "UTC", "contact": str(world.kim)}
    for address, page, fields in (
        (f"{NORDWIND}/assign", NORDWIND, duty),
        ("/admin/accounts/new", "/admin/accounts/new", new | reach),
        ("/admin", "/admin", {"person": str(world.dana), **reach}),
    ):
        answer = rita.post(address, fields, page=page)
        assert answer.status_code == 422
        assert "Please write the number with its country code" in answer.text
        assert "This is no e-mail address." in answer.text
        assert "call me" in answer.text, "what was typed stays"


def test_a_second_click_assigns_nobody_twice(rita: Browser, world: World) -> None:
    duty = {"role": "deputy", "person": str(world.maya), "zone": "UTC", "reach_name": "Night desk"}
    assert rita.post(f"{NORDWIND}/assign", duty, page=NORDWIND).status_code == 303
    again = rita.post(f"{NORDWIND}/assign", duty, page=NORDWIND)
    assert again.status_code == 422
    assert "Maya Cohen is assigned in just this way already." in again.text
    assert rita.get(NORDWIND).text.count("Night desk") == 1
