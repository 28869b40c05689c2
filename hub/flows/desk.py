"""What the desk does about a case: the verb, and who is told of it.

Verbs that nobody is told of are called on `cases` directly, with the actor that `acting` answers.
"""

import uuid
from dataclasses import replace
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.base.errors import Conflict, Invalid, NotFound
from hub.base.text import N_, clean, translate
from hub.domain import access, attachments, cases, people, timeline, workorders
from hub.domain.access import Viewer
from hub.domain.accounts import Account
from hub.domain.attachments import NO_FILES, Files
from hub.domain.audit import Actor
from hub.domain.cases import Case, CaseState, NewCase, WaitReason
from hub.domain.cases.changing import needed
from hub.domain.cases.once import bound
from hub.domain.kinds import Kind
from hub.domain.teams import Team
from hub.domain.timeline import NewEntry
from hub.domain.workorders import OrderState, WorkOrder
from hub.flows import quiet, solutions

WORKERS = people.WORKERS
"""Those of us who work on cases; an auditor only reads."""

_SHARE_FIRST = N_("The customer does not know of this case yet. Give it a title for them to share it.")
_ORDERS_RUN = N_("Teams still work on this case. Cancel their orders too, or keep the case open.")
_OUR_TEAM = N_("Your contact team")


def acting(session: Session, viewer: Viewer, account_id: uuid.UUID) -> Actor:
    """The viewer as the one who acts on an account; `Forbidden` for those of us who only read.

    Customers know them by the name of their assignment. Of us who have none they learn no name: the contact
    team speaks.
    """
    access.require_staff(viewer, *WORKERS)
    if account_id in viewer.hidden:
        raise NotFound(N_("There is no such account."))
    actor = viewer.actor("staff", account_id)
    if viewer.assigned.get(account_id):
        return actor
    return replace(actor, public=translate(session.get_one(Account, account_id).language, _OUR_TEAM))


def open_case(
    session: Session,
    viewer: Viewer,
    account: Account,
    new: NewCase,
    *,
    share: bool = False,
    form_key: str | None = None,
) -> Case:
    """Open a case by hand, and share it at once where wished; the responsible is told, and the customer."""
    actor = acting(session, viewer, account.id)
    key = bound("open", account.id, form_key)
    if (first := cases.seen(session, account.id, viewer.person_id, key)) is not None:
        return session.get_one(Case, (account.id, first.object_id))
    written = cases.open_case(session, actor, account, new)
    case, seq = written.case, written.seq
    cases.remember(session, account.id, viewer.person_id, key, case.id, seq)
    cases.tell(session, "responsible", case, f"case-opened:{case.id}", seq=seq, author_id=actor.id)
    if share:
        share_case(session, viewer, case)
    return case


def share_case(session: Session, viewer: Viewer, case: Case, customer_title: str | None = None) -> int:
    """Share a case and have the customer told."""
    actor = acting(session, viewer, case.account_id)
    seq = cases.share(session, actor, case, customer_title)
    cases.tell(session, "customers", case, f"case-shared:{case.id}", seq=seq, author_id=actor.id)
    return seq


def publish_to_customer(
    session: Session,
    viewer: Viewer,
    case: Case,
    text: str,
    *,
    next_step: str | None = None,
    next_update_by: datetime | None = None,
    customer_title: str | None = None,
    source_seq: int | None = None,
    asks: bool = False,
    files: Files = NO_FILES,
    form_key: str | None = None,
) -> int:
    """Write to the customer and have them told, once however often the form is sent; the entry's `seq`.

    A case they do not know of is shared first, if `customer_title` is given. `asks`: from here on the
    case waits for their answer.
    """
    actor = acting(session, viewer, case.account_id)
    key = bound("publish", case.id, form_key)
    if (first := cases.seen(session, case.account_id, viewer.person_id, key)) is not None:
        return first.seq
    if not case.is_shared:
        if not clean(customer_title or ""):
            raise Conflict(_SHARE_FIRST)
        cases.share(session, actor, case, customer_title)
    seq = cases.publish(session, actor, case, text, next_step, next_update_by, source_seq=source_seq)
    _keep_files(session, case, seq, "customer", files)
    cases.remember(session, case.account_id, viewer.person_id, key, case.id, seq)
    cases.tell(session, "customers", case, f"published:{case.id}:{seq}", seq=seq, author_id=actor.id)
    if asks and case.is_open and case.wait_reason != WaitReason.CUSTOMER:
        cases.wait(session, actor, case, WaitReason.CUSTOMER)
    return seq


def _keep_files(session: Session, case: Case, seq: int, audience: str, files: Files) -> None:
    attachments.add(session, case.account_id, seq, audience, files, case_id=case.id)


def note(
    session: Session,
    viewer: Viewer,
    case: Case,
    text: str,
    *,
    files: Files = NO_FILES,
    form_key: str | None = None,
) -> int:
    """Keep something among staff, once however often the form is sent; the entry's `seq`."""
    actor = acting(session, viewer, case.account_id)
    key = bound("note", case.id, form_key)
    if (first := cases.seen(session, case.account_id, viewer.person_id, key)) is not None:
        return first.seq
    seq = cases.note(session, actor, case, text)
    _keep_files(session, case, seq, "staff", files)
    cases.remember(session, case.account_id, viewer.person_id, key, case.id, seq)
    return seq


def note_account(
    session: Session,
    viewer: Viewer,
    account: Account,
    text: str,
    *,
    files: Files = NO_FILES,
    form_key: str | None = None,
) -> int:
    """Keep something among staff about an account as a whole, once however often the form is sent."""
    actor = acting(session, viewer, account.id)
    key = bound("note", account.id, form_key)
    if (first := cases.seen(session, account.id, viewer.person_id, key)) is not None:
        return first.seq
    body = needed("text", text, N_("Please write something."))
    line = NewEntry(account.id, Kind.NOTE, actor, {"person": actor.name}, body=body)
    seq = timeline.append_one(session, line)
    attachments.add(session, account.id, seq, "staff", files)
    cases.remember(session, account.id, viewer.person_id, key, account.id, seq)
    return seq


def log_call(
    session: Session,
    viewer: Viewer,
    case: Case,
    other: str,
    text: str,
    *,
    direction: str = "out",
    form_key: str | None = None,
) -> int:
    """Keep what was spoken by phone, once however often the form is sent; the entry's `seq`."""
    actor = acting(session, viewer, case.account_id)
    key = bound("call", case.id, form_key)
    if (first := cases.seen(session, case.account_id, viewer.person_id, key)) is not None:
        return first.seq
    seq = cases.log_call(session, actor, case, other, text, direction=direction)
    cases.remember(session, case.account_id, viewer.person_id, key, case.id, seq)
    return seq


def resolve_case(
    session: Session, viewer: Viewer, case: Case, solution: str, *, cancel_orders: bool = False
) -> int:
    """Solve a case; a customer who knows of it is told, and asked to confirm.

    For open orders see `_end_orders`.
    """
    actor = acting(session, viewer, case.account_id)
    _end_orders(session, actor, case, solution, cancel_orders)
    seq = cases.resolve(session, actor, case, solution)
    _tell_customers(session, case, "resolved", seq, actor)
    return seq


def confirm_case(session: Session, viewer: Viewer, case: Case) -> int:
    """Pass on that the customer confirmed the solution; see `solutions.confirm` for who is told."""
    return solutions.confirm(session, acting(session, viewer, case.account_id), case)


def reopen_case(session: Session, viewer: Viewer, case: Case, reason: str) -> int:
    """Take a solved case up again."""
    actor = acting(session, viewer, case.account_id)
    seq = cases.reopen(session, actor, case, reason)
    _tell_customers(session, case, "reopened", seq, actor)
    return seq


def cancel_case(
    session: Session, viewer: Viewer, case: Case, reason: str, *, cancel_orders: bool = False
) -> int:
    """End a case without a solution.

    For open orders see `_end_orders`.
    """
    actor = acting(session, viewer, case.account_id)
    _end_orders(session, actor, case, reason, cancel_orders)
    seq = cases.cancel(session, actor, case, reason)
    _tell_customers(session, case, "cancelled", seq, actor)
    return seq


def _end_orders(session: Session, actor: Actor, case: Case, reason: str, agreed: bool) -> None:
    """No team goes on working for an ended case: its orders end with it, if whoever ends it says so."""
    query = select(WorkOrder).where(WorkOrder.account_id == case.account_id, WorkOrder.case_id == case.id)
    running = list(session.scalars(query.where(WorkOrder.state.in_(workorders.OPEN_STATES))))
    if running and not agreed:
        raise Invalid.field("cancel_orders", _ORDERS_RUN)
    for order in running:
        workorders.cancel(session, actor, order, reason)


def _tell_customers(session: Session, case: Case, what: str, seq: int, actor: Actor) -> None:
    if case.is_shared:
        cases.tell(session, "customers", case, f"{what}:{case.id}:{seq}", seq=seq, author_id=actor.id)


def set_handler(session: Session, viewer: Viewer, case: Case, person_id: uuid.UUID | None) -> int:
    """Give the work to one of us, who is told, or back to the responsible."""
    actor = acting(session, viewer, case.account_id)
    seq = cases.set_handler(session, actor, case, person_id)
    audience = "person" if person_id else "responsible"
    event = f"handler:{case.id}:{seq}"
    cases.tell(session, audience, case, event, seq=seq, author_id=actor.id, person_id=person_id)
    return seq


def place_order(
    session: Session,
    viewer: Viewer,
    case: Case,
    team: Team,
    title: str,
    text: str,
    due_at: datetime | None = None,
    *,
    form_key: str | None = None,
) -> WorkOrder:
    """Give a team a task, once however often the form is sent. Work on the case has begun with that."""
    actor = acting(session, viewer, case.account_id)
    key = bound("order", case.id, form_key)
    if (first := cases.seen(session, case.account_id, viewer.person_id, key)) is not None:
        return session.get_one(WorkOrder, (case.account_id, first.object_id))
    order = workorders.place(session, actor, case, team, title, text, due_at)
    if case.state == CaseState.REGISTERED:
        cases.start(session, actor, case)
    cases.remember(session, case.account_id, viewer.person_id, key, order.id, 0)
    return order


def say_to_team(
    session: Session, viewer: Viewer, order: WorkOrder, text: str, *, form_key: str | None = None
) -> int:
    """Write to a team on its work order, once however often the form is sent; the entry's `seq`."""
    actor = acting(session, viewer, order.account_id)
    key = bound("say", order.id, form_key)
    if (first := cases.seen(session, order.account_id, viewer.person_id, key)) is not None:
        return first.seq
    seq = workorders.say(session, actor, order, text)
    cases.remember(session, order.account_id, viewer.person_id, key, order.id, seq)
    return seq


def cancel_order(session: Session, viewer: Viewer, order: WorkOrder, reason: str) -> int:
    """Tell a team that its task is not needed any more; a case that was open for it alone resolves."""
    seq = workorders.cancel(session, acting(session, viewer, order.account_id), order, reason)
    quiet.resolve_quiet(session, order.account_id, order.case_id)
    return seq


def order_said(
    session: Session,
    actor: Actor,
    order: WorkOrder,
    author: str,
    text: str,
    audience: str = "customer",
    *,
    at: datetime | None = None,
    channel: str | None = None,
    via: str = "",
) -> int | None:
    """A team wrote to us on its work order: whoever works on the case is told.

    `audience` is the far side's; what the team wrote among themselves ("staff") is kept and wakes nobody.
    """
    seq = workorders.apply_message(
        session, actor, order, author, text, audience, at=at, channel=channel, via=via
    )
    if seq is not None and audience != "staff":
        _tell_of_order(session, order, "order-said", seq, actor)
    return seq


def order_changed(
    session: Session,
    actor: Actor,
    order: WorkOrder,
    state: str | None,
    foreign_status: str,
    mapped: bool,
    *,
    reason: str | None = None,
    at: datetime | None = None,
) -> int | None:
    """A team's tool shows a status: whoever works on the case is told where it asks for them or is the end.

    With its last order a case may have become quiet, and then resolves itself.
    """
    before = order.state
    seq = workorders.apply_state(session, actor, order, state, foreign_status, mapped, reason=reason, at=at)
    if seq is None:
        return None
    if not mapped or (order.state != before and order.state in _WORTH_TELLING):
        _tell_of_order(session, order, "order-state", seq, actor)
    if order.state != before and not order.is_open:
        quiet.resolve_quiet(session, order.account_id, order.case_id)
    return seq


_WORTH_TELLING = (OrderState.QUESTION, OrderState.DONE, OrderState.REFUSED, OrderState.CANCELLED)


def _tell_of_order(session: Session, order: WorkOrder, what: str, seq: int, actor: Actor) -> None:
    case = session.get_one(Case, (order.account_id, order.case_id))
    cases.tell_worker(session, case, f"{what}:{order.id}:{seq}", seq=seq, author_id=actor.id)
