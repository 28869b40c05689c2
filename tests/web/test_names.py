"""The private name of one of us is on nothing that a customer reads, whoever of us acted."""

from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import select
from test_isolation import STAFF, Stage, ask

from hub.domain import teams
from hub.domain.audit import HUB
from hub.domain.timeline import Entry
from hub.flows.runtime import Hub
from hub.testing.pages import Browser
from hub.testing.world import World

NAMES = {
    "kim@elbe.example": "Kim Brandt",
    "rita@elbe.example": "Rita Okafor",
    "maya@elbe.example": "Maya Cohen",
}


@pytest.mark.parametrize("login", NAMES, ids=["assigned", "not assigned", "contact of another account"])
def test_every_verb_of_the_desk_keeps_private_names_to_us(
    hub: Hub, app: Flask, world: World, browse: Callable[[str], Browser], login: str
) -> None:
    with hub.db.write() as session:
        teams.add_team(session, HUB, "Fibre", email="fibre@team.example")
    browser, stage = browse(login), Stage(hub, app, world.nordwind, world.kim)
    for (endpoint, method, verb), example in STAFF.items():
        address, data = stage.address(endpoint, verb, example)
        assert ask(browser, method, address, data) in (200, 303), address
    with hub.db.read() as session:
        seen = list(session.scalars(select(Entry).where(Entry.audience == "customer")))
    assert {"message.published", "case.shared", "case.resolved", "case.confirmed"} <= {e.kind for e in seen}
    for entry in seen:
        said = f"{entry.actor_name} {entry.sentence} {entry.data} {entry.body}"
        assert [name for name in NAMES.values() if name in said] == [], entry.kind
