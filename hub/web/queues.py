"""The queues of the desk: what the machine could not place, and what waits for a person."""

import uuid
from functools import partial
from typing import Any

from flask import Blueprint, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from hub.base import ids
from hub.base.errors import Invalid, NotFound
from hub.base.text import one_line
from hub.domain import connections, quarantine
from hub.domain.accounts import Account, Service, services_of
from hub.domain.connections import Connection
from hub.domain.quarantine import Quarantined
from hub.domain.signals import Signal
from hub.flows import queues as flow
from hub.web import desk_read, doors, queues_read
from hub.web.desk_forms import DropSignals, Handled, MapSignal
from hub.web.forms import Fields, Form
from hub.web.pages import page
from hub.web.words import _, ngettext

queues = Blueprint("queues", __name__, url_prefix="/desk/queues")
queues.before_request(doors.enter_desk)


FROM = "from:"


def older() -> uuid.UUID | None:
    """From where the page goes on."""
    return ids.from_short(request.args.get("older", ""))


def cut(rows: list[Any], endpoint: str, **look: Any) -> tuple[list[Any], str | None]:
    """The rows of a page, and the address of the next one where there is one more; `look` is kept in it."""
    if len(rows) <= queues_read.PAGE:
        return rows, None
    shown = rows[: queues_read.PAGE]
    return shown, url_for(endpoint, older=ids.short(shown[-1].id), **look)


@queues.route("/signals", methods=["GET", "POST"])
def signals() -> ResponseReturnValue:
    """Signals that match no service: those that fire, or those that are over; many are dropped at once."""
    over, session = bool(request.args.get("over")), doors.session()
    form = Form(DropSignals, {"which": "over" if over else ""})
    dropped = form.act(partial(_drop_signals, over))
    if dropped is not None:
        return dropped
    rows, more = cut(
        queues_read.unmatched(session, older(), over=over), "queues.signals", over="1" if over else None
    )
    folded = None if over else queues_read.over(session)
    named = [(FROM + slug, _("All of %(name)s", name=name)) for slug, name in queues_read.sources(session)]
    return page(
        "desk/queue_signals.html", form.status, rows=rows, older=more, over=over, folded=folded, form=form,
        sources=named,
    )  # fmt: skip


def _drop_signals(over: bool, data: DropSignals) -> Response:
    source = data.which.removeprefix(FROM) if data.which.startswith(FROM) else None
    count = flow.drop_signals(
        doors.session(),
        doors.viewer(),
        data.outcome,
        chosen=data.signal if data.which == "ticked" else None,
        over=data.which == "over",
        connection_id=connections.find(doors.session(), source).id if source else None,
    )
    flash(
        ngettext("One signal was taken off the queue.", "%(num)d signals were taken off the queue.", count),
        "ok",
    )
    return redirect(url_for("queues.signals", over="1" if over else None), 303)


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
    found_way = ngettext(
        "%(name)s is known now; one signal found its way.",
        "%(name)s is known now; %(num)d signals found their way.",
        count,
        name=value,
    )
    flash(found_way, "ok")
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
    if kept.kind not in queues_read.BODIES:
        raise NotFound(_("There is no such message."))
    form = Form(Handled)
    return form.act(partial(_drop, kept, "queues.bodies")) or page(
        "desk/queue_body.html",
        form.status,
        kept=kept,
        form=form,
        source=doors.session().get_one(Connection, kept.connection_id).name,
        text=_readable(kept),
        again=kept.kind in flow.AGAIN,
    )


@queues.post("/bodies/<uuid:kept_id>/again")
def again(kept_id: uuid.UUID) -> ResponseReturnValue:
    """Have it read once more, because what was wrong was mended."""
    kept = quarantine.get(doors.session(), kept_id)
    flow.read_again(doors.hub(), doors.session(), doors.viewer(), kept)
    flash(_("It is read again now; if it still cannot be read, it comes back here."), "ok")
    return redirect(url_for("queues.bodies"), 303)


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
    return _deliveries_page(rows, None, Form(Handled, take=False))


def _deliveries_page(rows: list[Any], tried: uuid.UUID | None, form: Form[Any]) -> ResponseReturnValue:
    shown, more = cut(rows, "queues.deliveries")
    return page(
        "desk/queue_deliveries.html",
        form.status,
        rows=shown,
        about=queues_read.about(doors.session(), shown),
        older=more,
        tried=tried,
        form=form,
        blank=Form(Handled, take=False),
        posted=[form],
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
    return _deliveries_page(queues_read.given_up(doors.session(), doors.viewer(), None), delivery_id, form)
