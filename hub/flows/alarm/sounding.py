"""From signals to alerts to cases: what a batch of monitoring events means for every account it touches.

A fixed number of statements for any number of events and accounts: store, find active alerts, take the ground
where they strike, then write alerts, cases, entries and outbox rows.
"""

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import update
from sqlalchemy.orm import Session

from hub.base import clock, rows, text
from hub.domain import alerts, audit, connections, outbox, signals, timeline
from hub.domain.alerts import Active, Place
from hub.domain.kinds import Kind
from hub.domain.signals import SIGNALS
from hub.domain.timeline import NewEntry
from hub.flows.alarm import ground
from hub.flows.alarm.batch import Batch, Fact, Source
from hub.flows.alarm.cases import case_for, number_opened, save_reopened
from hub.flows.quiet import CASES, quiet_cases
from hub.plugin.contracts import SignalEvent


def sound(session: Session, source: Source, events: Sequence[SignalEvent]) -> int:
    """Store the events and do what they mean; answers how many signals changed. Repeats change none."""
    events = signals.latest(events)
    stored = signals.store(session, source.id, events)
    if not stored:
        return 0
    told = {(event.natural_key, event.episode_start): event for event in events}
    changed = [(signal, told[signal.natural_key, signal.episode_start]) for signal in stored]
    active = alerts.active(session, source.id, {signal.natural_key for signal in stored if not signal.fresh})
    found = ground.take(session, source.id, [event for _, event in changed], {a.account_id for a in active})
    facts = [Fact(signal, event, found.of(event)) for signal, event in changed]
    facts.sort(key=lambda fact: (fact.event.at, fact.signal.natural_key))
    _say_unmatched(session, source, facts)
    if found.heads:
        _act(session, Batch(source, found.heads, clock.now(), found.cases, found.resolved), facts, active)
    if any(fact.doubtful for fact in facts):
        connections.poll_soon(session, source.id)
    return len(facts)


def _act(session: Session, batch: Batch, facts: Sequence[Fact], active: Sequence[Active]) -> None:
    by_key: dict[str, list[Active]] = {}
    for alert in active:
        by_key.setdefault(alert.natural_key, []).append(alert)
    ended: set[uuid.UUID] = set()
    for fact in facts:
        ended |= _clear(batch, fact, by_key.get(fact.signal.natural_key, []))
        _raise(batch, fact, by_key.get(fact.signal.natural_key, []))
    _end_episodes(session, batch.source.id, ended)
    _write(session, batch)


def _clear(batch: Batch, fact: Fact, active: Sequence[Active]) -> set[uuid.UUID]:
    """End the alerts that this fact ends: its own when it cleared, older episodes' when it fires.

    Answers the older signals whose end was never reported.
    """
    superseded = set()
    for alert in active:
        own = alert.signal_id == fact.signal.id
        if own and fact.signal.state == "clear" and not fact.signal.late:
            _end(batch, fact, alert, fact.event.at)
        elif not own and fact.raises and alert.episode_start < fact.signal.episode_start:
            superseded.add(alert.signal_id)
            _end(batch, fact, alert, fact.signal.episode_start)
    return superseded


def _end(batch: Batch, fact: Fact, alert: Active, at: datetime) -> None:
    batch.alerts.append(_alert_row(batch, alert, cleared_at=at))
    if alert.case_id is not None:
        batch.cleared[alert.case_id] = alert.account_id
    name = next((p.service_name for p in fact.places if p.service_id == alert.service_id), "")
    entry = _entry(batch, fact, Kind.ALERT_CLEARED, alert.account_id, alert.service_id, name, alert.case_id)
    entry.facts = {**entry.facts, "title": alert.title or fact.event.title}
    batch.entries.append(entry)


def _raise(batch: Batch, fact: Fact, active: Sequence[Active]) -> None:
    own = {(a.account_id, a.service_id): a for a in active if a.signal_id == fact.signal.id}
    for place in fact.places:
        if fact.signal.late:
            batch.entries.append(_stale(batch, fact, place))
        elif fact.raises:
            known = own.get((place.account_id, place.service_id))
            if known is None or known.severity != fact.event.severity:
                _raise_on(batch, fact, place, known)


def _stale(batch: Batch, fact: Fact, place: Place) -> NewEntry:
    """What came late is a detail; that a fault may be back is for everybody to see until it is known."""
    entry = _entry_at(batch, fact, Kind.ALERT_STALE, place, None)
    if fact.doubtful:
        entry.weight, entry.facts = "headline", {**entry.facts, "by": "return"}
    return entry


def _raise_on(batch: Batch, fact: Fact, place: Place, known: Active | None) -> None:
    case_id = _case_of(batch, fact, place, known)
    batch.alerts.append(
        {
            "account_id": place.account_id,
            "signal_id": fact.signal.id,
            "service_id": place.service_id,
            "connection_id": batch.source.id,
            "case_id": case_id,
            "severity": fact.event.severity,
            "raised_at": known.raised_at if known else fact.event.at,
            "cleared_at": None,
        }
    )
    batch.entries.append(_entry_at(batch, fact, Kind.ALERT_RAISED, place, case_id))


def _case_of(batch: Batch, fact: Fact, place: Place, known: Active | None) -> uuid.UUID | None:
    """The case that an alert belongs to now: its own, unless the fault got worse after that was solved."""
    if known is None or known.case_id is None:
        return case_for(batch, fact, place)
    worse = signals.rank(fact.event.severity) < signals.rank(known.severity)
    return (case_for(batch, fact, place) if worse else None) or known.case_id


def _write(session: Session, batch: Batch) -> None:
    dialect = session.get_bind().dialect.name
    number_opened(session, batch)
    save_reopened(session, batch)
    writes = [rows.inserting(CASES, batch.opened), alerts.saving(dialect, batch.alerts)]
    if batch.cleared:
        # Whether a case has become quiet shows only when its alerts are written.
        rows.write(session, *writes)
        writes = []
        follows = quiet_cases(session, batch.cleared)
        batch.entries += follows.entries
        batch.effects += follows.effects
    writes.append(outbox.putting(dialect, batch.effects))
    timeline.append_locked(session, batch.heads, batch.entries, beside=writes)


def _end_episodes(session: Session, connection_id: uuid.UUID, signal_ids: set[uuid.UUID]) -> None:
    if signal_ids:
        ended = update(SIGNALS).where(SIGNALS.c.connection_id == connection_id, SIGNALS.c.id.in_(signal_ids))
        session.execute(ended.values(state="clear"))


def _alert_row(batch: Batch, alert: Active, cleared_at: datetime) -> dict[str, Any]:
    return {
        "account_id": alert.account_id,
        "signal_id": alert.signal_id,
        "service_id": alert.service_id,
        "connection_id": batch.source.id,
        "case_id": alert.case_id,
        "severity": alert.severity,
        "raised_at": alert.raised_at,
        "cleared_at": cleared_at,
    }


def _entry_at(batch: Batch, fact: Fact, kind: Kind, place: Place, case_id: uuid.UUID | None) -> NewEntry:
    entry = _entry(batch, fact, kind, place.account_id, place.service_id, place.service_name, case_id)
    entry.site_id = place.site_id
    return entry


def _entry(
    batch: Batch,
    fact: Fact,
    kind: Kind,
    account_id: uuid.UUID,
    service_id: uuid.UUID,
    service_name: str,
    case_id: uuid.UUID | None,
) -> NewEntry:
    event = fact.event
    return NewEntry(
        account_id,
        kind,
        audit.Actor("connection", batch.source.name, batch.source.id),
        {
            "source": batch.source.name,
            "title": event.title,
            "severity": event.severity,
            "service": service_name,
            "signal": str(fact.signal.id),
        },
        weight="detail",
        occurred_at=event.at,
        body=event.text or None,
        case_id=case_id,
        service_id=service_id,
    )


def _say_unmatched(session: Session, source: Source, facts: Sequence[Fact]) -> None:
    """Signals of no account belong on no timeline: the audit log tells of them, a queue shows them."""
    # A service may have closed, or become known, while this transaction waited for its account.
    wrong = {fact.signal.id: bool(fact.places) for fact in facts if fact.signal.matched != bool(fact.places)}
    if wrong:
        signals.correct_matched(session, source.id, wrong)
    unmatched = [fact for fact in facts if not fact.places]
    if not unmatched:
        return
    title = text.one_line(unmatched[0].event.title)
    sentence = f"A signal of {source.name} matches no service: {title}"
    if len(unmatched) > 1:
        sentence = f"{len(unmatched)} signals of {source.name} match no service, first: {title}"
    actor = audit.Actor("connection", source.name, source.id)
    audit.write(session, actor, "signal.unmatched", "connection", source.id, sentence, count=len(unmatched))
