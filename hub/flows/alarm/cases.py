"""The case that a new alert joins, reopens or opens."""

import uuid
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import update
from sqlalchemy.orm import Session

from hub.base import ids, text
from hub.domain import numbers, signals
from hub.domain.alerts import Place
from hub.domain.audit import HUB
from hub.domain.cases import CaseState, CaseType, named, telling
from hub.domain.kinds import Kind
from hub.domain.timeline import NewEntry
from hub.flows.alarm.batch import Batch, Fact, Known, key_of
from hub.flows.quiet import CASES

_PRIORITY = {
    "critical": ("high", "high", "critical"),
    "major": ("high", "medium", "high"),
    "unknown": ("high", "medium", "high"),
    "minor": ("medium", "medium", "medium"),
    "warning": ("low", "medium", "low"),
    "info": ("low", "low", "low"),
}
"""Severity of the alert that opens a case -> its impact, urgency and priority."""


def case_for(batch: Batch, fact: Fact, place: Place) -> uuid.UUID | None:
    """The case of a new alert; None where its severity stays below the account's threshold."""
    key = key_of(batch.source.id, place)
    if key in batch.cases:
        return batch.cases[key]
    if signals.rank(fact.event.severity) > signals.rank(place.threshold):
        return None
    if key in batch.resolved:
        batch.cases[key] = _reopen(batch, batch.resolved[key])
    else:
        batch.cases[key] = _open(batch, fact, place, key[1])
    return batch.cases[key]


def _open(batch: Batch, fact: Fact, place: Place, correlation_key: str) -> uuid.UUID:
    impact, urgency, priority = _PRIORITY[fact.event.severity]
    shared_at, share_at = _sharing(batch, fact, place)
    language = batch.heads[place.account_id].language
    batch.opened.append(
        {
            "account_id": place.account_id,
            "id": ids.new_id(),
            "number": place.prefix,  # completed by `number_opened` once it is known how many are opened
            "case_type": CaseType.INCIDENT,
            "state": CaseState.REGISTERED,
            "title": text.one_line(f"{place.service_name}: {fact.event.title}"),
            "customer_title": text.translate(language, "A fault on %(service)s", service=place.service_name),
            "category": "fault",
            "impact": impact,
            "urgency": urgency,
            "priority": priority,
            "service_id": place.service_id,
            "site_id": place.site_id,
            "correlation_key": correlation_key,
            "opened_at": batch.now,
            "share_at": share_at,
            "shared_at": shared_at,
            "reopened": 0,
            "version": 1,
        }
    )
    return batch.opened[-1]["id"]  # type: ignore[no-any-return]


def _sharing(batch: Batch, fact: Fact, place: Place) -> tuple[datetime | None, datetime | None]:
    """(shared at once, to be shared at) by the policy of the service or else of the account."""
    if place.share_severity is None or signals.rank(fact.event.severity) > signals.rank(place.share_severity):
        return None, None
    minutes = place.share_after_minutes or 0
    return (None, batch.now + timedelta(minutes=minutes)) if minutes else (batch.now, None)


def _reopen(batch: Batch, row: Known) -> uuid.UUID:
    facts = {**named(row), "by": "alerts"}
    entry = NewEntry(row.account_id, Kind.CASE_REOPENED, HUB, facts, case_id=row.id)
    entry.audience = "customer" if row.shared_at else "staff"
    batch.entries.append(entry)
    event = f"reopened:{row.id}:{batch.now:%Y%m%d%H%M%S%f}"
    # Customers were asked to confirm, so they hear that nothing is to be confirmed any more.
    for audience in ("responsible", "customers") if row.shared_at else ("responsible",):
        batch.effects.append(telling(audience, row.account_id, row.id, event))
    return row.id


def number_opened(session: Session, batch: Batch) -> None:
    """Give the new cases their numbers, and say that they were opened."""
    if not batch.opened:
        return
    taken = numbers.take(session, numbers.CASES, len(batch.opened))
    for row, number in zip(batch.opened, taken, strict=True):
        row["number"] = f"{row['number']}-{number}"
        facts = {"number": row["number"], "title": row["title"], "priority": row["priority"]}
        batch.entries.append(_case_entry(row, Kind.CASE_OPENED, facts))
        event = f"case-opened:{row['id']}"
        batch.effects.append(telling("responsible", row["account_id"], row["id"], event))
        if row["shared_at"]:
            facts = {"number": row["number"], "title": row["customer_title"]}
            batch.entries.append(_case_entry(row, Kind.CASE_SHARED, facts, "customer"))
            batch.effects.append(
                telling("customers", row["account_id"], row["id"], f"case-shared:{row['id']}")
            )


def _case_entry(row: dict[str, Any], kind: Kind, facts: dict[str, Any], audience: str = "staff") -> NewEntry:
    return NewEntry(
        row["account_id"],
        kind,
        HUB,
        facts,
        audience=audience,
        case_id=row["id"],
        service_id=row["service_id"],
        site_id=row["site_id"],
    )


def save_reopened(session: Session, batch: Batch) -> None:
    """Put the resolved cases that a new alert joined to work again."""
    reopened = [row.id for key, row in batch.resolved.items() if batch.cases.get(key) == row.id]
    if reopened:
        session.execute(
            update(CASES)
            .where(CASES.c.account_id.in_(batch.heads), CASES.c.id.in_(reopened))
            .values(
                state=CaseState.IN_PROGRESS,
                resolved_at=None,
                solution=None,
                reopened=CASES.c.reopened + 1,
                version=CASES.c.version + 1,
            )
        )
