"""Where a batch of events strikes: the services meant, the heads of their accounts, the cases open there.

One statement for any number of events and accounts.
"""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from sqlalchemy import Integer, Select, Text, Uuid, and_, bindparam, cast, func, select
from sqlalchemy.orm import Session

from hub.base import clock, hot, rows
from hub.domain.accounts import identified
from hub.domain.accounts.identified import ACCOUNTS, IDENTIFIERS, SERVICES
from hub.domain.alerts import Place
from hub.domain.cases import CaseState
from hub.domain.timeline import HEADS, HeadState
from hub.flows.alarm.batch import CaseKey, Known
from hub.flows.quiet import CASES
from hub.plugin.contracts import SignalEvent

Name = tuple[str, str]
"""The kind and value of an identifier."""


@dataclass(slots=True)
class Ground:
    """What stands where events strike. `heads` are locked; a resolved case waits for the customer's word."""

    places: dict[Name, dict[uuid.UUID, Place]] = field(default_factory=dict)
    heads: dict[uuid.UUID, HeadState] = field(default_factory=dict)
    cases: dict[CaseKey, uuid.UUID] = field(default_factory=dict)
    resolved: dict[CaseKey, Known] = field(default_factory=dict)

    def of(self, event: SignalEvent) -> tuple[Place, ...]:
        """The services that an event is about: one per account, by its first identifier that is known."""
        found = next((self.places[name] for name in event.identifiers if name in self.places), {})
        return tuple(found.values())


def take(
    session: Session, source_id: uuid.UUID, events: Iterable[SignalEvent], others: Iterable[uuid.UUID]
) -> Ground:
    """Find it and lock the heads, those of the `others` (accounts) too, in ascending order as all do.

    Every change of an account writes an entry, so the locks hold still what was found. A statement that had
    to wait for a lock saw the rest as it was before: where a head has moved on meanwhile, it looks again.
    """
    names = list(dict.fromkeys(name for event in events for name in event.identifiers))
    wanted: list[dict[str, Any]] = [
        {"number": number, "kind": kind, "value": value} for number, (kind, value) in enumerate(names)
    ]
    wanted += [{"account": account} for account in others]
    if not wanted:
        return Ground()
    bound = {"rows": rows.encode(wanted), "now": clock.now(), "prefix": f"{source_id.hex}:"}
    while True:
        found = hot.run(session, _finding(), bound)
        if all(row[_SEQ] == row[_SEEN] for row in found):
            return _read(names, found)


_HEAD = ("account_id", "seq", "customer_seq", "language")
_KNOWN = tuple(Known.__dataclass_fields__)
_SEQ, _SEEN, _NUMBER, _PLACE = _HEAD.index("seq"), len(_HEAD), len(_HEAD) + 1, len(_HEAD) + 2
_CASE = _PLACE + len(Place.__dataclass_fields__)


def _read(names: Sequence[Name], found: Sequence[hot.Values]) -> Ground:
    ground = Ground()
    for row in found:
        account_id, *head = row[:_SEEN]
        ground.heads[account_id] = HeadState(*head)
        if row[_NUMBER] is None:
            continue  # one of the others
        place, case = Place(*row[_PLACE:_CASE]), Known(*row[_CASE:])
        # The first of an account's services wins where several have the same identifier.
        ground.places.setdefault(names[row[_NUMBER]], {}).setdefault(account_id, place)
        if case.state == CaseState.RESOLVED:
            ground.resolved[account_id, case.correlation_key] = case
        elif case.state is not None:
            ground.cases[account_id, case.correlation_key] = case.id
    return ground


@lru_cache(maxsize=1)
def _finding() -> Select[Any]:
    source = rows.items()
    number = rows.field(source, "number", Integer())
    kind, value = rows.field(source, "kind", Text()), rows.field(source, "value", Text())
    other = rows.field(source, "account", Uuid())
    service, account, case, seen = SERVICES.c, ACCOUNTS.c, CASES.c, HEADS.alias("seen").c
    key = bindparam("prefix", type_=Text()) + func.replace(cast(service.id, Text), "-", "")
    return (
        select(
            *(HEADS.c[name] for name in _HEAD),
            seen.seq,
            number,
            service.account_id,
            service.id,
            service.name,
            service.site_id,
            account.prefix,
            account.alert_threshold,
            func.coalesce(service.share_severity, account.share_severity).label("share_severity"),
            func.coalesce(service.share_after_minutes, account.share_after_minutes).label("share_after"),
            *(case[name] for name in _KNOWN),
        )
        .select_from(source)
        .outerjoin(IDENTIFIERS, identified.names(kind, value))
        .outerjoin(SERVICES, identified.of_service())
        .outerjoin(ACCOUNTS, identified.of_account())
        .join(HEADS, HEADS.c.account_id == func.coalesce(other, account.id))
        .join(seen.account_id.table, seen.account_id == HEADS.c.account_id)
        .outerjoin(
            CASES,
            and_(case.account_id == account.id, case.correlation_key == key, case.closed_at.is_(None)),
        )
        .order_by(HEADS.c.account_id, number, service.id)
        .with_for_update(of=HEADS)
    )
