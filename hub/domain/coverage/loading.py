"""Plans from rows: four statements for any number of accounts."""

import uuid
from collections.abc import Collection, Iterable
from datetime import datetime
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import orjson
from sqlalchemy import Select, Uuid, bindparam, literal, or_, select
from sqlalchemy.orm import Session

from hub.base import rows
from hub.base.db import Utc
from hub.domain.accounts import Account
from hub.domain.coverage import hours
from hub.domain.coverage.last_resort import fallback
from hub.domain.coverage.plan import WORTH_SAYING, Away, Plan, Post, Reach
from hub.domain.coverage.tables import Assignment
from hub.domain.people import Absence, Person, working

_DEEPEST = 16  # ends a walk through accounts even if their parents were ever made a circle


def account_rows(account_ids: Iterable[uuid.UUID]) -> str:
    """Accounts as the bound parameter `rows` of a statement that reads `wanted()`."""
    return rows.encode({"id": account_id} for account_id in account_ids)


def wanted() -> Select[Any]:
    """The accounts bound as `rows`: a statement of one shape for any number of them."""
    source = rows.items()
    return select(rows.field(source, "id", Uuid())).select_from(source)


@lru_cache(maxsize=1)
def _posts() -> Select[Any]:
    """The assignments of some accounts and of all their parents, with the account they count for."""
    own = select(Account.id.label("account_id"), Account.id.label("source_id"), literal(0).label("depth"))
    line = own.where(Account.id.in_(wanted())).cte("line", recursive=True)
    parent = (
        select(line.c.account_id, Account.parent_id, line.c.depth + 1)
        .join(Account, Account.id == line.c.source_id)
        .where(Account.parent_id.is_not(None), line.c.depth < _DEEPEST)
    )
    line = line.union_all(parent)
    ended_before = bindparam("ended_before", type_=Utc())
    return (
        select(line.c.account_id, line.c.depth, Assignment, Person.name, Person.disabled_at)
        .add_columns(working().label("works"))
        .join(Assignment, Assignment.account_id == line.c.source_id)
        .join(Person, Person.id == Assignment.person_id)
        .where(or_(Assignment.valid_until.is_(None), Assignment.valid_until > ended_before))
    )


def plans(session: Session, account_ids: Collection[uuid.UUID], since: datetime) -> dict[uuid.UUID, Plan]:
    """The present plans of some accounts, complete from `since` on.

    Read it `as_system`: a customer must get the right answer without seeing the assignments of a parent.
    """
    last_resort = fallback(session)
    bound = {"rows": account_rows(account_ids), "ended_before": since - WORTH_SAYING}
    posts: dict[uuid.UUID, list[Post]] = {account_id: [] for account_id in account_ids}
    disabled: dict[uuid.UUID, datetime] = {}
    idle: set[uuid.UUID] = set()
    for row in session.execute(_posts(), bound):
        posts[row.account_id].append(_post(row.Assignment, row.name, row.depth))
        if row.disabled_at is not None:
            disabled[row.Assignment.person_id] = row.disabled_at
        if not row.works:
            idle.add(row.Assignment.person_id)
    away = _away(session, {post.person_id for some in posts.values() for post in some}, since)
    rest = (last_resort, away, disabled, frozenset(idle))
    return {account_id: Plan(tuple(some), *rest) for account_id, some in posts.items()}


def _post(row: Assignment, name: str, depth: int) -> Post:
    return Post(
        id=row.id,
        person_id=row.person_id,
        person_name=name,
        role=row.role,
        reach=Reach(row.reach_name, row.reach_phone, row.reach_email),
        hours=_hours(orjson.dumps(row.hours), row.zone),
        valid_from=row.valid_from,
        valid_until=row.valid_until,
        level=row.level,
        position=row.position,
        depth=depth,
    )


@lru_cache(maxsize=1024)
def _hours(stored: bytes, zone: str) -> hours.Hours:
    # Thousands of accounts share a handful of office hours.
    return hours.read(orjson.loads(stored), ZoneInfo(zone))


def _away(
    session: Session, person_ids: Collection[uuid.UUID], since: datetime
) -> dict[uuid.UUID, tuple[Away, ...]]:
    query = (
        select(Absence.person_id, Absence.starts_at, Absence.ends_at)
        .where(Absence.person_id.in_(person_ids), Absence.cancelled_at.is_(None), Absence.ends_at > since)
        .order_by(Absence.starts_at)
    )
    found: dict[uuid.UUID, tuple[Away, ...]] = {}
    for person_id, starts_at, ends_at in session.execute(query):
        found[person_id] = (*found.get(person_id, ()), Away(starts_at, ends_at))
    return found
