"""All tables of the hub: whoever needs them complete imports them from here."""

from hub.base.db import Base
from hub.domain import (
    accounts,
    alerts,
    attachments,
    audit,
    cases,
    connections,
    coverage,
    directory,
    links,
    mailbox,
    notices,
    numbers,
    outbox,
    people,
    quarantine,
    sessions,
    signals,
    teams,
    timeline,
    workorders,
)

NOUNS = (
    *(accounts, alerts, attachments, audit, cases, connections, coverage, directory, links),
    *(mailbox, notices, numbers, outbox, people, quarantine, sessions, signals, teams, timeline, workorders),
)
METADATA = Base.metadata
