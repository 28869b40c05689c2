"""What customers hear of cases that monitoring opens, solves and opens again."""

from datetime import timedelta

import pytest
import scene as base
from mail_scene import Scene, mail_scene, text_of

from hub.domain import cases
from hub.domain.accounts import Account
from hub.domain.audit import HUB
from hub.flows import alarm

CIRCUIT = (("circuit", "CIR-4711"),)


@pytest.fixture
def scene(hub, world, moving_clock):
    with mail_scene(hub, world) as made:
        yield made


class Monitoring:
    """Reports on the circuit of Nordwind, whose faults are shared at once."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        with scene.hub.db.write() as session:
            session.get_one(Account, scene.world.nordwind.account).share_severity = "critical"
            self.source = alarm.Source(base.connection(session), "Alertmanager")

    def says(self, state: str, **fields) -> None:
        with self.scene.hub.db.write() as session:
            alarm.sound(session, self.source, [base.event(state, identifiers=CIRCUIT, **fields)])
        self.scene.deliver()

    def last_to(self, address: str) -> str:
        mails = [mail for mail in self.scene.mails() if address in mail["To"]]
        return " ".join(text_of(mails[-1]).split())


def sentences(scene: Scene, kind: str) -> list[str]:
    return [entry.sentence for entry in scene.entries(kind)]


def test_customers_hear_that_a_fault_is_over_and_that_it_is_back(scene):
    monitoring, petra = Monitoring(scene), "petra@nordwind.example"
    monitoring.says("firing")
    monitoring.says("clear", minute=5)
    solved = monitoring.last_to(petra)
    assert "is solved" in solved
    assert "Monitoring reports that the fault is over. Please confirm that it works" in solved
    monitoring.says("firing", start=10, minute=10)
    back = monitoring.last_to(petra)
    assert "is open again Monitoring reports a fault again. We go on working on it." in back
    assert "Monitoring reports a fault again." in monitoring.last_to("kim@elbe.example")
    [case] = {entry.case_id for entry in scene.entries("case.resolved")}
    name = f"{scene.get(case).number} is solved: A fault on Nordwind line."
    assert sentences(scene, "case.resolved") == [f"{name} Monitoring reports that the fault is over."]
    [again] = sentences(scene, "case.reopened")
    assert again.endswith("was reopened: A fault on Nordwind line. Monitoring reports a fault again.")
    assert {entry.audience for entry in scene.entries("case.reopened")} == {"customer"}


def test_nobody_outside_hears_of_a_case_that_was_never_shared(scene):
    monitoring = Monitoring(scene)
    with scene.hub.db.write() as session:
        session.get_one(Account, scene.world.nordwind.account).share_severity = None
    monitoring.says("firing")
    monitoring.says("clear", minute=5)
    monitoring.says("firing", start=10, minute=10)
    assert "petra@nordwind.example" not in scene.sent_to()
    [solved] = sentences(scene, "case.resolved")
    assert "is solved: Nordwind line: Link down. Monitoring" in solved


def test_what_somebody_wrote_as_the_solution_does_not_outlive_it(scene, moving_clock):
    monitoring = Monitoring(scene)
    monitoring.says("firing")
    [opened] = scene.entries("case.opened")
    with scene.hub.db.write() as session:
        cases.resolve(session, HUB, cases.get_case(session, opened.case_id), "A cable was loose.")
    moving_clock.forward(timedelta(minutes=1))
    monitoring.says("firing", key="f2", minute=6)
    assert scene.get(opened.case_id).solution is None


def test_what_people_did_is_told_with_what_and_why(scene):
    case = scene.case()
    number = scene.get(case).number
    with scene.hub.db.write() as session:
        cases.resolve(session, HUB, cases.get_case(session, case), "The fibre was spliced.")
        cases.reopen(session, HUB, cases.get_case(session, case), "It is down again.")
    [solved], [again] = scene.entries("case.resolved"), scene.entries("case.reopened")
    assert (solved.sentence, solved.body) == (
        f"{number} is solved: Your line is down.",
        "The fibre was spliced.",
    )
    assert (again.sentence, again.body) == (f"{number} was reopened: Your line is down.", "It is down again.")
