"""What an operator must know of the last day, even of connections that work."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from hub.base import clock
from hub.base.messages import N_
from hub.domain.connections.tables import HealthEvent

RECENT = timedelta(days=1)
HAPPENED = {
    "too_large": N_("Refused as too large"),
    "refused": N_("Mails refused"),
    "not_sending": N_("Mails could not be sent"),
    "directory": N_("Directory records left out"),
    "slow_parse": N_("Slow to parse"),
    "hung": N_("Calls began to hang"),
}
"""Kinds of health events that are told where all connections stand; of others the state says enough."""


@dataclass(frozen=True, slots=True)
class Happened:
    """What happened to a connection in the last day: a message of `HAPPENED`, how often, when last."""

    what: str
    times: int
    last: datetime


def happened(session: Session) -> Mapping[uuid.UUID, Sequence[Happened]]:
    """What an operator must know of the last day, of every connection at once; {connection: by kind}."""
    last = func.max(HealthEvent.at).label("last")
    query = (
        select(HealthEvent.connection_id, HealthEvent.kind, func.count().label("times"), last)
        .where(HealthEvent.at > clock.now() - RECENT, HealthEvent.kind.in_(HAPPENED))
        .group_by(HealthEvent.connection_id, HealthEvent.kind)
        .order_by(HealthEvent.kind)
    )
    found: dict[uuid.UUID, list[Happened]] = {}
    for row in session.execute(query):
        told = Happened(HAPPENED[row.kind], row.times, row.last)
        found.setdefault(row.connection_id, []).append(told)
    return found
