"""Parked mail: read it, put it onto a case or a work order, or take it off the queue."""

import uuid
from functools import partial
from typing import Any

from flask import Blueprint, flash, redirect, url_for
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from hub.base.errors import Invalid, NotFound
from hub.domain import quarantine
from hub.domain.accounts import get_account
from hub.domain.cases import Case
from hub.domain.quarantine import Quarantined, QuarantineKind
from hub.domain.workorders import WorkOrder
from hub.flows import mailroom
from hub.flows import queues as flow
from hub.flows.mailroom.reading import read
from hub.web import doors, queues_read
from hub.web.desk_forms import Handled, PutMail
from hub.web.forms import Form
from hub.web.pages import page
from hub.web.queues import cut, older
from hub.web.words import _

mail_queue = Blueprint("mail_queue", __name__, url_prefix="/desk/queues/mail")
mail_queue.before_request(doors.enter_desk)


@mail_queue.get("")
def listing() -> ResponseReturnValue:
    """Mail that fits no case, or whose sender nobody knows."""
    rows, more = cut(
        queues_read.parked(doors.session(), QuarantineKind.MAIL, older=older()), "mail_queue.listing"
    )
    return page("desk/queue_parked.html", here="mail", rows=rows, older=more)


@mail_queue.get("/<uuid:kept_id>")
def letter(kept_id: uuid.UUID) -> ResponseReturnValue:
    """One parked mail."""
    return _page(_find(kept_id), {})


@mail_queue.post("/<uuid:kept_id>/<any(put, drop):verb>")
def do(kept_id: uuid.UUID, verb: str) -> ResponseReturnValue:
    """Put it onto a case or a work order, or say why nobody need act on it."""
    kept = _find(kept_id)
    form: Form[Any] = Form(PutMail if verb == "put" else Handled)
    act = _put if verb == "put" else _drop
    return form.act(partial(act, kept)) or _page(kept, {verb: form})


def _find(kept_id: uuid.UUID) -> Quarantined:
    kept = quarantine.get(doors.session(), kept_id)
    if kept.kind != QuarantineKind.MAIL or kept.filed_account in doors.viewer().hidden:
        raise NotFound(_("There is no such mail."))
    return kept


def _put(kept: Quarantined, data: PutMail) -> Response:
    session, viewer = doors.session(), doors.viewer()
    target = mailroom.target_of(session, viewer, data.number)
    if target is None:
        raise Invalid.field("number", _("There is no case or work order of this number."))
    mailroom.file_parked(session, viewer, kept, target)
    flash(_("The mail stands on %(number)s now.", number=target.number), "ok")
    case_id = target.case_id if isinstance(target, WorkOrder) else target.id
    number = session.get_one(Case, (target.account_id, case_id)).number
    slug = get_account(session, target.account_id).slug
    return redirect(url_for("desk_case.show", slug=slug, number=number), 303)


def _drop(kept: Quarantined, data: Handled) -> Response:
    flow.drop_parked(doors.session(), doors.viewer(), kept, data.outcome)
    flash(_("Taken off the queue."), "ok")
    return redirect(url_for("mail_queue.listing"), 303)


def _page(kept: Quarantined, tried: dict[str, Form[Any]]) -> ResponseReturnValue:
    put: Form[Any] = tried.get("put") or Form(PutMail, take=False)
    drop: Form[Any] = tried.get("drop") or Form(Handled, take=False)
    mail = read(kept.body) if kept.body else None
    proposals: list[str] = []
    if mail is not None and kept.handled_at is None:
        proposals = mailroom.proposals(doors.hub(), doors.session(), doors.viewer(), mail)
    return page(
        "desk/queue_mail.html",
        max(put.status, drop.status),
        kept=kept,
        mail=mail,
        proposals=proposals,
        forms={"put": put, "drop": drop},
    )
