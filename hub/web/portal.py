"""The portal: who is there for me, what is open, what happened; one place to say something."""

from collections.abc import Callable
from functools import partial

from flask import Blueprint, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from hub.base import ids
from hub.base.errors import NotFound
from hub.base.text import N_
from hub.domain import access, coverage, reading
from hub.domain import cases as all_cases
from hub.domain.accounts import Account
from hub.flows import portal as flow
from hub.web import doors, lines, measure, portal_read
from hub.web.forms import Form
from hub.web.look import Look, ways
from hub.web.pages import page
from hub.web.portal_forms import ReportForm
from hub.web.uploads import uploads
from hub.web.words import _

portal = Blueprint("portal", __name__, url_prefix="/portal")
portal.before_request(partial(doors.enter, "customer"))
portal.before_request(measure.form)

KINDS = {"problem": "incident", "request": "service_request", "question": "question"}
EFFECTS = {
    "down": (N_("Nothing works"), N_("We cannot work, or our customers notice it.")),
    "degraded": (N_("It works, but badly"), N_("Slow, or parts of it fail; we get along for now.")),
    "intermittent": (N_("It comes and goes"), N_("We notice it, but can go on.")),
    "none": (N_("No effect yet"), N_("It can wait its turn.")),
}


@portal.app_context_processor
def _speaking() -> dict[str, Callable[[Account], bool]]:
    return {"may_speak": lambda found: portal_read.may_speak(doors.viewer(), found)}


@portal.get("")
def home() -> ResponseReturnValue:
    """All my accounts; whoever has one only is sent to it."""
    rows = portal_read.accounts(doors.session(), doors.viewer())
    if len(rows) == 1 and "all" not in request.args:
        return redirect(url_for("portal.account", slug=rows[0].slug))
    return page("portal/home.html", rows=rows)


@portal.get("/<slug>")
def account(slug: str) -> ResponseReturnValue:
    """One account: my contact, what needs my answer, what is open, what happened."""
    found, session, viewer = doors.account(slug), doors.session(), doors.viewer()
    look = Look.of_request("customer", portal_read.seen_cases(session, viewer, found))
    view = look.view()
    shown = reading.page(session, found.id, view)
    opened = lines.unfolded(session, found.id, shown, view, look.opened)
    there = around(found, [*shown.lines, *(line for group in opened.values() for line in group)])
    open_now = portal_read.open_cases(session, viewer, found)
    return page(
        "portal/account.html",
        account=found,
        duty=coverage.responsible(session, found.id),
        waiting=[case for case in open_now if portal_read.needs_customer(case)],
        working=[case for case in open_now if not portal_read.needs_customer(case)],
        services=portal_read.services(session, viewer, found),
        faults=portal_read.with_fault(open_now),
        days=lines.days(shown.lines, there, opened),
        look=ways(look, shown, "portal.account", slug=found.slug),
        case_link=there.case_link,
    )


def around(found: Account, read: list[reading.Line]) -> lines.Surroundings:
    """What some lines of an account refer to, with links as the portal has them."""
    return lines.around(
        doors.session(),
        found.id,
        read,
        "customer",
        lambda number: url_for("portal_case.show", slug=found.slug, number=number),
        lambda file_id, number: url_for("files.customer", slug=found.slug, file_id=file_id),
    )


@portal.get("/<slug>/cases")
def cases(slug: str) -> ResponseReturnValue:
    """My cases, open or done."""
    found, ended = doors.account(slug), request.args.get("ended") == "1"
    listed = all_cases.list_cases(
        doors.session(), doors.viewer(), "customer", found.id, ended=ended, before=request.args.get("before")
    )
    return page("portal/cases.html", account=found, found=listed, ended=ended)


@portal.route("/<slug>/report/<any(problem, request, question):kind>", methods=["GET", "POST"])
def report(slug: str, kind: str) -> ResponseReturnValue:
    """Report a problem, request something, ask a question: asks only what helps."""
    found = doors.account(slug)
    access.require_member(doors.viewer(), found.id, *flow.SPEAKERS)
    form = Form(ReportForm, {"form_key": ids.short(ids.new_id()), "service": request.args.get("service", "")})
    return form.act(partial(_report, found, kind)) or page(
        "portal/report.html",
        form.status,
        account=found,
        form=form,
        kind=kind,
        duty=coverage.responsible(doors.session(), found.id),
        services=_services(found),
        effects=[(key, _(word), _(more)) for key, (word, more) in EFFECTS.items()],
        ways=_ways(found, kind),
    )


def _report(found: Account, kind: str, data: ReportForm) -> Response:
    told = flow.Report(
        title=data.title,
        text=data.text,
        case_type=KINDS[kind],
        service_id=data.service,
        impact=data.effect,
        customer_reference=data.reference or None,
    )
    case = flow.report(doors.session(), doors.viewer(), found, told, files=uploads(), form_key=data.form_key)
    flash(_("We have it: %(number)s. You can watch here how it goes on.", number=case.number), "ok")
    return redirect(url_for("portal_case.show", slug=found.slug, number=case.number), 303)


def _services(found: Account) -> list[tuple[str, str]]:
    mine = portal_read.services(doors.session(), doors.viewer(), found)
    named = [(str(row.id), f"{row.name} · {row.site}" if row.site else row.name) for row in mine]
    return [("", _("I don't know, or none of these")), *named]


def _ways(found: Account, kind: str) -> list[dict[str, object]]:
    words = [
        ("problem", _("Report a problem"), "flag"),
        ("request", _("Request something"), "plus"),
        ("question", _("Ask a question"), "question"),
    ]
    return [
        {
            "href": url_for("portal.report", slug=found.slug, kind=key),
            "label": label,
            "sign": sign,
            "current": key == kind,
        }
        for key, label, sign in words
    ]


def find(slug: str, number: str) -> tuple[Account, all_cases.Case]:
    """The account and the case of an address; `NotFound` where they do not belong together."""
    found = doors.account(slug)
    case = all_cases.find(doors.session(), doors.viewer(), "customer", number)
    if case.account_id != found.id:
        raise NotFound(_("There is no such case."))
    return found, case
