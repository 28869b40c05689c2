"""The queues of the desk: what the machine could not place, and what waits for a person."""

import uuid
from functools import partial
from typing import Any

from flask import Blueprint, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from hub.base import ids
from hub.base.errors import Invalid
from hub.base.text import one_line
from hub.domain import quarantine
from hub.domain.accounts import Account, Service, services_of
from hub.domain.quarantine import Quarantined
from hub.domain.signals import Signal
from hub.flows import queues as flow
from hub.web import desk_read, doors, queues_read
from hub.web.desk_forms import Handled, MapSignal
from hub.web.forms import Fields, Form
from hub.web.pages import page
from hub.web.words import _

queues = Blueprint("queues", __name__, url_prefix="/desk/queues")
queues.before_request(doors.enter_desk)


def older() -> uuid.UUID | None:
    """From where the page goes on."""
    return ids.from_short(request.args.get("older", ""))


def cut(rows: list[Any], endpoint: str) -> tuple[list[Any], str | None]:
    """The rows of a page, and the address of the next one where there is one more row."""
    if len(rows) <= queues_read.PAGE:
        return rows, None
    shown = rows[: queues_read.PAGE]
    return shown, url_for(endpoint, older=ids.short(shown[-1].id))


@queues.get("/signals")
def signals() -> ResponseReturnValue:
    """Signals that match no service."""
    rows, more = cut(queues_read.unmatched(doors.session(), older()), "queues.signals")
    return page("desk/queue_signals.html", rows=rows, older=more)


@queues.route("/signals/<uuid:signal_id>", methods=["GET", "POST"])
def signal(signal_id: uuid.UUID) -> ResponseReturnValue:
    """Say which service a signal is about: first the account, then its service and the name that means it."""
    found = flow.find_signal(doors.session(), signal_id)
    slug = request.values.get("account", "")
    account = doors.account(slug) if slug else None
    form = Form(MapSignal, {"account": slug})
    return form.act(partial(_map, found, account)) or _signal_page(found, account, form)


def _map(found: Signal, account: Account | None, data: MapSignal) -> Response:
    if account is None or data.service is None:
        raise Invalid.field("service", _("Please choose the service that it is about."))
    service = doors.session().get(Service, (account.id, data.service))
    if service is None:
        raise Invalid.field("service", _("Please choose a service of this account."))
    kind, _colon, value = data.identifier.partition(":")
    count = flow.map_signal(doors.session(), doors.viewer(), found, service, kind, value)
    flash(_("%(name)s is known now; %(num)d signals found their way.", name=value, num=count), "ok")
    return redirect(url_for("desk.account", slug=account.slug), 303)


def _signal_page(
    found: Signal, account: Account | None, form: Form[MapSignal], dropping: Form[Handled] | None = None
) -> ResponseReturnValue:
    session = doors.session()
    words = one_line(request.args.get("q", ""), 100)
    accounts = desk_read.accounts(session, doors.viewer(), words, None)[0] if words and not account else []
    mine = services_of(session, account.id) if account else []
    return page(
        "desk/queue_signal.html",
        max(form.status, dropping.status if dropping else 200),
        signal=found,
        account=account,
        accounts=accounts,
        words=words,
        form=form,
        dropping=dropping or Form(Handled, take=False),
        services=[("", _("Please choose"))] + [(str(service.id), service.name) for service in mine],
        names=[(f"{kind}:{value}", f"{kind} {value}") for kind, value in found.identifiers],
    )


@queues.post("/signals/<uuid:signal_id>/drop")
def drop_signal(signal_id: uuid.UUID) -> ResponseReturnValue:
    """Nobody need act on it."""
    found = flow.find_signal(doors.session(), signal_id)
    form = Form(Handled)

    def drop(data: Handled) -> Response:
        flow.drop_signal(doors.session(), doors.viewer(), found, data.outcome)
        flash(_("Taken off the queue."), "ok")
        return redirect(url_for("queues.signals"), 303)

    return form.act(drop) or _signal_page(found, None, Form(MapSignal, take=False), form)


@queues.get("/bodies")
def bodies() -> ResponseReturnValue:
    """Messages of machines that could not be read, or that name nothing we know."""
    rows, more = cut(queues_read.parked(doors.session(), *queues_read.BODIES, older=older()), "queues.bodies")
    return page("desk/queue_parked.html", here="bodies", rows=rows, older=more)


@queues.route("/bodies/<uuid:kept_id>", methods=["GET", "POST"])
def body(kept_id: uuid.UUID) -> ResponseReturnValue:
    """One such message as it came, and a word on what became of it."""
    kept = quarantine.get(doors.session(), kept_id)
    form = Form(Handled)
    return form.act(partial(_drop, kept, "queues.bodies")) or page(
        "desk/queue_body.html", form.status, kept=kept, form=form, text=_readable(kept)
    )


def _drop(kept: Quarantined, endpoint: str, data: Handled) -> Response:
    flow.drop_parked(doors.session(), doors.viewer(), kept, data.outcome)
    flash(_("Taken off the queue."), "ok")
    return redirect(url_for(endpoint), 303)


def _readable(kept: Quarantined, limit: int = 20_000) -> str:
    """The beginning of what was kept, as text; bytes that are none are shown as marks."""
    return (kept.body or b"")[:limit].decode("utf-8", "replace")


@queues.get("/deliveries")
def deliveries() -> ResponseReturnValue:
    """What could not be delivered and was given up by the machine."""
    rows = queues_read.given_up(doors.session(), doors.viewer(), older())
    shown, more = cut(rows, "queues.deliveries")
    return page(
        "desk/queue_deliveries.html", rows=shown, older=more, tried=None, form=Form(Handled, take=False)
    )


@queues.post("/deliveries/<uuid:delivery_id>/<any(retry, drop):verb>")
def delivery(delivery_id: uuid.UUID, verb: str) -> ResponseReturnValue:
    """Try it once more, or say what was done instead."""
    found = flow.find_delivery(doors.session(), doors.viewer(), delivery_id)
    form: Form[Any] = Form(Handled if verb == "drop" else Fields)

    def done(data: Any) -> Response:
        if verb == "retry":
            flow.retry_delivery(doors.session(), doors.viewer(), found)
            flash(_("It is tried once more."), "ok")
        else:
            flow.give_up_delivery(doors.session(), doors.viewer(), found, data.outcome)
            flash(_("Taken off the queue."), "ok")
        return redirect(url_for("queues.deliveries"), 303)

    answer = form.act(done)
    if answer is not None:
        return answer
    rows, more = cut(queues_read.given_up(doors.session(), doors.viewer(), None), "queues.deliveries")
    return page(
        "desk/queue_deliveries.html", form.status, rows=rows, older=more, tried=delivery_id, form=form
    )
