"""A restricted account has a contact from the start, and the administration names it to nobody else."""

import re
from collections.abc import Callable
from email.message import EmailMessage
from typing import Any

import pytest
from sqlalchemy import select

from hub.base import clock, ids
from hub.domain import access, accounts, connections, coverage, outbox, people
from hub.domain.accounts import Account
from hub.domain.audit import HUB
from hub.domain.cases import NewCase
from hub.domain.outbox import Delivery, DeliveryState
from hub.flows import addresses, desk, mailroom
from hub.flows.runtime import Hub
from hub.testing.pages import Browser, Shown
from hub.testing.world import PASSWORD, World

Browse = Callable[[str], Browser]
NEW = "/admin/accounts/new"
LISTING = "/admin/accounts"
HUSH = {
    "name": "Hush",
    "prefix": "HUSH",
    "language": "en",
    "zone": "Europe/Berlin",
    "alert_threshold": "major",
    "restricted": "1",
    "password_login": "1",
}
TOLD = "Only its own contacts and leads see it from now on, so it is not listed here for you."


@pytest.fixture
def ada(hub: Hub, world: World, browse: Browse) -> Browser:
    """An administrator who neither leads nor answers in the end."""
    with hub.db.write() as session:
        person = people.add_person(session, HUB, "Ada Admin")
        people.set_password(session, HUB, person, "ada@elbe.example", PASSWORD)
        people.grant_role(session, HUB, person, "admin")
    return browse("ada@elbe.example")


def _found(hub: Hub, name: str) -> Account | None:
    with hub.db.read() as session:
        return session.scalars(select(Account).where(Account.name == name)).first()


def _contacts(hub: Hub, account: Account) -> list[tuple[str, str]]:
    with hub.db.read() as session:
        return [
            (one.person.name, one.assignment.reach_name)
            for one in coverage.assignments_of(session, account.id)
        ]


def _shown(browser: Browser, address: str) -> Shown:
    return Shown(browser.get(address).text)


@pytest.mark.parametrize(
    ("missing", "at"), [("contact", "account-contact"), ("reach_name", "account-reach_name")]
)
def test_a_restricted_account_asks_for_its_contact(
    ada: Browser, hub: Hub, world: World, missing: str, at: str
) -> None:
    contact = {"contact": str(world.kim), "reach_name": "Kim of Elbe"}
    refused = ada.post(NEW, HUSH | contact | {missing: ""})
    assert refused.status_code == 422
    assert f'href="#{at}"' in refused.text
    assert _found(hub, "Hush") is None


def test_who_may_not_see_what_they_made_is_told_so_on_the_list(
    ada: Browser, kim: Browser, rita: Browser, hub: Hub, world: World
) -> None:
    made = ada.post(NEW, HUSH | {"contact": str(world.kim), "reach_name": "Kim of Elbe"})
    assert (made.status_code, made.headers["Location"]) == (303, LISTING)
    shown = _shown(ada, LISTING)
    assert f"Hush was added; Kim Brandt is its contact. {TOLD}" in " ".join(shown.text.split())
    assert f"{LISTING}/hush" not in shown.links
    hush = _found(hub, "Hush")
    assert hush is not None
    assert _contacts(hub, hush) == [("Kim Brandt", "Kim of Elbe")]
    for address in (f"{LISTING}/hush", "/desk/hush"):
        assert ada.get(address).status_code == 404, address
    assert ada.post(f"{LISTING}/hush/site", {"name": "Yard", "zone": "UTC"}).status_code == 404
    assert kim.get("/desk/hush").status_code == 200
    assert f"{LISTING}/hush" in _shown(rita, LISTING).links
    assert rita.get(f"{LISTING}/hush").status_code == 200


def test_who_may_see_it_goes_on_to_its_page(rita: Browser, ada: Browser, hub: Hub, world: World) -> None:
    made = rita.post(NEW, HUSH | {"contact": str(world.kim), "reach_name": "Kim"})
    assert made.headers["Location"] == f"{LISTING}/hush"
    with hub.db.read() as session:
        own = session.scalars(select(people.Person.id).where(people.Person.name == "Ada Admin")).one()
    again = HUSH | {"name": "Mine", "contact": str(own), "reach_name": "Ada"}
    assert ada.post(NEW, again).headers["Location"] == f"{LISTING}/mine"
    assert ada.get(f"{LISTING}/mine").status_code == 200


def test_any_account_may_get_its_contact_at_once_and_need_not(ada: Browser, hub: Hub, world: World) -> None:
    plain = {key: value for key, value in HUSH.items() if key != "restricted"}
    ada.post(NEW, plain | {"name": "Alone"})
    ada.post(NEW, plain | {"name": "Led", "contact": str(world.dana), "reach_name": "Dana"})
    alone, led = _found(hub, "Alone"), _found(hub, "Led")
    assert alone is not None
    assert led is not None
    assert _contacts(hub, alone) == []
    assert _contacts(hub, led) == [("Dana Krause", "Dana")]


def test_nobody_is_made_contact_who_is_not_one_of_us(ada: Browser, hub: Hub, world: World) -> None:
    refused = ada.post(NEW, HUSH | {"contact": str(world.nordwind.person), "reach_name": "Petra"})
    assert refused.status_code == 422
    assert 'href="#account-contact"' in refused.text
    assert _found(hub, "Hush") is None


def _data(account: str, **more: Any) -> dict[str, Any]:
    return HUSH | {"name": account, "prefix": account[:4].upper(), **more}


def test_restricting_an_account_needs_a_contact_first(ada: Browser, hub: Hub, world: World) -> None:
    with hub.db.write() as session:
        accounts.add_account(session, HUB, "Alone", prefix="ALON")
    refused = ada.post(f"{LISTING}/alone/change", _data("Alone"))
    assert refused.status_code == 422
    assert "Assign its contact first" in refused.text
    changed = ada.post(f"{LISTING}/nordwind/change", _data("Nordwind"))
    assert (changed.status_code, changed.headers["Location"]) == (303, LISTING)
    shown = _shown(ada, LISTING)
    assert TOLD in " ".join(shown.text.split())
    assert f"{LISTING}/nordwind" not in shown.links
    assert ada.get(f"{LISTING}/nordwind").status_code == 404


def test_a_contact_of_the_parent_is_contact_enough(rita: Browser, hub: Hub, world: World) -> None:
    with hub.db.write() as session:
        parent = session.get_one(Account, world.nordwind.account)
        accounts.add_account(session, HUB, "West", prefix="WEST", parent=parent)
    assert rita.post(f"{LISTING}/west/change", _data("West")).headers["Location"] == f"{LISTING}/west"


def test_who_ends_their_own_sight_is_not_sent_to_a_page_that_is_not_there(
    ada: Browser, hub: Hub, world: World
) -> None:
    with hub.db.read() as session:
        own = session.scalars(select(people.Person.id).where(people.Person.name == "Ada Admin")).one()
    ada.post(NEW, HUSH | {"contact": str(own), "reach_name": "Ada"})
    hush = _found(hub, "Hush")
    assert hush is not None
    with hub.db.read() as session:
        (mine,) = coverage.assignments_of(session, hush.id)
    ended = ada.post(f"{LISTING}/hush/end_assignment", {"id": str(mine.assignment.id)})
    assert (ended.status_code, ended.headers["Location"]) == (303, LISTING)


def test_no_other_page_of_the_administration_names_it(
    ada: Browser, rita: Browser, hub: Hub, world: World
) -> None:
    """A member's page lists their accounts, and a child its parent."""
    with hub.db.write() as session:
        parent = session.get_one(Account, world.nordwind.account)
        accounts.change_account(session, HUB, parent, restricted=True)
        accounts.add_account(session, HUB, "West", prefix="WEST", parent=parent)
    person = f"/admin/people/{world.nordwind.person}"
    for address in (person, f"{LISTING}/west", LISTING):
        assert "ordwind" in _shown(rita, address).text + str(_shown(rita, address).forms), address
        shown = _shown(ada, address)
        drawn = (shown.text + str(shown.forms)).replace("@nordwind.example", "")
        assert "ordwind" not in drawn, address
    assert "An account that you may not see." in _shown(ada, f"{LISTING}/west").text
    assert ada.post(f"{LISTING}/west/move", {"parent": ""}).status_code == 422
    west = _found(hub, "West")
    assert west is not None
    assert west.parent_id == world.nordwind.account


def test_a_name_like_a_hidden_one_gets_an_address_of_its_own(ada: Browser, hub: Hub, world: World) -> None:
    contact = {"contact": str(world.kim), "reach_name": "Kim"}
    for _ in range(2):
        assert ada.post(NEW, HUSH | contact).status_code == 303
    with hub.db.read() as session:
        slugs = set(session.scalars(select(Account.slug).where(Account.name == "Hush")))
    assert slugs == {"hush", "hush-2"}


def test_the_queue_of_deliveries_does_not_count_what_it_does_not_show(
    kim: Browser, browse: Browse, hub: Hub, world: World
) -> None:
    _restrict_with_a_failed_delivery(hub, world)
    counted = "Deliveries 1"
    assert counted in " ".join(_shown(kim, "/desk").text.split())
    for address in ("/desk", "/desk/queues/deliveries"):
        assert counted not in " ".join(_shown(browse("maya@elbe.example"), address).text.split()), address


@pytest.mark.parametrize(("verb", "becomes"), [("retry", DeliveryState.DUE), ("drop", DeliveryState.FAILED)])
def test_nobody_handles_a_delivery_of_an_account_that_is_hidden_from_them(
    kim: Browser, browse: Browse, hub: Hub, world: World, verb: str, becomes: str
) -> None:
    _restrict_with_a_failed_delivery(hub, world)
    [lost] = _failed(hub)
    listing, words = "/desk/queues/deliveries", {"outcome": "They were phoned."}
    address = f"{listing}/{lost.id}/{verb}"
    assert browse("maya@elbe.example").post(address, words, page=listing).status_code == 404
    [still] = _failed(hub)
    assert (still.state, still.handled_at) == (DeliveryState.FAILED, None)
    assert kim.post(address, words, page=listing).status_code == 303
    with hub.db.read() as session:
        done = session.scalars(select(Delivery).where(Delivery.id == lost.id)).one()
    assert (done.state, done.handled_by) == (becomes, world.kim if verb == "drop" else None)


def _failed(hub: Hub) -> list[Delivery]:
    with hub.db.read() as session:
        return list(session.scalars(select(Delivery).where(Delivery.unique_key == "lost")))


def _restrict_with_a_failed_delivery(hub: Hub, world: World) -> None:
    """Nordwind is restricted from now on, and a delivery of its was given up."""
    with hub.db.write() as session:
        accounts.change_account(
            session, HUB, session.get_one(Account, world.nordwind.account), restricted=True
        )
        outbox.put(session, "mail", {}, account_id=world.nordwind.account, unique_key="lost")
        session.flush()
        for row in session.scalars(select(Delivery).where(Delivery.unique_key == "lost")):
            row.state, row.finished_at = DeliveryState.FAILED, clock.now()


def test_parked_mail_tells_nobody_of_an_account_that_is_hidden_from_them(
    ada: Browser, kim: Browser, browse: Browse, hub: Hub, world: World
) -> None:
    maya, given = browse("maya@elbe.example"), {"smtp_host": "mx.example", "smtp_port": "25"}
    with hub.db.write() as session:
        account = session.get_one(Account, world.nordwind.account)
        accounts.change_account(session, HUB, account, restricted=True)
        given["smtp_security"] = "none"
        connections.add_connection(session, HUB, hub.registry, hub.keyring, "mail", "Mail", "own", given)
        new = NewCase(title="Line down", case_type="incident")
        case = desk.open_case(session, access.viewer_of(session, world.kim), account, new)
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "x@y.example", "hub@x.example", "Still dark"
    mail["In-Reply-To"] = f"<c.{ids.short(case.id)}@{addresses.message_domain(hub.settings)}>"
    assert mailroom.deliver(hub, mail.as_bytes()) == "parked"
    listing = "/desk/queues/mail"
    [page] = set(re.findall(rf"{listing}/[0-9a-f-]{{36}}", kim.get(listing).text))
    assert case.number in kim.get(page).text
    for address in (listing, page):
        assert maya.get(address).status_code == 200
        assert case.number not in maya.get(address).text, address
    assert kim.post(f"{page}/put", {"number": case.number}, page=page).status_code == 303
    assert kim.get(page).status_code == 200
    assert maya.get(page).status_code == 404
    assert maya.post(f"{page}/drop", {"outcome": "Gone."}, page=listing).status_code == 404
    log = ada.get("/admin/audit").text
    assert "handled: Filed." in " ".join(Shown(log).text.split())
    assert case.number not in log
