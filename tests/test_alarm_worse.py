"""A fault that gets worse stays with its open case, reopens a solved one, or opens another."""

import pytest
import scene
from sqlalchemy import select

from hub.domain import cases
from hub.domain.alerts import Alert
from hub.domain.audit import HUB
from hub.domain.cases import Case
from hub.domain.outbox import Delivery
from hub.flows import alarm
from hub.flows.runtime import Hub


@pytest.fixture
def sound(hub: Hub) -> scene.Sounder:
    with hub.db.write() as session:
        return scene.Sounder(hub.db, alarm.Source(scene.connection(session), "Alertmanager"))


def test_an_alert_that_gets_worse_after_its_case_was_closed_opens_another(sound: scene.Sounder) -> None:
    (acme,) = scene.accounts(sound.db, "Acme")
    sound(scene.event(severity="major"))
    with sound.db.write() as session:
        case = session.scalars(select(Case)).one()
        cases.resolve(session, HUB, case, "It only flaps.")
    sound(scene.event(severity="minor", minute=1))
    assert [case.state for case in sound.all(Case)] == ["closed"]
    sound(scene.event(severity="critical", minute=2))
    closed, opened = sorted(sound.all(Case), key=lambda case: case.id)
    assert (closed.state, opened.state, opened.priority) == ("closed", "registered", "critical")
    assert [alert.case_id for alert in sound.all(Alert)] == [opened.id]
    assert sound.kinds(acme)[-2:] == ["alert.raised", "case.opened"]
    assert [told.body["case_id"] for told in sound.all(Delivery)].count(str(opened.id)) == 1
    sound(scene.event("clear", minute=5))
    assert [case.state for case in sound.all(Case)] == ["closed", "closed"]


def test_an_alert_that_gets_worse_reopens_its_solved_case(sound: scene.Sounder) -> None:
    (acme,) = scene.accounts(sound.db, "Acme", share_severity="major")
    sound(scene.event(severity="major"))
    with sound.db.write() as session:
        cases.resolve(session, HUB, session.scalars(select(Case)).one(), "Switched to the spare line.")
    sound(scene.event(severity="minor", minute=1))
    assert [case.state for case in sound.all(Case)] == ["resolved"]
    sound(scene.event(severity="critical", minute=2))
    (case,) = sound.all(Case)
    assert (case.state, case.reopened, case.solution) == ("in_progress", 1, None)
    assert sound.kinds(acme)[-2:] == ["case.reopened", "alert.raised"]
    told = [row.body for row in sound.all(Delivery) if row.body.get("event", "").startswith("reopened:")]
    assert sorted(body["audience"] for body in told) == ["customers", "responsible"]


def test_an_alert_that_gets_worse_stays_with_its_case(sound: scene.Sounder) -> None:
    scene.accounts(sound.db, "Acme")
    sound(scene.event(severity="major"))
    sound(scene.event(severity="critical", minute=2))
    (case,) = sound.all(Case)
    assert [alert.case_id for alert in sound.all(Alert)] == [case.id]
