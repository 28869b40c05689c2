"""Nobody reaches another account: every rule of the URL map, tried by a stranger and by who is entitled.

A rule under an account without an example here fails: add one, with the person who may.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.domain import access, accounts, cases, people, teams
from hub.domain.accounts import Account
from hub.domain.attachments import Attachment, Files, Upload
from hub.domain.audit import HUB
from hub.domain.cases import Case, NewCase
from hub.flows import desk, portal
from hub.flows.runtime import Hub
from hub.testing.pages import Browser
from hub.testing.world import Customer, World

FUTURE = "2030-01-01T10:00"
VERB = re.compile(r"<any\(([^)]*)\):(\w+)>")


@dataclass(frozen=True)
class Example:
    """One call that its person may make. `state` is what the case must be like before."""

    data: dict[str, Any] | None = None
    state: str = "open"


ANSWER = {"body": "We are on it.", "next_step": "Splicing", "next_update_by": FUTURE}
ORDER = {"team": "fibre", "title": "Splice", "body": "km 14.2"}
WRITE = {
    "answer": Example(ANSWER),
    "note": Example({"body": "Called the yard."}),
    "order": Example(ORDER),
    "call": Example({"other": "Ms Petersen", "body": "She agrees.", "direction": "out"}),
}
DESK_VERBS = {
    "share": Example({"customer_title": "A fault"}, "unshared"),
    "start": Example({}),
    "wait": Example({"reason": "customer"}),
    "resolve": Example({"solution": "Spliced.", "cancel_orders": "1"}),
    "reopen": Example({"reason": "Down again."}, "resolved"),
    "cancel": Example({"reason": "Opened twice.", "cancel_orders": "1"}),
    "confirm": Example({}, "resolved"),
    "close": Example({}, "resolved"),
    "handler": Example({"person": ""}, "handled"),
    "next": Example({"next_step": "Splicing", "next_update_by": FUTURE}),
    "priority": Example({"impact": "low", "urgency": "low", "priority": "", "reason": ""}),
    "reference": Example({"reference": "PO-7"}),
    "target": Example({"target_at": FUTURE}),
    "describe": Example({"title": "Another title", "customer_title": "", "category": "", "service": ""}),
}
REPORT = {"title": "No signal", "text": "Since noon.", "effect": "down", "service": ""}

GET, POST = "GET", "POST"
STAFF: dict[tuple[str, str, str], Example] = {
    ("desk.account", GET, ""): Example(),
    ("desk_case.show", GET, ""): Example(),
    ("desk_case.new", GET, ""): Example(),
    ("desk_case.new", POST, ""): Example({"title": "Line down", "case_type": "incident"}),
    ("files.staff", GET, ""): Example(),
    ("desk_case.order", POST, "say"): Example({"text": "Any news?"}),
    ("desk_case.order", POST, "cancel"): Example({"text": "Not needed."}),
    **{("desk.write", POST, kind): example for kind, example in WRITE.items()},
    **{("desk_case.write", POST, kind): example for kind, example in WRITE.items()},
    **{("desk_case.do", POST, verb): example for verb, example in DESK_VERBS.items()},
}
LEADS: dict[tuple[str, str, str], Example] = {
    ("mending.show", GET, ""): Example(),
    ("mending.correct", POST, ""): Example({"what": "It was the other cable."}),
    ("mending.erase", POST, ""): Example({"why": "A request of the person it is about."}),
}
"""What leads and administrators do on an account that they may see, beside what every contact does."""
CUSTOMER: dict[tuple[str, str, str], Example] = {
    ("portal.account", GET, ""): Example(),
    ("portal.cases", GET, ""): Example(),
    ("portal_case.show", GET, ""): Example(),
    ("files.customer", GET, ""): Example(),
    **{("portal.report", method, kind): Example(REPORT if method == POST else None)
       for method in (GET, POST) for kind in ("problem", "request", "question")},
    ("portal_case.act", POST, "answer"): Example({"text": "Thank you."}),
    ("portal_case.act", POST, "confirm"): Example({"words": ""}, "resolved"),
    ("portal_case.act", POST, "reopen"): Example({"reason": "Still down."}, "resolved"),
    ("portal_case.act", POST, "reference"): Example({"reference": "PO-7"}),
    ("portal_case.act", POST, "watch"): Example({}),
    ("portal_case.act", POST, "unwatch"): Example({}),
    ("portal_case.act", POST, "let_follow"): Example({"person": "their own"}),
    ("portal_case.act", POST, "end_follow"): Example({"person": "their own"}),
}  # fmt: skip
OPEN_TO_STAFF = {
    *("desk.home", "desk.accounts", "queues.bodies", "queues.body", "queues.deliveries", "queues.delivery"),
    *("queues.signals", "queues.signal", "queues.drop_signal", "mail_queue.listing", "mail_queue.letter"),
    *("mail_queue.do", "queues.again"),
}
WITHOUT_ACCOUNT = {"portal.home"}


@pytest.fixture
def bolt(hub: Hub, world: World) -> Customer:
    """Bolt is restricted: of us only its own contacts and the leads may know of it."""
    with hub.db.write() as session:
        accounts.change_account(session, HUB, session.get_one(Account, world.bolt.account), restricted=True)
        teams.add_team(session, HUB, "Fibre", email="fibre@team.example")
    return world.bolt


@dataclass
class Stage:
    """Makes what an example needs, fresh, and knows its address."""

    hub: Hub
    app: Flask
    customer: Customer
    contact: Any

    def address(self, endpoint: str, verb: str, example: Example) -> tuple[str, dict[str, Any] | None]:
        """The address of the example on a new case, and what to post."""
        with self.hub.db.write() as session:
            case, order, file = self._scene(session, example.state)
        values = {"slug": self.customer.slug, "number": order if "order" in endpoint else case.number}
        values |= {"verb": verb, "kind": verb, "file_id": file, "seq": 1}
        data = example.data
        if endpoint == "desk.write" and data is not None:
            data = data | {"case": case.number}
        if data is not None and data.get("person") == "their own":
            data = data | {"person": str(self.customer.person)}
        with self.app.test_request_context():
            rule = next(r for r in self.app.url_map.iter_rules(endpoint))
            wanted = {name: values[name] for name in rule.arguments}
            return self.app.url_for(endpoint, _external=False, **wanted), data

    def _scene(self, session: Session, state: str) -> tuple[Case, str, Any]:
        viewer = access.viewer_of(session, self.contact)
        account = session.get_one(Account, self.customer.account)
        new = NewCase(title="Line down", case_type="incident", customer_title="Line down")
        case = desk.open_case(session, viewer, account, new, share=state != "unshared")
        file = None
        if state != "unshared":
            speaker = access.viewer_of(session, self.customer.person)
            upload = Files((Upload("log.txt", "text/plain", b"x"),))
            portal.answer(session, speaker, case, "It is dark.", files=upload)
            session.flush()  # the file is looked up below
            file = session.scalars(select(Attachment.id).where(Attachment.case_id == case.id)).one()
        order = None
        if state == "open":
            fibre = session.scalars(select(teams.Team)).one()
            order = desk.place_order(session, viewer, case, fibre, "Splice", "km 14.2")
            case.state = "registered"
        if state == "resolved":
            desk.resolve_case(session, viewer, case, "Spliced.")
        if state == "handled":
            cases.set_handler(session, viewer.actor("staff", account.id), case, self.contact)
        return case, order.number if order else "", file


def calls(app: Flask, prefix: str) -> Iterator[tuple[str, str, str]]:
    """Every (endpoint, method, verb) of the URL map under a prefix, each word of an `any(...)` by itself."""
    for rule in app.url_map.iter_rules():
        if rule.rule.startswith(prefix):
            verbs = VERB.search(rule.rule)
            for method in sorted((rule.methods or set()) & {"GET", "POST", "PUT", "DELETE", "PATCH"}):
                for verb in verbs.group(1).split(", ") if verbs else [""]:
                    yield rule.endpoint, method, verb


def ask(browser: Browser, method: str, address: str, data: dict[str, Any] | None) -> int:
    """The status of one call, forms with a good token."""
    if method == GET:
        return browser.get(address).status_code
    return browser.post(address, data).status_code


Browse = Callable[[str], Browser]


def test_every_rule_has_an_example(app: Flask) -> None:
    assert set(calls(app, "/portal")) - set(CUSTOMER) == {(name, GET, "") for name in WITHOUT_ACCOUNT}
    missing = {call for call in calls(app, "/desk") if call[0] not in OPEN_TO_STAFF}
    missing -= set(STAFF) | set(LEADS)
    assert missing == set()


def test_customers_reach_their_own_account_and_no_other(
    hub: Hub, app: Flask, bolt: Customer, world: World, browse: Browse
) -> None:
    petra, ben = browse(world.nordwind.login), browse(bolt.login)
    stage = Stage(hub, app, bolt, world.maya)
    walked = 0
    for (endpoint, method, verb), example in CUSTOMER.items():
        address, data = stage.address(endpoint, verb, example)
        assert ask(petra, method, address, data) == 404, address
        assert ask(ben, method, address, data) in (200, 303), address
        walked += 1
    assert walked > 15


def test_a_restricted_account_is_known_to_its_own_contacts_only(
    hub: Hub, app: Flask, bolt: Customer, world: World, browse: Browse
) -> None:
    kim, maya = browse("kim@elbe.example"), browse("maya@elbe.example")
    stage = Stage(hub, app, bolt, world.maya)
    for (endpoint, method, verb), example in STAFF.items():
        address, data = stage.address(endpoint, verb, example)
        assert ask(kim, method, address, data) == 404, address
        assert ask(maya, method, address, data) in (200, 303), (address, verb)


def test_entries_are_mended_by_those_who_lead_and_may_see_the_account(
    hub: Hub, app: Flask, bolt: Customer, world: World, browse: Browse
) -> None:
    stage, maya, petra = Stage(hub, app, bolt, world.maya), browse("maya@elbe.example"), browse(bolt.login)
    with hub.db.write() as session:
        people.grant_role(session, HUB, people.get_person(session, world.kim), "admin")
    kim, rita = browse("kim@elbe.example"), browse("rita@elbe.example")
    for (endpoint, method, verb), example in LEADS.items():
        address, data = stage.address(endpoint, verb, example)
        statuses = [ask(person, method, address, data) for person in (petra, maya, kim)]
        assert statuses == [404, 403, 404], address
        assert ask(rita, method, address, data) in (200, 303), address


def test_a_foreign_number_under_ones_own_account_is_not_there(
    hub: Hub, app: Flask, bolt: Customer, world: World, browse: Browse
) -> None:
    petra = browse(world.nordwind.login)
    stage = Stage(hub, app, bolt, world.maya)
    for (endpoint, method, verb), example in CUSTOMER.items():
        address, data = stage.address(endpoint, verb, example)
        if "/case/" in address or "/file/" in address:
            mine = address.replace(f"/portal/{bolt.slug}/", f"/portal/{world.nordwind.slug}/")
            assert ask(petra, method, mine, data) == 404, mine


def test_customers_have_no_desk_and_no_administration(
    app: Flask, bolt: Customer, world: World, browse: Browse
) -> None:
    petra = browse(world.nordwind.login)
    for prefix in ("/desk", "/admin"):
        for rule in app.url_map.iter_rules():
            if rule.rule.startswith(prefix):
                _check_closed(app, petra, rule, world.nordwind.slug)


def test_contacts_have_no_administration(app: Flask, bolt: Customer, world: World, browse: Browse) -> None:
    kim = browse("kim@elbe.example")
    for rule in app.url_map.iter_rules():
        if rule.rule.startswith("/admin"):
            _check_closed(app, kim, rule, world.nordwind.slug)


def _check_closed(app: Flask, browser: Browser, rule: Any, slug: str) -> None:
    guesses = {"slug": slug, "number": "NORD-1", "connector": "alertmanager", "seq": 1}
    found = VERB.search(rule.rule)
    if found:
        guesses[found.group(2)] = found.group(1).split(", ")[0]
    some_id = "01a20bae-52a5-7110-847d-917c6311fc51"
    with app.test_request_context():
        values = {name: guesses.get(name, some_id) for name in rule.arguments}
        address = app.url_for(rule.endpoint, _external=False, **values)
    for method in sorted((rule.methods or set()) & {GET, POST}):
        assert ask(browser, method, address, {}) in (403, 404), address


def test_nobody_without_a_session_sees_anything(app: Flask, bolt: Customer, browse: Browse) -> None:
    nobody = browse("")
    for address in ("/desk", "/portal", f"/portal/{bolt.slug}", f"/desk/{bolt.slug}", "/admin/people"):
        answer = nobody.get(address)
        assert answer.status_code in (302, 303), address
        assert "/auth/login" in answer.headers["Location"]
