"""A case as its customer follows it: the story, an answer, a word on the solution."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from flask import Blueprint, flash, redirect, url_for
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from hub.base import ids
from hub.domain import access, cases, coverage, people, reading
from hub.domain.accounts import Account, Service
from hub.domain.cases import Case
from hub.flows import portal as flow
from hub.web import doors, lines, measure, portal_read
from hub.web.forms import Fields, Form
from hub.web.look import Look, ways
from hub.web.pages import page
from hub.web.portal import around, find
from hub.web.portal_forms import AnswerForm, ColleagueForm, ReferenceForm, ReopenForm
from hub.web.uploads import uploads
from hub.web.words import _

portal_case = Blueprint("portal_case", __name__, url_prefix="/portal")
portal_case.before_request(partial(doors.enter, "customer"))
portal_case.before_request(measure.form)


@portal_case.get("/<slug>/case/<number>")
def show(slug: str, number: str) -> ResponseReturnValue:
    """The case's page."""
    account, case = find(slug, number)
    return _page(account, case, {})


def _answer(case: Case, data: AnswerForm) -> tuple[Case, str]:
    now = flow.answer(
        doors.session(), doors.viewer(), case, data.text, files=uploads(), form_key=data.form_key
    )
    if now.number != case.number:
        return now, _("%(old)s was closed; %(new)s goes on from it.", old=case.number, new=now.number)
    return now, _("Sent. You stay informed here and by mail.")


def _confirm(case: Case, data: Fields) -> tuple[Case, str]:
    flow.confirm(doors.session(), doors.viewer(), case)
    return case, _("Thank you. The case is closed.")


def _reopen(case: Case, data: ReopenForm) -> tuple[Case, str]:
    flow.reopen(doors.session(), doors.viewer(), case, data.reason)
    return case, _("We go on with it.")


def _reference(case: Case, data: ReferenceForm) -> tuple[Case, str]:
    access.require_member(doors.viewer(), case.account_id, *flow.SPEAKERS)
    cases.set_reference(doors.session(), doors.actor(), case, data.reference)
    return case, _("Saved.")


def _watch(case: Case, data: Fields) -> tuple[Case, str]:
    flow.watch(doors.session(), doors.viewer(), case)
    return case, _("You follow this case: its news reach you by mail too.")


def _unwatch(case: Case, data: Fields) -> tuple[Case, str]:
    flow.watch(doors.session(), doors.viewer(), case, watches=False)
    return case, _("You no longer follow this case.")


def _let_follow(case: Case, data: ColleagueForm) -> tuple[Case, str]:
    flow.watch(doors.session(), doors.viewer(), case, data.person)
    name = people.get_person(doors.session(), data.person).name
    return case, _("%(name)s follows this case now.", name=name)


def _end_follow(case: Case, data: ColleagueForm) -> tuple[Case, str]:
    flow.watch(doors.session(), doors.viewer(), case, data.person, watches=False)
    return case, _("They no longer follow this case.")


Verb = Callable[[Case, Any], tuple[Case, str]]
VERBS: Mapping[str, tuple[type[Fields], Verb]] = {
    "answer": (AnswerForm, _answer),
    "confirm": (Fields, _confirm),
    "reopen": (ReopenForm, _reopen),
    "reference": (ReferenceForm, _reference),
    "watch": (Fields, _watch),
    "unwatch": (Fields, _unwatch),
    "let_follow": (ColleagueForm, _let_follow),
    "end_follow": (ColleagueForm, _end_follow),
}
"""What a customer can do about a case, by the word in the address."""


@portal_case.post(f"/<slug>/case/<number>/<any({', '.join(VERBS)}):verb>")
def act(slug: str, number: str, verb: str) -> ResponseReturnValue:
    """Answer, confirm, reopen, follow or let follow, or say one's own number for it."""
    account, case = find(slug, number)
    model, do = VERBS[verb]
    form: Form[Any] = Form(model)

    def done(data: Any) -> Response:
        now, words = do(case, data)
        flash(words, "ok")
        return redirect(url_for("portal_case.show", slug=slug, number=now.number), 303)

    return form.act(done) or _page(account, case, {verb: form})


def _page(account: Account, case: Case, tried: Mapping[str, Form[Any]]) -> ResponseReturnValue:
    session = doors.session()
    look = Look.of_request("customer", portal_read.seen_cases(session, doors.viewer(), account, case))
    shown = reading.page(session, account.id, look.view(case.id))
    there = replace(around(account, shown.lines), own=case.number)
    service = session.get(Service, (account.id, case.service_id)) if case.service_id else None
    start = {"reference": case.customer_reference, "form_key": ids.short(ids.new_id())}
    forms = {verb: Form(model, start, take=False) for verb, (model, _do) in VERBS.items()} | dict(tried)
    return page(
        "portal/case.html",
        max(form.status for form in forms.values()),
        account=account,
        case=case,
        service=service.name if service else "",
        duty=coverage.responsible(session, account.id),
        forms=forms,
        posted=list(tried.values()),
        days=lines.days(shown.lines, there),
        look=ways(look, shown, "portal_case.show", slug=account.slug, number=case.number),
        case_link=there.case_link,
        follows=_follows(case),
        colleagues=portal_read.colleagues(session, doors.viewer(), case),
    )


def _follows(case: Case) -> bool | None:
    """Whether the reader follows the case; None for their own, which they follow in any case."""
    me = doors.viewer().person_id
    return None if me == case.requester_id else me in cases.watchers_of(doors.session(), case)
