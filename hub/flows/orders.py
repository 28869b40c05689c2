"""Work orders on their way to teams: opened in the team's own tool or sent by mail, then told what we say.

Each delivery reads what it needs, calls the far side with no transaction open, and leaves the link, the entry
and the follow-up rows to the transaction that settles it.
"""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

from sqlalchemy.orm import Session

from hub.base.errors import Invalid, Misconfigured
from hub.base.text import N_, translate
from hub.domain import connections, links, outbox, timeline, workorders
from hub.domain.accounts import Service, Site
from hub.domain.audit import HUB
from hub.domain.cases import Case
from hub.domain.connections import Configured
from hub.domain.kinds import Kind
from hub.domain.links import STATUS
from hub.domain.outbox import Claimed
from hub.domain.teams import Team
from hub.domain.timeline import NewEntry
from hub.domain.workorders import OrderState, WorkOrder
from hub.flows import letters
from hub.flows.channels import target_of
from hub.flows.delivery import LONGEST_PAUSE, Done, Failed, Handler, Outcome, Retry, Unknown, note_beside
from hub.flows.runtime import Hub
from hub.plugin import settings as forms
from hub.plugin.contracts import (
    ConnectorError,
    ExternalRef,
    ItemUpdate,
    MailMessage,
    NotOffered,
    Rejected,
    WorkItem,
    content_hash,
)
from hub.plugin.outward import Target

BY_MAIL = "mail_order"
"""The connector for teams that have an address and no connection."""
CANCELLED = N_("Cancelled: %(title)s")
ORDER = "order"
_PRIORITIES = {"critical": 1, "high": 2, "medium": 3, "low": 4}
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Job:
    """A delivery about a work order with all that its call needs. `link` is where the order stands by now."""

    claimed: Claimed
    order: WorkOrder
    team: Team
    item: WorkItem
    connection: Configured | None
    target: Target
    link: ExternalRef | None

    @property
    def by_mail(self) -> bool:
        """Whether the hub itself writes to the team, or a connector words what the hub then sends."""
        return self.link is None and self.target.connector.kind == "provider"


def _read(hub: Hub, claimed: Claimed) -> Job:
    with hub.db.read() as session:
        order = session.get_one(
            WorkOrder, (uuid.UUID(claimed.body["account_id"]), uuid.UUID(claimed.body["order_id"]))
        )
        team = session.get_one(Team, order.team_id)
        connection = connections.by_id(session, team.connection_id) if team.connection_id else None
        link = links.of_object(session, connection.id, ORDER, order.id) if connection else None
        item = _item(session, claimed, order)
    return Job(claimed, order, team, item, connection, _target(hub, team, connection), link)


def _item(session: Session, claimed: Claimed, order: WorkOrder) -> WorkItem:
    case = session.get_one(Case, (order.account_id, order.case_id))
    service = session.get(Service, (order.account_id, case.service_id)) if case.service_id else None
    site = session.get(Site, (order.account_id, case.site_id)) if case.site_id else None
    return WorkItem(
        delivery_id=str(claimed.id),
        reference=order.number,
        title=order.title,
        text=order.text,
        priority=_PRIORITIES.get(case.priority, 3),
        service=service.name if service else "",
        site=site.name if site else "",
        due_at=order.due_at,
    )


def _target(hub: Hub, team: Team, connection: Configured | None) -> Target:
    """The connection with the team's options over its settings (a queue), or the team's address."""
    if connection is not None:
        if not connection.enabled:
            raise Misconfigured(N_("The connection %(name)s is switched off."), name=connection.name)
        return target_of(hub, replace(connection, settings={**connection.settings, **team.options}))
    connector = hub.registry.connector(BY_MAIL)
    if connector is None:
        raise Misconfigured(
            N_("The connector %(name)s is not loaded; `hub plugin list` says why."), name=BY_MAIL
        )
    settings = forms.join(connector.settings_model, {"address": team.email, "zone": team.zone}, {})
    return Target(f"team:{team.id}", connector, settings)


def _with_job(carry_out: Callable[[Hub, Job], Answer], hub: Hub, claimed: Claimed) -> Answer | Outcome:
    """Carry out a delivery. What an admin has to mend lets it wait; a failure shows on the health page."""
    try:
        job = _read(hub, claimed)
    except Misconfigured as error:
        return Retry(str(error), LONGEST_PAUSE)
    except Invalid as error:
        return Failed(f"The settings of its connection do not fit: {error}")
    try:
        return carry_out(hub, job)
    except ConnectorError as error:
        if job.connection is not None and not isinstance(error, Rejected | NotOffered):
            note_beside(hub, partial(_note_trouble, job.connection.id, error.reason))
        raise


def _note_trouble(connection_id: uuid.UUID, reason: str, session: Session) -> None:
    connections.note_failure(session, connection_id, reason)


def _open(hub: Hub, job: Job) -> Outcome:
    if job.link is not None:
        return Done({"external": job.link.external_id})
    if job.order.state == OrderState.CANCELLED:
        return Done({"skipped": "It was cancelled before the team heard of it."})
    if job.by_mail:
        return _place(hub, job, job.item)
    return _opened(job, hub.outward.open(job.target, job.item))


def _place(hub: Hub, job: Job, item: WorkItem) -> Outcome:
    placed = hub.outward.place(job.target, item)
    if placed.external is not None:
        return _opened(job, placed.external)
    if placed.message is None:
        return Failed("The connector neither placed the order nor worded it.")
    return Done({"mail": list(placed.message.to)}, partial(_mail, job, placed.message))


def _mail(job: Job, message: MailMessage, session: Session) -> None:
    outbox.put(
        session,
        "mail",
        letters.order_body(job.claimed.body, message),
        account_id=job.order.account_id,
        order_key=f"order:{job.order.id}",
        unique_key=f"order-mail:{job.claimed.id}",
    )


def _opened(job: Job, ref: ExternalRef) -> Done:
    return Done({"external": ref.external_id, "url": ref.url}, partial(_settle_opened, job, ref))


def _settle_opened(job: Job, ref: ExternalRef, session: Session) -> None:
    assert job.connection is not None  # only a connection opens foreign objects
    linked(session, job.connection.id, job.order, ref, job.claimed.id)
    connections.note_ok(session, job.connection)


def linked(
    session: Session, connection_id: uuid.UUID, order: WorkOrder, ref: ExternalRef, delivery_id: uuid.UUID
) -> None:
    """Say that a work order stands in the team's tool, once, whoever learns of it first."""
    heads = timeline.lock(session, [order.account_id])
    new = links.link(session, connection_id, ref, ORDER, order.id, account_id=order.account_id)
    links.note_ours(session, connection_id, ref.external_id, delivery_id, None, order.account_id)
    if new:
        team = session.get_one(Team, order.team_id)
        facts = {"order": order.number, "external": ref.external_id, "team": team.name, "url": ref.url}
        entry = NewEntry(
            order.account_id, Kind.ORDER_LINKED, HUB, facts, weight="detail", case_id=order.case_id
        )
        timeline.append_locked(session, heads, [entry])


def _push(hub: Hub, job: Job) -> Outcome:
    text, author = job.claimed.body["text"], job.claimed.body["author"]
    if job.by_mail:
        return _place(hub, job, replace(job.item, text=text))
    if job.link is None:
        return Failed("The order has not reached the team's tool, so the message has nowhere to go.")
    update = ItemUpdate(str(job.claimed.id), job.link, "message", text=text, author=author)
    return _written(hub, job, update, content_hash(text))


def _close(hub: Hub, job: Job) -> Outcome:
    text, author = job.claimed.body["text"], job.claimed.body["author"]
    if job.by_mail:
        title = translate(job.team.language, CANCELLED, title=job.item.title)
        return _place(hub, job, replace(job.item, title=title, text=text))
    if job.link is None:
        return Done({"skipped": "The team had not heard of the order."})
    update = ItemUpdate(str(job.claimed.id), job.link, "status", text=text, author=author, status="cancelled")
    return _written(hub, job, update, content_hash(text), STATUS)


def _written(hub: Hub, job: Job, update: ItemUpdate, *content: str) -> Outcome:
    assert job.connection is not None  # only what stands in a tool is written on
    with hub.db.write() as session:
        for each in content:
            links.note_ours(
                session,
                job.connection.id,
                update.external.external_id,
                job.claimed.id,
                each,
                job.order.account_id,
            )
    return _done(job, hub.outward.push(job.target, update))


def _done(job: Job, ref: ExternalRef) -> Done:
    return Done({"external": ref.external_id}, partial(_settle_written, job, ref))


def _settle_written(job: Job, ref: ExternalRef, session: Session) -> None:
    assert job.connection is not None  # see `_written`
    links.note_version(session, job.connection.id, ref.external_id, ref.version)
    connections.note_ok(session, job.connection)


def _find(hub: Hub, job: Job) -> Outcome | None:
    """What an earlier attempt left behind."""
    if job.connection is None or job.target.connector.name == BY_MAIL:
        return None  # the mail is put where the delivery is settled, so nothing has happened
    if "find" not in job.target.connector.capabilities:
        return Unknown("The team's tool cannot be asked.")
    found = hub.outward.find(job.target, str(job.claimed.id), job.link)
    if found is None:
        return None
    return _opened(job, found) if job.link is None else _done(job, found)


def find_order(hub: Hub, claimed: Claimed) -> Outcome | None:
    """What an attempt whose answer was lost left behind; None for surely nothing."""
    return _with_job(_find, hub, claimed)


def _describe(hub: Hub, session: Session, claimed: Claimed) -> tuple[str, str]:
    order = workorders.get_order(session, uuid.UUID(claimed.body["order_id"]))
    assert order is not None  # the delivery was put with it
    return order.number, session.get_one(Team, order.team_id).name


HANDLERS: dict[str, Handler] = {
    "order.open": Handler(partial(_with_job, _open), find_order, _describe),
    "order.push": Handler(partial(_with_job, _push), find_order, _describe),
    # Setting a status twice is setting it once, so nothing has to be found.
    "order.close": Handler(partial(_with_job, _close), lambda hub, claimed: None, _describe),
}
