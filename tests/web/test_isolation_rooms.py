"""No room is left out of the walk, and customers are strangers at the desk and in the administration.

On addresses of things that are there: a 404 for what does not exist would say nothing.
"""

from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from test_isolation import STAFF, VERB, Stage, ask, bolt

from hub.domain import accounts, connections, teams
from hub.domain.accounts import Account
from hub.domain.audit import HUB
from hub.flows.runtime import Hub
from hub.testing.pages import Browser
from hub.testing.world import Customer, World

__all__ = ["bolt"]

Browse = Callable[[str], Browser]
WALKED = ("/desk", "/portal", "/admin")
FOR_ALL = {"static", "front.home", "front.brand", "front.healthz", "front.readyz", "ingest.receive"}
ONES_OWN = {"auth.login", "auth.logout", "auth.me", "auth.password"}
METHODS = {"GET", "POST", "PUT", "PATCH", "DELETE"}
BEHIND_THE_DOOR = (303, 404, 409, 422)


@pytest.fixture
def places(hub: Hub, bolt: Customer) -> dict[str, str]:
    """What each word of an address of the administration stands for: things of Bolt and of the provider."""
    with hub.db.write() as session:
        connection = connections.add_connection(
            session, HUB, hub.registry, hub.keyring, "alertmanager", "Alerts", "own", {}
        )
        team = teams.add_team(session, HUB, "Splicers", email="splicers@team.example")
        site = accounts.add_site(session, HUB, session.get_one(Account, bolt.account), "Hamburg")
        member = accounts.members_of(session, bolt.account)[0][0]
        return {
            "admin_accounts": bolt.slug,
            "admin_account_rows": bolt.slug,
            "site_id": str(site.id),
            "service_id": str(bolt.service),
            "member_id": str(member.id),
            "admin_teams": team.slug,
            "admin_connections": connection.slug,
            "connector": "alertmanager",
            "person_id": str(bolt.person),
        }


def administration(app: Flask, places: dict[str, str]) -> Iterator[tuple[str, str]]:
    """(method, address) of every rule, each word of an `any(...)` by itself."""
    for rule in app.url_map.iter_rules():
        if not rule.rule.startswith("/admin"):
            continue
        found = VERB.search(rule.rule)
        for verb in found.group(1).split(", ") if found else [""]:
            known = places | {"verb": verb, "slug": places.get(rule.endpoint.split(".")[0], "")}
            with app.test_request_context():
                values = {name: known[name] for name in rule.arguments}
                address = app.url_for(rule.endpoint, _external=False, **values)
            yield from ((method, address) for method in sorted((rule.methods or set()) & METHODS))


def test_no_rule_lies_outside_the_rooms_that_are_walked(app: Flask) -> None:
    outside = {rule.endpoint for rule in app.url_map.iter_rules() if not rule.rule.startswith(WALKED)}
    assert outside == FOR_ALL | ONES_OWN, "walk it here or in test_isolation.py, or say that it is for all"


@pytest.mark.parametrize("login", ["petra@nordwind.example", "ben@bolt.example"])
def test_no_customer_is_at_the_desk_not_even_at_what_is_theirs(
    hub: Hub, app: Flask, bolt: Customer, world: World, browse: Browse, login: str
) -> None:
    browser, stage = browse(login), Stage(hub, app, bolt, world.maya)
    for (endpoint, method, verb), example in STAFF.items():
        address, data = stage.address(endpoint, verb, example)
        assert ask(browser, method, address, data) == 404, address


@pytest.mark.parametrize("login", ["petra@nordwind.example", "ben@bolt.example", "kim@elbe.example"])
def test_the_administration_is_for_administrators(
    app: Flask, places: dict[str, str], browse: Browse, login: str
) -> None:
    browser = browse(login)
    refusals = (403,) if login == "kim@elbe.example" else (404,)
    for method, address in administration(app, places):
        assert ask(browser, method, address, {}) in refusals, address


def test_who_administers_comes_in_at_each_of_these_addresses(
    app: Flask, places: dict[str, str], browse: Browse
) -> None:
    rita, calls = browse("rita@elbe.example"), list(administration(app, places))
    assert len(calls) > 30
    # What ends an account or a person comes last: the others need them.
    for method, address in sorted(calls, key=lambda call: call[1].endswith(("/close", "/disable"))):
        status = ask(rita, method, address, {})
        # An empty form may name a row that is not there, but that is found out behind the door (others: 403).
        assert status == 200 or (method == "POST" and status in BEHIND_THE_DOOR), (method, address, status)
