"""The main flow in steps, each as the process that carries it out does, and what there is in the end."""

import base64
import json
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import far_sides
from copies import Copies
from killing import Processes
from sqlalchemy import select

from hub import jobs
from hub.base import clock, crypto
from hub.config import Settings
from hub.domain import access, connections, teams
from hub.domain.audit import HUB
from hub.domain.cases import Case
from hub.domain.outbox import Delivery
from hub.domain.timeline import Entry, Head
from hub.domain.workorders import WorkOrder
from hub.flows import delivery, desk, intake, mailroom, sync
from hub.flows.runtime import Hub
from hub.plugin.contracts import Incoming
from hub.plugin.settings import form_values
from hub.testing.world import World, build

NOON = "2026-03-02T12:00:00Z"


KEY = crypto.new_key()


@dataclass
class Stage:
    """A hub's database and the folder of its far sides, both put back before every death."""

    copies: Copies
    folder: Path
    processes: Processes
    world: World
    token: str = ""

    def keep(self) -> None:
        self.copies.keep()
        shutil.copytree(self.folder, self.folder.with_suffix(".kept"))

    def restore(self) -> None:
        self.copies.restore()
        shutil.rmtree(self.folder)
        shutil.copytree(self.folder.with_suffix(".kept"), self.folder)


def prepare(copies: Copies, folder: Path) -> Stage:
    """Two customers, a team with a ticket tool, a monitoring system and a mail server."""
    folder.mkdir()
    settings = Settings(
        database_url=copies.url,
        secret_key=KEY,
        base_url="https://hub.example.net",
        mail_domain="hub.example",
        sqlite_synchronous="NORMAL",
    )
    processes = Processes(settings)
    hub = processes.start()
    stage = Stage(copies, folder, processes, build(hub))
    with hub.db.write() as session:
        tickets, alerts = (
            connections.add_connection(session, HUB, hub.registry, hub.keyring, connector, name, side, values)
            for connector, name, side, values in (
                ("far_tickets", "Tickets", "team", {"folder": str(folder)}),
                ("alertmanager", "Alertmanager", "own", defaults(hub, "alertmanager")),
            )
        )
        connections.add_connection(
            session, HUB, hub.registry, hub.keyring, "far_mail", "Mail", "own", {"folder": str(folder)}
        )
        stage.token = connections.new_token(session, HUB, alerts)
        teams.add_team(session, HUB, "Fibre", connection_id=tickets.id)
    hub.close()
    return stage


def defaults(hub: Hub, connector: str) -> dict[str, str]:
    known = hub.registry.connector(connector)
    assert known is not None
    return form_values(known.settings_model, {})


# What a sender repeats when it got no answer (monitoring, a person's form with its key) is repeated by the
# test as well.


def alert(stage: Stage, ends: str) -> Callable[[Hub], None]:
    def step(hub: Hub) -> None:
        connection = intake.admit(hub, "alertmanager", {"authorization": f"Bearer {stage.token}"})
        body = {
            "version": "4",
            "groupKey": "k",
            "alerts": [
                {
                    "status": "resolved" if ends else "firing",
                    "labels": {"alertname": "LinkDown", "severity": "critical", "circuit": "CIR-4711"},
                    "annotations": {"summary": "CIR-4711 down"},
                    "startsAt": NOON,
                    "endsAt": ends or "0001-01-01T00:00:00Z",
                    "fingerprint": "056ce5f0d540b110",
                }
            ],
        }
        incoming = Incoming("POST", "", {}, {}, json.dumps(body).encode(), clock.now())
        intake.receive(hub, connection, incoming)

    return step


def kim_does(stage: Stage, act: Callable[[Any, Any, Case], object]) -> Callable[[Hub], None]:
    def step(hub: Hub) -> None:
        with hub.db.write() as session:
            viewer = access.viewer_of(session, stage.world.kim)
            act(session, viewer, session.scalars(select(Case)).one())

    return step


def places_order(session: Any, viewer: Any, case: Case) -> None:
    fibre = session.scalars(select(teams.Team)).one()
    desk.place_order(session, viewer, case, fibre, "Splice", "km 14.2", form_key="order-1")


def publishes(session: Any, viewer: Any, case: Case) -> None:
    when = clock.now() + timedelta(hours=1)
    desk.publish_to_customer(
        session, viewer, case, "A team is on the way.", next_step="Splicing", next_update_by=when,
        customer_title="Line down", form_key="publish-1",
    )  # fmt: skip


def team_answers(stage: Stage) -> None:
    at = clock.now().isoformat()
    far_sides.write(stage.folder, "answers", ticket="1", kind="message", text="Break at km 14.2", at=at)
    far_sides.write(stage.folder, "answers", ticket="1", kind="status", status="working", at=at)


def team_finishes(stage: Stage) -> None:
    at = clock.now().isoformat()
    far_sides.write(stage.folder, "answers", ticket="1", kind="status", status="finished", at=at)


def customer_replies(stage: Stage) -> None:
    sent = [row for row in far_sides.read(stage.folder, "sent") if row["to"] == stage.world.nordwind.login]
    mail = EmailMessage()
    mail["From"], mail["To"] = stage.world.nordwind.login, sent[-1]["reply_to"]
    mail["Subject"], mail["Message-ID"] = f"Re: {sent[-1]['subject']}", "<reply-1@nordwind.example>"
    mail["In-Reply-To"] = sent[-1]["message_id"]
    mail.set_content("Our night shift starts at ten, please hurry.")
    far_sides.write(stage.folder, "inbox", raw=base64.b64encode(mail.as_bytes()).decode())


def nothing(stage: Stage) -> None:
    """Nothing happens outside before this step."""


Outside = Callable[[Stage], None]
Step = Callable[[Hub], object]


def after(minutes: int, poll: Step) -> Step:
    """A poll so much later that its time has come again, however quickly the steps before went."""

    def step(hub: Hub) -> None:
        with clock.shifted(timedelta(minutes=minutes)):
            poll(hub)

    return step


STEPS = range(11)


def main_flow(stage: Stage) -> list[tuple[str, Outside, Step]]:
    return [
        ("alert", nothing, alert(stage, "")),
        ("contact is told", nothing, delivery.run_due),
        ("order", nothing, kim_does(stage, places_order)),
        ("ticket", nothing, delivery.run_due),
        ("team answers", team_answers, after(1, sync.poll_due)),
        ("publish", nothing, kim_does(stage, publishes)),
        ("customer is told", nothing, delivery.run_due),
        ("customer replies", customer_replies, after(1, mailroom.poll_due)),
        ("team finishes", team_finishes, after(2, sync.poll_due)),
        ("clear", nothing, alert(stage, "2026-03-02T13:00:00Z")),
        ("customer is asked", nothing, delivery.run_due),
    ]


def settle(stage: Stage) -> None:
    """What a worker does after the restart, until leases (2 min), pauses and polls have all run out."""

    def wait(hub: Hub) -> None:
        for minutes in (3, 30, 60):
            with clock.shifted(timedelta(minutes=minutes)):
                jobs.tick_all(hub)

    stage.processes.carry_out(wait)


@dataclass(frozen=True)
class Outcome:
    """What there is in the end, for comparing: none of it depends on times or ids."""

    cases: Counter[str]
    orders: Counter[str]
    entries: Counter[str]
    tickets: int
    mails: Counter[str]
    repeats: Counter[str]


def outcome(stage: Stage) -> Outcome:
    hub = stage.processes.start()
    with hub.db.read() as session:
        kinds = Counter(session.scalars(select(Entry.kind)))
        kinds.pop("delivery.unknown", None)
        _check_gapless(session)
        result = Outcome(
            Counter(session.scalars(select(Case.state))),
            Counter(session.scalars(select(WorkOrder.state))),
            kinds,
            len(far_sides.read(stage.folder, "tickets")),
            Counter(f"{row['to']} {row['message_id']}" for row in far_sides.read(stage.folder, "sent")),
            Counter(str(d) for d in session.scalars(select(Delivery.id).where(Delivery.possible_repeat))),
        )
        undone = session.scalars(select(Delivery.state).where(Delivery.state != "done")).all()
        assert undone == [], undone
    hub.close()
    return result


def _check_gapless(session: Any) -> None:
    for head in session.scalars(select(Head)):
        seqs = session.scalars(
            select(Entry.seq).where(Entry.account_id == head.account_id).order_by(Entry.seq)
        )
        assert list(seqs) == list(range(1, head.seq + 1))
