"""What carrying out a delivery can come to, and how each kind of delivery says how it is carried out."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import structlog
from sqlalchemy.orm import Session

from hub.base.errors import frames
from hub.domain.outbox import Claimed
from hub.flows.runtime import Hub

PATIENCE = timedelta(hours=24)
Apply = Callable[[Session], None]
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Done:
    """It happened. `apply` writes what follows (a link, an entry) in the transaction that settles the row."""

    result: dict[str, Any] | None = None
    apply: Apply | None = None


@dataclass(frozen=True, slots=True)
class Retry:
    """Nothing happened yet; try again after the pause, or after the usual backoff."""

    reason: str
    after: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Unknown:
    """It may have happened; nobody here can tell yet."""

    reason: str


@dataclass(frozen=True, slots=True)
class Unanswered:
    """What an earlier attempt left behind could not be found out or written down now: ask again."""

    reason: str
    after: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """It will not happen, or nobody can tell (`uncertain`); someone must look."""

    reason: str
    uncertain: bool = False


Outcome = Done | Retry | Unknown | Unanswered | Failed


@dataclass(frozen=True, slots=True)
class Handler:
    """How one kind of delivery is carried out.

    `send` calls the far side with no transaction open. `find` answers what an earlier attempt left behind:
    Done, None for "surely nothing", Unknown where it cannot be told; without it nothing ever can.
    `describe` says in a few words what was sent and to whom, for the entry about a failure.
    """

    send: Callable[[Hub, Claimed], Outcome]
    find: Callable[[Hub, Claimed], Outcome | None] | None = None
    describe: Callable[[Hub, Session, Claimed], tuple[str, str]] | None = None
    patience: timedelta = PATIENCE


def log_broken(delivery: Claimed, error: BaseException) -> None:
    """Log an error that nobody foresaw, with where it happened."""
    log.error(
        "delivery.broke",
        delivery=str(delivery.id),
        kind=delivery.kind,
        error=type(error).__name__,
        frames=frames(error),
    )
