"""An operator need not open each connection's page to learn that something of it was lost or held up."""

from datetime import timedelta

import pytest
from click.testing import CliRunner

from hub.cli import main
from hub.config import Settings
from hub.domain import connections
from hub.domain.audit import HUB
from hub.domain.connections import Connection
from hub.flows import intake
from hub.flows.runtime import Hub
from hub.testing.fixtures import MovingClock, counting
from hub.testing.pages import Browser
from hub.web import admin_read


def added(hub: Hub, name: str) -> Connection:
    with hub.db.write() as session:
        return connections.add_connection(
            session,
            HUB,
            hub.registry,
            hub.keyring,
            "alertmanager",
            name,
            "own",
            {"severity_label": "severity"},
        )


def note(hub: Hub, connection: Connection, *kinds: str) -> None:
    with hub.db.write() as session:
        for kind in kinds:
            connections.health_event(session, connection.id, kind, "Something that stands on its page.")


@pytest.fixture
def alerts(hub: Hub) -> Connection:
    return added(hub, "Alerts")


@pytest.fixture
def refused(hub: Hub, alerts: Connection, moving_clock: MovingClock) -> str:
    """When the second of two bodies was refused as too large."""
    with hub.db.write() as session:
        token = connections.new_token(session, HUB, session.get_one(Connection, alerts.id))
    connection = intake.admit(hub, alerts.slug, {"authorization": f"Bearer {token}"})
    for _ in range(2):
        moving_clock.forward(timedelta(minutes=11))
        intake.note_too_large(hub, connection, 17 * 1024 * 1024)
    return "09:22"


@pytest.mark.parametrize("address", ["/admin", "/admin/connections"])
def test_bodies_over_the_limit_are_told_where_all_connections_stand(
    rita: Browser, refused: str, address: str
) -> None:
    told = f"Refused as too large: 2 in the last day, last {refused}."
    assert told in rita.get(address).text


def check(settings: Settings) -> str:
    own = {"HUB_DATABASE_URL": settings.database_url, "HUB_SECRET_KEY": settings.secret_key}
    return CliRunner().invoke(main, ["check"], env=own, catch_exceptions=False).output


def test_check_tells_it_too_for_a_day(
    hub: Hub, settings: Settings, refused: str, moving_clock: MovingClock
) -> None:
    told = (
        f"warning  Connection Alerts: Refused as too large: 2 in the last day, last 2026-03-02 {refused} UTC."
    )
    assert told in check(settings)
    moving_clock.forward(timedelta(hours=24))
    assert "Refused as too large" not in check(settings)


def test_what_mended_itself_and_was_no_loss_is_not_told(hub: Hub, alerts: Connection) -> None:
    note(hub, alerts, "failing", "recovered")
    with hub.db.read() as session:
        assert connections.happened(session) == {}


def test_a_list_takes_as_many_statements_for_any_number_of_connections(hub: Hub, alerts: Connection) -> None:
    counts = []
    for more in (0, 5):
        for number in range(more):
            note(hub, added(hub, f"Alerts {number}"), "too_large", "slow_parse", "refused")
        with hub.db.read() as session, counting(hub.db) as statements:
            shown = admin_read.connections(session)
        counts.append(len(statements))
    assert counts[0] == counts[1]
    assert [len(row.happened) for row in shown] == [0, *[3] * 5]
