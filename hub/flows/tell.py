"""Telling people of what happened: who exactly, once each, and what is recorded when somebody cannot be told.

A "tell" delivery touches the database only. It makes a notice per person and a "mail" delivery for each, in
the transaction that settles it. Its body is what `cases.tell` writes; `skip` lists people of ours who turned
out to be out of reach.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.domain import access, coverage, notices, outbox, people, timeline
from hub.domain.accounts import Account
from hub.domain.audit import HUB
from hub.domain.cases import Case
from hub.domain.kinds import NO_ADDRESS, NO_LONGER_THEIRS, NO_VERIFIED_ADDRESS, NOBODY_LEFT, Kind
from hub.domain.outbox import Claimed
from hub.domain.people import Person
from hub.domain.timeline import NewEntry
from hub.flows import audience
from hub.flows.channels import mail_connection
from hub.flows.delivery import Done, Handler, Outcome
from hub.flows.runtime import Hub


@dataclass(frozen=True, slots=True)
class Task:
    """The body of a "tell" delivery, read."""

    audience: str
    account_id: uuid.UUID
    case_id: uuid.UUID
    event: str
    entry_seq: int | None = None
    author_id: uuid.UUID | None = None
    person_id: uuid.UUID | None = None
    skip: frozenset[uuid.UUID] = frozenset()

    @classmethod
    def read(cls, body: Mapping[str, Any]) -> "Task":
        """The task of a stored body; an event that ends in a number names its entry."""
        last = str(body["event"]).rpartition(":")[2]
        seq = body.get("entry_seq") or (int(last) if last.isdecimal() and len(last) < 16 else None)
        return cls(
            str(body["audience"]),
            uuid.UUID(body["account_id"]),
            uuid.UUID(body["case_id"]),
            str(body["event"]),
            seq,
            _id(body.get("author_id")),
            _id(body.get("person_id")),
            frozenset(uuid.UUID(each) for each in body.get("skip", ())),
        )

    def without(self, person_id: uuid.UUID) -> dict[str, Any]:
        """The body of the same task for whoever comes after somebody of ours who was out of reach."""
        return {
            "audience": "responsible",
            "account_id": str(self.account_id),
            "case_id": str(self.case_id),
            "event": self.event,
            "entry_seq": self.entry_seq,
            "author_id": str(self.author_id) if self.author_id else None,
            "skip": sorted(str(each) for each in {*self.skip, person_id}),
        }


def _id(text: Any) -> uuid.UUID | None:
    return uuid.UUID(text) if text else None


@dataclass(slots=True)
class Plan:
    """Who is told, and who could not be: (person id, name, why)."""

    told: list[uuid.UUID] = field(default_factory=list)
    missed: list[tuple[uuid.UUID, str, str]] = field(default_factory=list)
    nobody: bool = False


def plan(session: Session, task: Task, case: Case) -> Plan:
    """Decide who is told of an event. Reads only; the caller holds the account's lock."""
    told_before = notices.already_told(session, task.account_id, task.event)
    if task.audience == "customers":
        return _customers(session, task, case, told_before)
    if task.audience == "person" and task.person_id is not None:
        return _one_of_ours(session, task, [task.person_id], told_before)
    if task.audience == "handler" and case.handler_id is not None:
        ours = [case.handler_id, *_escalation(session, task)]
        return _one_of_ours(session, task, ours, told_before)
    return _one_of_ours(session, task, _escalation(session, task), told_before)


def _escalation(session: Session, task: Task) -> list[uuid.UUID]:
    """The responsible, then who comes after them and can be asked now; each once."""
    first = coverage.responsible(session, task.account_id).person_id
    rungs = coverage.ladder(session, task.account_id)
    return list(dict.fromkeys([first, *(rung.person_id for rung in rungs if rung.reason is None)]))


def _one_of_ours(
    session: Session, task: Task, in_order: Sequence[uuid.UUID], told_before: set[uuid.UUID]
) -> Plan:
    """The first who can be told. Whoever did it, or was told before, ends the search: they know."""
    addresses, names = people.addresses_for(session, in_order), _names(session, in_order)
    allowed = access.may_be_told(session, session.get_one(Account, task.account_id), in_order)
    found = Plan()
    for person_id in in_order:
        if person_id in task.skip:
            continue
        if person_id == task.author_id or person_id in told_before:
            return found
        if person_id in addresses and person_id in allowed:
            found.told.append(person_id)
            return found
        why = NO_LONGER_THEIRS if person_id in addresses else NO_ADDRESS
        found.missed.append((person_id, names.get(person_id, ""), why))
    found.nobody = True
    return found


def _customers(session: Session, task: Task, case: Case, told_before: set[uuid.UUID]) -> Plan:
    known = {*told_before, task.author_id}
    wanted = [each for each in audience.customers_of(session, case) if each not in known]
    addresses, names = audience.verified_addresses(session, wanted), _names(session, wanted)
    found = Plan([each for each in wanted if each in addresses])
    found.missed = [(each, names[each], NO_VERIFIED_ADDRESS) for each in wanted if each not in addresses]
    return found


def _names(session: Session, person_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, str]:
    query = select(Person.id, Person.name).where(Person.id.in_(person_ids))
    return {row.id: row.name for row in session.execute(query)}


def tell(hub: Hub, session: Session, body: Mapping[str, Any]) -> None:
    """Carry out one task: notices, their mails and what the timeline says of it."""
    task = Task.read(body)
    heads = timeline.lock(session, [task.account_id])
    case = session.get_one(Case, (task.account_id, task.case_id), populate_existing=True)
    found = plan(session, task, case)
    made = notices.add(
        session, task.account_id, found.told, task.event, case_id=task.case_id, entry_seq=task.entry_seq
    )
    outbox.put_many(session, _mails(hub, session, task, found, made))
    timeline.append_locked(session, heads, _lines(session, task, case, found))


def _mails(
    hub: Hub, session: Session, task: Task, found: Plan, made: Sequence[uuid.UUID]
) -> list[dict[str, Any]]:
    connection = mail_connection(hub, session)
    return [
        {
            "kind": "mail",
            "body": _mail_body(task, person_id, notice_id),
            "account_id": task.account_id,
            "connection_id": connection.id if connection else None,
            "unique_key": f"mail:{notice_id}",
        }
        for person_id, notice_id in zip(found.told, made, strict=True)
    ]


def _mail_body(task: Task, person_id: uuid.UUID, notice_id: uuid.UUID) -> dict[str, Any]:
    return {
        "audience": task.audience,
        "account_id": str(task.account_id),
        "case_id": str(task.case_id),
        "event": task.event,
        "entry_seq": task.entry_seq,
        "author_id": str(task.author_id) if task.author_id else None,
        "person_id": str(person_id),
        "notice_id": str(notice_id),
        "skip": sorted(map(str, task.skip)),
    }


def _lines(session: Session, task: Task, case: Case, found: Plan) -> list[NewEntry]:
    names = _names(session, found.told)
    lines = [
        _line(case, Kind.NOTICE_SENT, names[each], each, task.event, channel="email", way="by_email")
        for each in found.told
    ]
    lines += [not_told(case, each, name, task.event, why) for each, name, why in found.missed]
    if found.nobody:
        facts = {**_news(case, task.event), "why": NOBODY_LEFT}
        lines.append(NewEntry(case.account_id, Kind.NOBODY_REACHABLE, HUB, facts, case_id=case.id))
    return lines


def not_told(case: Case, person_id: uuid.UUID, name: str, event: str, why: str) -> NewEntry:
    """The line about somebody who could not be told; staff see it at once."""
    return _line(case, Kind.NOTICE_NOT_SENT, name, person_id, event, weight="headline", why=why)


def _line(
    case: Case,
    kind: Kind,
    name: str,
    person_id: uuid.UUID,
    event: str,
    *,
    weight: str = "detail",
    **facts: str,
) -> NewEntry:
    told = {"person": name, "person_id": str(person_id), **_news(case, event), **facts}
    return NewEntry(case.account_id, kind, HUB, told, weight=weight, case_id=case.id)


def _news(case: Case, event: str) -> dict[str, str]:
    """What somebody is told of: the event, and its first word, which sentences say in words."""
    return {"number": case.number, "news": event.partition(":")[0], "event": event}


def _send(hub: Hub, claimed: Claimed) -> Outcome:
    return Done(apply=partial(_apply, hub, claimed))


def _apply(hub: Hub, claimed: Claimed, session: Session) -> None:
    tell(hub, session, claimed.body)


# Everything happens in the transaction that settles the row: what is not settled has surely not happened.
HANDLERS: dict[str, Handler] = {"tell": Handler(send=_send, find=lambda hub, claimed: None)}
