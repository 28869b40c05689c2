"""Who is responsible, for any instant: the past from the ledger, what follows from the plan."""

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from hub.base import clock
from hub.base.db import as_system
from hub.base.errors import NotFound
from hub.base.text import N_
from hub.domain.coverage import plan as planning
from hub.domain.coverage.ledger import Written, answer_now, written
from hub.domain.coverage.loading import plans
from hub.domain.coverage.plan import Answer, Plan, Reach, Rung
from hub.domain.coverage.tables import Duty
from hub.domain.coverage.why import sentence


@dataclass(frozen=True, slots=True)
class Responsible:
    """Exactly one person, since when, until when (None: until something is changed), and why.

    `reach` is what customers may see; `reasons` and `why` are for staff: they tell who is away.
    """

    person_id: uuid.UUID
    person_name: str
    reach: Reach
    role: str
    assignment_id: uuid.UUID | None
    since: datetime
    until: datetime | None
    reasons: tuple[dict[str, Any], ...]

    def why(self, language: str) -> str:
        """The reason chain as one sentence without a full stop."""
        return sentence(self.reasons, language)


def responsible(session: Session, account_id: uuid.UUID, at: datetime | None = None) -> Responsible:
    """Who is, was or by the present plan will be responsible for an account; now, if no instant is given."""
    found = responsible_for(session, [account_id], at).get(account_id)
    if found is None:
        raise NotFound(N_("There is no such account."))
    return found


def responsible_for(
    session: Session, account_ids: Collection[uuid.UUID], at: datetime | None = None
) -> dict[uuid.UUID, Responsible]:
    """`responsible` for many accounts: one statement, and four more where a change is due but not written."""
    now = clock.now()
    at = now if at is None else clock.utc(at)
    known = written(session, account_ids, at)
    missing = {key: old for key, old in known.items() if old.misses(old.within_life(at))}
    answers = {
        key: _from_ledger(old.duty, old) for key, old in known.items() if old.duty and key not in missing
    }
    if missing:
        with as_system(session):
            since = min(old.planned_from or old.created_at for old in missing.values())
            loaded = plans(session, sorted(missing), since)
        for key, plan in loaded.items():
            old = missing[key]
            answers[key] = _from_plan(old, plan, old.within_life(at), now)
    return answers


def _from_ledger(duty: Duty, old: Written) -> Responsible:
    return Responsible(
        duty.person_id,
        old.person_name,
        Reach(**duty.reach),
        duty.role,
        duty.assignment_id,
        duty.effective_at,
        old.replaced_at or old.due_at,
        old.reasons,
    )


def _from_plan(old: Written, plan: Plan, at: datetime, now: datetime) -> Responsible:
    if at > now:
        return _from_answer(at, planning.answer(plan, at))
    change = answer_now(old, plan, at)
    if change is not None:
        return _from_answer(*change)
    if old.duty is None:
        return _from_answer(at, planning.answer(plan, at))
    return _from_ledger(old.duty, old)


def _from_answer(since: datetime, found: Answer) -> Responsible:
    return Responsible(
        found.person_id,
        found.person_name,
        found.reach,
        found.role,
        found.assignment_id,
        since,
        found.until,
        found.reasons,
    )


def ladder(session: Session, account_id: uuid.UUID, at: datetime | None = None) -> list[Rung]:
    """Everyone who may be asked about an account, in order, each with the reason why not now, if any."""
    at = clock.now() if at is None else clock.utc(at)
    with as_system(session):
        return planning.ladder(plans(session, [account_id], at)[account_id], at)
