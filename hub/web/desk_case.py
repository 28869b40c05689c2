"""A case at the desk: what it is, what comes next, who works on it, and everything one can do about it."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from flask import Blueprint, flash, redirect, url_for
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from hub.base import ids
from hub.base.errors import NotFound
from hub.domain import access, cases, people, reading, workorders
from hub.domain.accounts import Account, Service, services_of
from hub.domain.cases import Case, NewCase
from hub.flows import desk
from hub.web import desk_forms, desk_read, doors, lines, writing
from hub.web.case_verbs import VERBS
from hub.web.desk import around, mend_link
from hub.web.filters import local_input
from hub.web.forms import Form
from hub.web.look import Look, ways
from hub.web.pages import page
from hub.web.state_words import CASE_TYPES, LEVELS, PRIORITIES, WAIT_REASONS, choices, place_name
from hub.web.words import _
from hub.web.writing import Writing

desk_case = Blueprint("desk_case", __name__, url_prefix="/desk")
desk_case.before_request(doors.enter_desk)


@desk_case.get("/<slug>/case/<number>")
def show(slug: str, number: str) -> ResponseReturnValue:
    """The case's page."""
    account, case = _find(slug, number)
    return case_page(account, case, writing.blank(account, case))


@desk_case.post("/<slug>/case/<number>/write/<any(answer, note, order, call):kind>")
def write(slug: str, number: str, kind: str) -> ResponseReturnValue:
    """Publish, note, order or log about this case."""
    account, case = _find(slug, number)
    composer = writing.posted(account, kind, case)
    done = writing.act(composer, account)
    return done or case_page(account, case, composer)


@desk_case.post(f"/<slug>/case/<number>/<any({', '.join(VERBS)}):verb>")
def do(slug: str, number: str, verb: str) -> ResponseReturnValue:
    """One of the verbs of a case."""
    account, case = _find(slug, number)
    model, act = VERBS[verb]
    form: Form[Any] = Form(model, _known(case))

    def done(data: Any) -> Response:
        flash(act(case, data), "ok")
        return redirect(url_for("desk_case.show", slug=slug, number=case.number), 303)

    return form.act(done) or case_page(account, case, writing.blank(account, case), {verb: form})


@desk_case.post("/<slug>/order/<number>/<any(say, cancel):verb>")
def order(slug: str, number: str, verb: str) -> ResponseReturnValue:
    """A word to a team on its work order, or its end."""
    account = doors.account(slug)
    found = workorders.find(doors.session(), doors.viewer(), number)
    if found.account_id != account.id:
        raise NotFound(_("There is no such work order."))
    case = cases.by_id(doors.session(), doors.viewer(), "staff", account.id, found.case_id)
    form = Form(desk_forms.ToTeam)

    def done(data: desk_forms.ToTeam) -> Response:
        if verb == "say":
            desk.say_to_team(doors.session(), doors.viewer(), found, data.text, form_key=data.form_key)
        else:
            desk.cancel_order(doors.session(), doors.viewer(), found, data.text)
        flash(_("The team is told."), "ok")
        address = url_for("desk_case.show", slug=slug, number=case.number)
        return redirect(f"{address}#{found.number}", 303)

    return form.act(done) or case_page(account, case, writing.blank(account, case), {found.number: form})


def _find(slug: str, number: str) -> tuple[Account, Case]:
    account = doors.account(slug)
    case = cases.find(doors.session(), doors.viewer(), "staff", number)
    if case.account_id != account.id:
        raise NotFound(_("There is no such case."))
    return account, case


def case_page(
    account: Account, case: Case, composer: Writing, tried: Mapping[str, Form[Any]] | None = None
) -> ResponseReturnValue:
    """The case's page with a composer and the forms as they stand."""
    session, look = doors.session(), Look.of_request()
    view = look.view(case.id)
    shown = reading.page(session, account.id, view)
    there = replace(around(account, shown.lines, look.lens), own=case.number)
    status = max(form.status for form in (composer.form, *(tried or {}).values()))
    service = session.get(Service, (account.id, case.service_id)) if case.service_id else None
    orders = desk_read.orders_of_case(session, case)
    return page(
        "desk/case.html",
        status,
        account=account,
        case=case,
        service=service,
        handler=people.get_person(session, case.handler_id) if case.handler_id else None,
        duty=desk_read.duty(session, account),
        days=lines.days(shown.lines, there),
        look=ways(look, shown, "desk_case.show", slug=account.slug, number=case.number),
        case_link=there.case_link,
        mend=mend_link(account),
        orders=orders,
        alerts=desk_read.alerts_of_case(session, case),
        writing=composer,
        forms={**_forms(case), **_order_forms(orders), **(tried or {})},
        posted=[composer.form, *(tried or {}).values()],
        choices=_choices(account, case),
    )


def _order_forms(orders: Sequence[Any]) -> dict[str, Form[Any]]:
    """What can be said to the team of each order: once, so that each has a key of its own."""
    return {
        order.number: Form(desk_forms.ToTeam, {"form_key": ids.short(ids.new_id())}, take=False)
        for order in orders
    }


def _forms(case: Case) -> dict[str, Form[Any]]:
    """The forms of the verbs, each with what is known."""
    blank: dict[str, Form[Any]] = {
        name: Form(model, {"reason": "", **_known(case)}, take=False)
        for name, (model, _verb) in VERBS.items()
    }
    # Sharing proposes our title, in plain sight of whoever shares.
    proposed = {"customer_title": case.customer_title or case.title}
    blank["share"] = Form(desk_forms.Share, proposed, take=False)
    return blank


def _known(case: Case) -> dict[str, Any]:
    return {
        "title": case.title,
        "customer_title": case.customer_title or "",
        "category": case.category,
        "service": case.service_id,
        "impact": case.impact,
        "urgency": case.urgency,
        "reference": case.customer_reference,
        "person": case.handler_id,
        "next_step": case.next_step,
        "next_update_by": local_input(case.next_update_by),
        "target_at": local_input(case.target_at),
    }


def _choices(account: Account, case: Case) -> dict[str, list[tuple[str, str]]]:
    staff = access.workers(doors.session(), account)
    return {
        "staff": [("", _("The responsible contact"))] + [(str(person.id), person.name) for person in staff],
        "services": _services(account, case.service_id),
        "waits": choices(WAIT_REASONS),
        "levels": choices(LEVELS),
        "priorities": [("", _("As impact and urgency say")), *choices(PRIORITIES)],
    }


def _services(account: Account, present: uuid.UUID | None = None) -> list[tuple[str, str]]:
    """The open services, and the `present` one even where it is closed: saving must not change it."""
    found = services_of(doors.session(), account.id, [present] if present else ())
    return [("", _("None in particular"))] + [(str(service.id), place_name(service)) for service in found]


@desk_case.route("/<slug>/cases/new", methods=["GET", "POST"])
def new(slug: str) -> ResponseReturnValue:
    """Open a case by hand."""
    access.require_staff(doors.viewer(), *desk.WORKERS)
    account = doors.account(slug)
    start = {
        "case_type": "incident",
        "impact": "medium",
        "urgency": "medium",
        "form_key": ids.short(ids.new_id()),
    }
    form = Form(desk_forms.NewCaseForm, start)
    return form.act(partial(_open, account)) or page(
        "desk/new_case.html",
        form.status,
        account=account,
        form=form,
        services=_services(account),
        types=choices(CASE_TYPES),
        levels=choices(LEVELS),
    )


def _open(account: Account, data: desk_forms.NewCaseForm) -> Response:
    given = data.model_dump(exclude={"share", "service", "form_key"})
    title = given.pop("customer_title") or (data.title if data.share else None)
    new = NewCase(**given, customer_title=title, service_id=data.service)
    case = desk.open_case(
        doors.session(), doors.viewer(), account, new, share=data.share, form_key=data.form_key
    )
    flash(_("%(number)s is open.", number=case.number), "ok")
    return redirect(url_for("desk_case.show", slug=account.slug, number=case.number), 303)
