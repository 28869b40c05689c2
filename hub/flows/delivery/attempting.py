"""One attempt: ask what an earlier one left behind, mark a repeat, call."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import TypeVar, cast

from hub.base import clock
from hub.base.db import BUSY_SECONDS
from hub.base.errors import HubError, reason_of
from hub.domain import outbox
from hub.domain.kinds import Kind
from hub.domain.outbox import Claimed
from hub.flows.delivery.outcomes import (
    Failed,
    Handler,
    Outcome,
    Retry,
    Unanswered,
    Unknown,
    log_broken,
)
from hub.flows.delivery.settling import LONGEST_PAUSE, SETTLE_PAUSES, finish, say
from hub.flows.runtime import Hub
from hub.plugin.contracts import (
    AuthFailed,
    ConnectionQuarantined,
    ConnectorError,
    NotOffered,
    Rejected,
    RetryLater,
)
from hub.plugin.outward import LONGEST_CALL

LEASE = timedelta(minutes=2)
SENDING = LONGEST_CALL + timedelta(seconds=sum(SETTLE_PAUSES) + BUSY_SECONDS * (len(SETTLE_PAUSES) + 1))
"""How long a call and its settling may take."""
Result = TypeVar("Result")


def attempt(hub: Hub, delivery: Claimed) -> None:
    """One attempt of a claimed delivery: call the far side, then settle in one transaction."""
    handler = cast("Handler | None", hub.handlers.get(delivery.kind))
    if handler is None:
        missing = Failed(f"Nothing here carries out \u201c{delivery.kind}\u201d.", delivery.uncertain)
        finish(hub, Handler(send=lambda hub, claimed: missing), delivery, missing)
    else:
        finish(hub, handler, delivery, _outcome(hub, handler, delivery))


def _outcome(hub: Hub, handler: Handler, delivery: Claimed) -> Outcome:
    if not delivery.uncertain:
        return _send(hub, handler, delivery)
    try:
        return _again(hub, handler, delivery)
    except Exception as error:
        # The hub's own rows could not be written, so nothing was called: the question stays as it was.
        if not isinstance(error, HubError):
            log_broken(delivery, error)
        return Unanswered(reason_of(error))


def _again(hub: Hub, handler: Handler, delivery: Claimed) -> Outcome:
    found = _find(hub, handler, delivery)
    if found is None:
        return _send(hub, handler, delivery)
    if not isinstance(found, Unknown):
        return found
    if delivery.repeated:
        reason = f"Sent twice, and nobody can tell whether it arrived: {found.reason}"
        return Failed(reason, uncertain=True)
    if not _mark_repeat(hub, handler, delivery):
        return found
    sent = _send(hub, handler, delivery)
    return replace(sent, uncertain=True) if isinstance(sent, Failed) else sent


def _find(hub: Hub, handler: Handler, delivery: Claimed) -> Outcome | None:
    """What an earlier attempt left behind; whatever keeps us from knowing leaves the question open."""
    find = handler.find
    if find is None:
        return Unknown("The far side cannot be asked.")
    found = _guarded(delivery, lambda: find(hub, delivery), Unanswered)
    match found:
        case Retry(reason=reason, after=after):
            return Unanswered(reason, after)
        case Failed(reason=reason):
            return Failed(reason, uncertain=True)
        case _:
            return found


def _send(hub: Hub, handler: Handler, delivery: Claimed) -> Outcome:
    if not _lease_lasts(hub, delivery):
        return Unanswered("Another worker took it meanwhile.")  # and settles it: ours is not written any more
    return _guarded(delivery, lambda: handler.send(hub, delivery), Unknown)


def _lease_lasts(hub: Hub, delivery: Claimed) -> bool:
    """Hold the delivery for as long as a call and its settling may take; false when it was lost."""
    if clock.now() + SENDING <= delivery.lease_until:
        return True
    with hub.db.write() as session:
        return outbox.renew(session, delivery, LEASE)


def _mark_repeat(hub: Hub, handler: Handler, delivery: Claimed) -> bool:
    """Commit that this may be a repeat before it is one; false when the lease is no longer ours."""
    with hub.db.write() as session:
        marked = outbox.mark_repeat(session, delivery)
        if marked:
            say(hub, session, handler, delivery, Kind.DELIVERY_UNKNOWN, "detail")
    return marked


def _guarded(
    delivery: Claimed, call: Callable[[], Result], broken: Callable[[str], Unknown | Unanswered]
) -> Result | Retry | Unknown | Unanswered | Failed:
    try:
        return call()
    except RetryLater as error:
        return Retry(error.reason, error.after)
    except ConnectionQuarantined as error:
        return Retry(error.reason)
    except AuthFailed as error:
        # Someone must mend the connection; what waits for it goes out afterwards by itself.
        return Retry(error.reason, LONGEST_PAUSE)
    except (Rejected, NotOffered) as error:
        return Failed(error.reason)
    except ConnectorError as error:
        return Unknown(error.reason)
    except HubError as error:
        return Retry(str(error))
    except Exception as error:
        log_broken(delivery, error)
        return broken(reason_of(error))
