"""No date that somebody types, and none that is stored already, takes a page away from anybody."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from sqlalchemy import select, update

from hub.base import clock
from hub.domain import access
from hub.domain.accounts import Account
from hub.domain.cases import Case, NewCase
from hub.domain.people import Person
from hub.flows import desk
from hub.flows.runtime import Hub
from hub.testing.pages import Browser
from hub.testing.world import World

FAR = (
    "9999-12-31T23:59",
    "0001-01-01T00:00",
    "1999-12-31T10:00",
    "2040-01-01T10:00",
    "9999-12-31T23:59+00:00",
)
ZONES = ("America/New_York", "Asia/Singapore", "Europe/Berlin", "Pacific/Kiritimati", "UTC")


@pytest.fixture
def number(hub: Hub, world: World) -> str:
    with hub.db.write() as session:
        kim = access.viewer_of(session, world.kim)
        account = session.get_one(Account, world.nordwind.account)
        new = NewCase(title="Line down", case_type="incident", customer_title="Line down")
        return desk.open_case(session, kim, account, new, share=True).number


def live_in(hub: Hub, zone: str, *people: object) -> None:
    with hub.db.write() as session:
        session.execute(update(Person).where(Person.id.in_(people)).values(zone=zone))


@pytest.mark.parametrize("zone", [ZONES[0], *(pytest.param(z, marks=pytest.mark.slow) for z in ZONES[1:])])
def test_implausible_times_are_refused_in_the_form(
    hub: Hub, world: World, kim: Browser, rita: Browser, number: str, zone: str
) -> None:
    live_in(hub, zone, world.kim, world.rita)
    case, slug = f"/desk/nordwind/case/{number}", world.nordwind.slug
    for far in FAR:
        told = {"body": "We splice.", "next_step": "Splice", "next_update_by": far}
        for address, data, browser in (
            (f"{case}/write/answer", told, kim),
            (f"/desk/{slug}/write/answer", told | {"case": number}, kim),
            (f"{case}/next", {"next_step": "Splice", "next_update_by": far}, kim),
            (f"{case}/target", {"target_at": far}, kim),
            (
                f"/admin/accounts/{slug}/assign",
                {"person": str(world.maya), "role": "named", "valid_from": far},
                rita,
            ),
            (f"/admin/people/{world.kim}/absence", {"starts_at": far, "ends_at": far}, rita),
        ):
            answer = browser.post(address, data)
            assert answer.status_code == 422, (address, far)
    with hub.db.read() as session:
        row = session.scalars(select(Case)).one()
        assert row.next_update_by is None
        assert row.target_at is None


@pytest.mark.parametrize("zone", ZONES)
def test_pages_stand_whatever_time_is_stored(
    hub: Hub, app: Flask, world: World, kim: Browser, petra: Browser, number: str, zone: str
) -> None:
    live_in(hub, zone, world.kim, world.nordwind.person)
    for stored in (datetime.max.replace(tzinfo=UTC), datetime.min.replace(tzinfo=UTC)):
        with hub.db.write() as session:
            session.execute(update(Case).values(next_update_by=stored, target_at=stored))
        for browser, address in (
            (kim, "/desk"),
            (kim, "/desk/nordwind"),
            (kim, f"/desk/nordwind/case/{number}"),
            (petra, "/portal/nordwind"),
            (petra, "/portal/nordwind/cases"),
            (petra, f"/portal/nordwind/case/{number}"),
        ):
            assert browser.get(address).status_code == 200, (address, stored)


def test_a_local_time_outside_the_calendar_is_its_nearest_end() -> None:
    for zone in map(ZoneInfo, ZONES):
        assert clock.local(datetime.max.replace(tzinfo=UTC), zone).year == 9999
        assert clock.local(datetime.min.replace(tzinfo=UTC), zone).year == 1
    noon = datetime(2026, 3, 2, 12, tzinfo=UTC)
    assert clock.local(noon, ZoneInfo("Europe/Berlin")).hour == 13
