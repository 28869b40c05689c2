"""What teams do in their own tools comes back here: read in their order, applied once, echoes left out.

Nothing is believed of the order in which webhooks arrive: a hint only makes the worker look, and what it
reads is applied in the order of the far side's own update ids.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import groupby
from typing import Any

import orjson
import structlog
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from hub.base import clock
from hub.base.errors import HubError, frames, reason_of
from hub.base.text import N_
from hub.domain import connections, links, outbox, quarantine, timeline, workorders
from hub.domain.audit import Actor
from hub.domain.connections import Configured
from hub.domain.links import OURS, STATUS, THEIRS, Target
from hub.domain.outbox import Claimed, Delivery
from hub.domain.quarantine import QuarantineKind
from hub.domain.teams import Team
from hub.domain.workorders import WorkOrder
from hub.flows import desk, orders, polling
from hub.flows.delivery import Done, Handler, Outcome, Retry
from hub.flows.runtime import Hub
from hub.plugin.contracts import Connector, ExternalRef, ExternalUpdate, Pulled, PullHint, update_order

EVERY = timedelta(seconds=60)
"""How often a team's tool is asked although nothing hinted at news."""
WINDOW = timedelta(seconds=4)
"""Hints of so long make one pull. Tools send them from inside their own transaction, so it waits a little."""
log = structlog.get_logger()


def take(
    session: Session,
    hub: Hub,
    connection: Configured,
    updates: Sequence[ExternalUpdate],
    hints: Sequence[PullHint],
) -> None:
    """What a webhook said: updates are applied at once, hints about linked objects make the worker look."""
    if updates:
        apply(session, hub, connection, updates)
    if hints and links.of_externals(session, connection.id, {hint.external_id for hint in hints}):
        window = int(clock.now().timestamp() // WINDOW.total_seconds()) + 1
        due = datetime.fromtimestamp(window * WINDOW.total_seconds(), UTC) + WINDOW / 2
        key = f"pull:{connection.id}:{window}"
        outbox.put(session, "pull", {}, connection_id=connection.id, unique_key=key, due_at=due)


def poll_due(hub: Hub) -> None:
    """Ask every team's tool whose turn it is."""
    polling.poll_due(hub, "pull", EVERY, pull_connection)


def pull_connection(hub: Hub, connection_id: uuid.UUID) -> bool:
    """Read what is new over one connection and apply it; false while another worker does."""
    return polling.poll(hub, connection_id, hub.outward.pull, partial(_settle, hub))


def _settle(hub: Hub, session: Session, connection: Configured, pulled: Pulled) -> None:
    apply(session, hub, connection, pulled.updates)


def apply(session: Session, hub: Hub, connection: Configured, updates: Sequence[ExternalUpdate]) -> int:
    """Apply foreign updates, each once and in the order of their ids; answers how many said something new.

    What belongs to no object of ours, or cannot be applied, is quarantined and shown. Everything a team or
    supplier writes stays with staff, whatever visibility their tool gave it.
    """
    by_object = groupby(sorted(updates, key=_order), key=lambda update: update.external_id)
    objects = {external_id: list(group) for external_id, group in by_object}
    targets = links.of_externals(session, connection.id, list(objects))
    unlinked = {external_id: news for external_id, news in objects.items() if external_id not in targets}
    adopted = _adoptable(session, connection, unlinked)
    known = [target.account_id for target in targets.values() if target.account_id]
    timeline.lock(session, [*known, *(each.order.account_id for each in adopted.values())])
    applied = 0
    for external_id, news in objects.items():
        if external_id not in targets and external_id not in adopted:
            _quarantine(session, connection, news, "Nothing in the hub is linked to it.")
            continue
        try:
            with session.begin_nested():
                target = targets.get(external_id) or _adopt(session, connection, adopted[external_id])
                applied += _apply(session, hub, connection, target, news)
        except OperationalError:
            raise  # the database is busy or away, which is not this object's fault
        except Exception as error:
            _log_broken(connection, external_id, error)
            _quarantine(session, connection, news, reason_of(error))
    return applied


def _log_broken(connection: Configured, external_id: str, error: Exception) -> None:
    if not isinstance(error, HubError):
        log.error(
            "sync.broke",
            connection=connection.slug,
            object=external_id,
            error=type(error).__name__,
            frames=frames(error),
        )


def _order(update: ExternalUpdate) -> tuple[str, tuple[int, str]]:
    return update.external_id, update_order(update.update_id)


@dataclass(frozen=True, slots=True)
class Adoptable:
    """A foreign object that carries a delivery of ours: its news may be faster than the answer to us."""

    external_id: str
    order: WorkOrder
    delivery_id: uuid.UUID


def _adoptable(
    session: Session, connection: Configured, unlinked: Mapping[str, Sequence[ExternalUpdate]]
) -> dict[str, Adoptable]:
    found = {}
    for external_id, news in unlinked.items():
        for delivery_id in filter(None, (_uuid(update.delivery_id) for update in news)):
            order = _order_opened_by(session, connection, delivery_id)
            if order is not None:
                found[external_id] = Adoptable(external_id, order, delivery_id)
                break
    return found


def _order_opened_by(session: Session, connection: Configured, delivery_id: uuid.UUID) -> WorkOrder | None:
    delivery = session.get(Delivery, delivery_id)
    if delivery is None or delivery.kind != "order.open" or delivery.connection_id != connection.id:
        return None
    order_id = _uuid(delivery.body.get("order_id"))
    return workorders.get_order(session, order_id) if order_id else None


def _adopt(session: Session, connection: Configured, adoptable: Adoptable) -> Target:
    external_id, order = adoptable.external_id, adoptable.order
    orders.linked(session, connection.id, order, ExternalRef(external_id), adoptable.delivery_id)
    return links.of_externals(session, connection.id, [external_id])[external_id]


def _apply(
    session: Session, hub: Hub, connection: Configured, target: Target, news: Sequence[ExternalUpdate]
) -> int:
    order = workorders.get_order(session, target.object_id)
    connector = hub.registry.connector(connection.connector)
    if order is None or connector is None:
        raise HubError(N_("What it is linked to cannot be changed by a team's tool."))
    team = session.get_one(Team, order.team_id)
    applied = 0
    for update in news:
        echo, late = _is_echo(session, connection, update), _is_late(session, connection, update)
        new = links.note_update(
            session,
            connection.id,
            update.external_id,
            update.update_id,
            OURS if echo else THEIRS,
            account_id=order.account_id,
            content_hash=STATUS if update.kind == "status" else update.origin_hash,
        )
        if new and not echo and not late:
            applied += _one(session, connector, connection, team, order, update) is not None
    links.note_version(session, connection.id, target.external_id, news[-1].version)
    return applied


def _is_echo(session: Session, connection: Configured, update: ExternalUpdate) -> bool:
    """Whether we caused it: by origin and by content (law 8). What a human types with our login counts."""
    delivery_id = _uuid(update.delivery_id)
    if not update.by_us and delivery_id is None:
        return False
    content = STATUS if update.kind == "status" else update.origin_hash
    return links.we_wrote(session, connection.id, update.external_id, content, delivery_id)


def _is_late(session: Session, connection: Configured, update: ExternalUpdate) -> bool:
    """Whether a later status of the object was dealt with: an older one is remembered and not applied."""
    if update.kind != "status":
        return False
    known = links.updates_like(session, connection.id, update.external_id, STATUS)
    return any(update_order(other) > update_order(update.update_id) for other in known)


def _one(
    session: Session,
    connector: Connector[Any],
    connection: Configured,
    team: Team,
    order: WorkOrder,
    update: ExternalUpdate,
) -> int | None:
    actor = Actor("team", update.author or team.name, team.id)
    if update.kind == "status":
        foreign = update.status or ""
        state = connections.state_word(connector, connection, foreign)
        return desk.order_changed(
            session, actor, order, state, foreign, state is not None, reason=update.text, at=update.at
        )
    text = update.text
    if update.kind == "link_broken":
        text = text or f"{update.external_id} is gone from {connection.name}."
    return desk.order_said(
        session,
        actor,
        order,
        actor.name,
        text,
        update.audience,
        at=update.at,
        channel=connection.connector,
        via=connection.name,
    )


def _quarantine(
    session: Session, connection: Configured, news: Sequence[ExternalUpdate], reason: str
) -> None:
    for update in news:
        if not links.note_update(
            session, connection.id, update.external_id, update.update_id, THEIRS, content_hash=None
        ):
            continue
        quarantine.keep(
            session,
            connection.id,
            QuarantineKind.UPDATE,
            reason,
            orjson.dumps(update),
            subject=f"{update.external_id}: {update.status or update.text}",
            sender=update.author,
        )


def _uuid(text: str | None) -> uuid.UUID | None:
    try:
        return uuid.UUID(text) if text else None
    except ValueError:
        return None


def _pull(hub: Hub, claimed: Claimed) -> Outcome:
    assert claimed.connection_id is not None  # `take` puts it
    if pull_connection(hub, claimed.connection_id):
        return Done()
    return Retry("Another worker is reading it.", WINDOW)


HANDLERS: dict[str, Handler] = {"pull": Handler(send=_pull, find=lambda hub, claimed: None)}
