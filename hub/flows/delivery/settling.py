"""Writing down how an attempt ended, whatever stands in the way."""

import random
import time
import uuid
from collections.abc import Callable
from datetime import timedelta

import structlog
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from hub.base import clock
from hub.base.errors import HubError, Unavailable, reason_of
from hub.domain import outbox, timeline
from hub.domain.audit import HUB
from hub.domain.kinds import Kind
from hub.domain.outbox import Claimed, DeliveryState
from hub.flows.delivery.outcomes import (
    Done,
    Failed,
    Handler,
    Outcome,
    Retry,
    Unanswered,
    Unknown,
    log_broken,
)
from hub.flows.runtime import Hub

SETTLE_PAUSES = (0.5, 2.0, 5.0)
"""Seconds to wait before a settling that met a busy database is tried again."""
FIRST_PAUSE = timedelta(seconds=5)
LONGEST_PAUSE = timedelta(minutes=15)
log = structlog.get_logger()


def finish(hub: Hub, handler: Handler, delivery: Claimed, outcome: Outcome) -> None:
    """Settle, and settle in any case: what was called must neither be called again nor go round for ever."""
    try:
        _in_the_end(hub, delivery, lambda session: _settle(hub, session, handler, delivery, outcome))
    except Exception as error:
        if not isinstance(error, HubError):
            log_broken(delivery, error)
        if isinstance(outcome, Done):
            # What follows cannot be written as things stand; it can be once somebody has mended that.
            instead = Unanswered(reason_of(error))
            _in_the_end(hub, delivery, lambda session: _settle(hub, session, handler, delivery, instead))
        else:
            _in_the_end(hub, delivery, lambda session: _record(session, delivery, outcome))


def _in_the_end(hub: Hub, delivery: Claimed, settle: Callable[[Session], object]) -> None:
    """Settle as soon as the database lets us; if it does not, the lease runs out and leaves a question."""
    for pause in (*SETTLE_PAUSES, None):
        try:
            with hub.db.write() as session:
                settle(session)
            return
        except Unavailable as error:
            if pause is None:
                log.warning("delivery.not_settled", delivery=str(delivery.id), reason=str(error))
                return
            time.sleep(pause)


def note_beside(hub: Hub, note: Callable[[Session], object]) -> None:
    """Note on the health page what is wrong, beside an error that is on its way up.

    A database that is busy must not take the place of that error, which says what became of a call.
    """
    try:
        with hub.db.write() as session:
            note(session)
    except Unavailable as error:
        log.warning("delivery.trouble_not_noted", reason=str(error))


def _settle(hub: Hub, session: Session, handler: Handler, delivery: Claimed, outcome: Outcome) -> None:
    if not isinstance(outcome, Done) and _gives_up(handler, delivery, outcome):
        outcome = Failed(outcome.reason, uncertain=not isinstance(outcome, Retry))
    if not _record(session, delivery, outcome):
        return
    match outcome:
        case Done(apply=apply) if apply is not None:
            apply(session)
        case Failed(reason=reason):
            _say_failed(hub, session, handler, delivery, reason)
        case _:
            pass


def _gives_up(handler: Handler, delivery: Claimed, outcome: Outcome) -> bool:
    """Whether patience ends here. What has just become unknown is asked for once, however late it is."""
    waits = isinstance(outcome, Retry | Unanswered) or (isinstance(outcome, Unknown) and delivery.uncertain)
    return waits and clock.now() - delivery.patience_from > handler.patience


def _record(session: Session, delivery: Claimed, outcome: Outcome) -> bool:
    match outcome:
        case Done(result=result):
            return outbox.settle(
                session, delivery, DeliveryState.DONE, uncertain=False, result=result, last_error=None
            )
        case Failed(reason=reason, uncertain=uncertain):
            uncertain = uncertain or delivery.possible_repeat
            return outbox.settle(
                session, delivery, DeliveryState.FAILED, uncertain=uncertain, last_error=reason
            )
        case Retry(reason=reason, after=after):
            state = DeliveryState.DUE
        case Unanswered(reason=reason, after=after):
            state = DeliveryState.UNKNOWN
        case Unknown(reason=reason):
            state, after = DeliveryState.UNKNOWN, None
    due = clock.now() + (backoff(delivery.attempts) if after is None else after)
    uncertain = state == DeliveryState.UNKNOWN
    return outbox.settle(session, delivery, state, uncertain=uncertain, due_at=due, last_error=reason)


def backoff(attempts: int) -> timedelta:
    """The pause after so many attempts: doubling from 5 s to 15 min, less up to half of it by chance."""
    whole = min(FIRST_PAUSE * 2 ** min(attempts - 1, 20), LONGEST_PAUSE)
    return timedelta(seconds=whole.total_seconds() * random.uniform(0.5, 1.0))  # noqa: S311 - jitter, no secret


def _say_failed(hub: Hub, session: Session, handler: Handler, delivery: Claimed, reason: str) -> None:
    log.warning("delivery.failed", delivery=str(delivery.id), kind=delivery.kind, reason=reason)
    say(hub, session, handler, delivery, Kind.DELIVERY_FAILED, "headline", why=reason)


def say(
    hub: Hub, session: Session, handler: Handler, delivery: Claimed, kind: Kind, weight: str, **facts: str
) -> None:
    """A line on the account's timeline about a delivery; the outbox row itself tells of the others."""
    if delivery.account_id is None:
        return
    what, to = _described(hub, session, handler, delivery)
    entry = timeline.NewEntry(
        delivery.account_id,
        kind,
        HUB,
        {"what": what, "to": to, "delivery": str(delivery.id), **facts},
        weight=weight,
        case_id=_case_of(delivery),
    )
    timeline.append(session, entry)


def _described(hub: Hub, session: Session, handler: Handler, delivery: Claimed) -> tuple[str, str]:
    try:
        if handler.describe:
            return handler.describe(hub, session, delivery)
    except OperationalError:
        raise
    except Exception as error:  # a failure without its best words is still told
        log_broken(delivery, error)
    return delivery.kind, "\u2026"


def _case_of(delivery: Claimed) -> uuid.UUID | None:
    case = delivery.body.get("case_id")
    return uuid.UUID(case) if case else None
