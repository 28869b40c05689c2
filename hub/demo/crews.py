"""Played provider teams at their ticket tool: they take a ticket, write what they found, and resolve it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from hub.base import clock
from hub.demo.cast import Crew
from hub.demo.tickets import HUB, Ticket, Tickets

TAKES_AFTER = 8
ANSWERS_AFTER = 15
OVER = ("resolved", "rejected")


@dataclass(frozen=True, slots=True)
class Act:
    """So many seconds after the ticket came: a message, or a status where `status` says one."""

    seconds: int
    text: str = ""
    status: str = ""


@dataclass
class Crews:
    """Does what is due on every ticket, one act a step and ticket."""

    tickets: Tickets
    crews: Mapping[str, Crew]

    def step(self) -> None:
        """One look at every ticket that is still open."""
        for ticket in self.tickets.tickets():
            crew = self.crews.get(ticket.queue)
            if crew is not None and ticket.status not in OVER:
                self._act(crew, ticket)
                self._answer(crew, ticket)

    def _act(self, crew: Crew, ticket: Ticket) -> None:
        plan = acts(crew)
        if ticket.acts >= len(plan):
            return
        act = plan[ticket.acts]
        if clock.now() < datetime.fromisoformat(ticket.opened) + timedelta(seconds=act.seconds):
            return
        # Counted first: after a crash in between the team leaves something out and never says it twice.
        self.tickets.acted(ticket)
        if act.status:
            self.tickets.set_status(ticket, crew.hand, act.status)
        else:
            self.tickets.write(ticket, crew.hand, act.text)

    def _answer(self, crew: Crew, ticket: Ticket) -> None:
        """Say something when the contact wrote last and waits."""
        said = [t for t in self.tickets.transactions() if t.ticket == ticket.id and t.type == "Correspond"]
        if said and said[-1].creator == HUB:
            waited = clock.now() - datetime.fromisoformat(said[-1].created)
            if waited >= timedelta(seconds=ANSWERS_AFTER):
                self.tickets.write(ticket, crew.hand, "Understood, we keep that in mind.")


def acts(crew: Crew) -> list[Act]:
    """What a crew does with every ticket: take it, report, resolve it ten seconds after the last report."""
    reports = [Act(seconds, text) for seconds, text in crew.answers]
    return [Act(TAKES_AFTER, status="open"), *reports, Act(reports[-1].seconds + 10, status="resolved")]
