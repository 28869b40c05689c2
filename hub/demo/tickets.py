"""The played team's ticket tool: tickets and transactions, kept in a file for the next start."""

import json
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from hub.base import clock

HUB = "contact-hub"
"""The login under which the hub works in the tool."""
Changed = Callable[[int, str], None]


class Conflict(Exception):
    """The ticket has changed since the caller looked."""


@dataclass(slots=True)
class Transaction:
    """One thing that happened to a ticket; `content` is what somebody wrote."""

    id: int
    ticket: int
    type: str
    created: str
    creator: str
    new_value: str = ""
    subject: str = ""
    content: str = ""


@dataclass(slots=True)
class Ticket:
    """One task; `acts` counts what its team has done by itself so far."""

    id: int
    queue: str
    subject: str
    refers_to: str
    opened: str
    status: str = "new"
    version: int = 0
    acts: int = 0


@dataclass(slots=True)
class _Kept:
    tickets: list[Ticket] = field(default_factory=list)
    transactions: list[Transaction] = field(default_factory=list)


class Tickets:
    """The tool's memory. Every change is written down before it is answered."""

    def __init__(self, file: Path) -> None:
        self.changed: Changed = lambda number, type_: None
        self._file = file
        self._guard = threading.RLock()
        self._kept = _read(file)

    def open(self, queue: str, subject: str, content: str, refers_to: str) -> Ticket:
        """A new ticket of the hub's."""
        with self._guard:
            number = len(self._kept.tickets) + 1
            ticket = Ticket(number, queue, subject, refers_to, clock.now().isoformat())
            self._kept.tickets.append(ticket)
            self._note(ticket, "Create", HUB, subject=subject, content=content)
            return ticket

    def write(self, ticket: Ticket, creator: str, content: str, subject: str = "") -> Transaction:
        """A message on a ticket."""
        return self._note(ticket, "Correspond", creator, subject=subject, content=content)

    def set_status(self, ticket: Ticket, creator: str, status: str, if_version: str = "") -> None:
        """Another status; Conflict unless the ticket is still at `if_version`, where one is given."""
        with self._guard:
            if if_version and if_version.strip('"') != str(ticket.version):
                raise Conflict
            if ticket.status != status:
                ticket.status = status
                self._note(ticket, "Status", creator, new_value=status)

    def acted(self, ticket: Ticket) -> None:
        """Count one thing that the team did by itself."""
        with self._guard:
            ticket.acts += 1
            self._save()

    def ticket(self, number: int) -> Ticket | None:
        """The ticket of a number."""
        return next((ticket for ticket in self.tickets() if ticket.id == number), None)

    def tickets(self) -> list[Ticket]:
        """All tickets, oldest first."""
        with self._guard:
            return list(self._kept.tickets)

    def transactions(self) -> list[Transaction]:
        """All transactions, oldest first."""
        with self._guard:
            return list(self._kept.transactions)

    def _note(self, ticket: Ticket, type_: str, creator: str, **words: str) -> Transaction:
        with self._guard:
            number = len(self._kept.transactions) + 1
            made = Transaction(number, ticket.id, type_, clock.now().isoformat(), creator, **words)
            self._kept.transactions.append(made)
            ticket.version = number
            self._save()
        if creator != HUB:
            self.changed(ticket.id, type_)
        return made

    def _save(self) -> None:
        fresh = self._file.with_suffix(".new")
        fresh.write_text(json.dumps(asdict(self._kept), ensure_ascii=False), encoding="utf-8")
        fresh.replace(self._file)


def _read(file: Path) -> _Kept:
    if not file.exists():
        return _Kept()
    data = json.loads(file.read_text(encoding="utf-8"))
    return _Kept(
        [Ticket(**item) for item in data["tickets"]], [Transaction(**item) for item in data["transactions"]]
    )
