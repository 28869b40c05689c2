"""The composer of the desk: one of four things to write, its audience never in doubt."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from flask import flash, redirect, request, url_for
from werkzeug.wrappers import Response

from hub.base import clock, ids
from hub.base.errors import Conflict, Invalid
from hub.domain import cases, teams
from hub.domain.accounts import Account
from hub.domain.cases import Case
from hub.flows import desk
from hub.web import doors
from hub.web.desk_forms import Answer, Call, Note, Order
from hub.web.desk_read import open_teams, who_is_told
from hub.web.filters import local_input
from hub.web.forms import Fields, Form
from hub.web.look import position_of
from hub.web.uploads import uploads
from hub.web.words import _

KINDS: Mapping[str, type[Fields]] = {"answer": Answer, "note": Note, "order": Order, "call": Call}
_USUAL_NEXT = timedelta(hours=1)
_QUARTER = 15 * 60
_FEW = 4


@dataclass(frozen=True, slots=True)
class Writing:
    """A composer as the page shows it; `fixed` is the case of a case's own page."""

    kind: str
    form: Form[Any]
    action: str
    tabs: list[dict[str, Any]]
    cases: list[tuple[str, str]]
    teams: list[tuple[str, str]] = field(default_factory=list)
    fixed: Case | None = None
    to: str = ""
    draft: str = ""


def blank(account: Account, case: Case | None = None) -> Writing:
    """The composer that the address asks for; answering the customer comes first.

    A line to publish from (`?publish=<seq>`) gives the answer its text, to be put into the customer's words.
    """
    if source := _source(case):
        return _writing(account, case, "answer", take=False, **source)
    usual = "answer" if case is None or case.is_open else "note"
    kind = request.args.get("compose", usual)
    return _writing(account, case, kind if kind in KINDS else usual, take=False)


def _source(case: Case | None) -> dict[str, Any]:
    """The line that the address wants published on this case, and what it says."""
    seq = position_of(request.args.get("publish"))
    words = None if case is None or seq is None else cases.words_of(doors.session(), case, seq)
    return {} if words is None else {"source": seq, "body": words}


def posted(account: Account, kind: str, case: Case | None = None) -> Writing:
    """The composer as it was sent."""
    return _writing(account, case, kind, take=True)


def _writing(account: Account, case: Case | None, kind: str, *, take: bool, **known: Any) -> Writing:
    start = {"next_update_by": local_input(_soon()), "form_key": ids.short(ids.new_id()), **known}
    if case is not None and case.next_step:
        start["next_step"] = case.next_step
    form = Form(KINDS[kind], start, take=take)
    return Writing(
        kind=kind,
        form=form,
        action=_address(account, case, kind),
        tabs=_tabs(account, case, kind),
        cases=[] if case else _cases(account, kind),
        teams=open_teams(doors.session()) if kind == "order" else [],
        fixed=case,
        to=_readers(account, case) if kind == "answer" else "",
        # What is made from a line must not be covered by a draft of something else.
        draft=f"desk:{case.number if case else account.slug}:{kind}{form.values.get('source') or ''}",
    )


def _readers(account: Account, case: Case | None) -> str:
    """Who is told of an answer; on the account's page for each case that may be chosen."""
    session = doors.session()
    if case is not None and not case.is_shared:
        return _("Once it is shared, everybody there who may see it is told.")
    if case is not None:
        return _to(who_is_told(session, account.id, [case])[0])
    found = [one for one in cases.open_cases(session, doors.viewer(), "staff", account.id) if one.is_open]
    shared = [one for one in found if one.is_shared]
    names = who_is_told(session, account.id, shared[:_FEW])
    told = [(one.number, _to(them)) for one, them in zip(shared, names, strict=False)]
    more = " \u2026" if len(shared) > _FEW else ""
    if not more and len({names for _number, names in told}) == 1:
        return told[0][1]
    return "; ".join(f"{number}: {names}" for number, names in told) + more


def _to(names: list[str]) -> str:
    return ", ".join(names) or _("nobody gets a mail; it stands on the portal")


def _soon() -> Any:
    """An hour from now, on the quarter."""
    at = clock.now() + _USUAL_NEXT
    return at + timedelta(seconds=-at.timestamp() % _QUARTER)


def _address(account: Account, case: Case | None, kind: str) -> str:
    if case is None:
        return url_for("desk.write", slug=account.slug, kind=kind)
    return url_for("desk_case.write", slug=account.slug, number=case.number, kind=kind)


def _page(account: Account, case: Case | None, **query: Any) -> str:
    if case is None:
        return url_for("desk.account", slug=account.slug, **query)
    return url_for("desk_case.show", slug=account.slug, number=case.number, **query)


def _tabs(account: Account, case: Case | None, kind: str) -> list[dict[str, Any]]:
    words = [
        ("answer", _("Answer customer"), "eye"),
        ("note", _("Staff note"), "lock"),
        ("order", _("Work order"), "wrench"),
        ("call", _("Log a call"), "phone"),
    ]
    return [
        {
            "href": _page(account, case, compose=key) + "#composer",
            "label": label,
            "sign": sign,
            "current": key == kind,
        }
        for key, label, sign in words
    ]


def _cases(account: Account, kind: str) -> list[tuple[str, str]]:
    """The cases that it may be about. A note may also be about the account as a whole, which comes first;
    of several cases none is chosen by itself: nobody shall write to one that they did not mean."""
    found = [
        (case.number, f"{case.number} {case.title}")
        for case in cases.open_cases(doors.session(), doors.viewer(), "staff", account.id)
        if kind != "answer" or (case.is_shared and case.is_open)
    ]
    if kind == "note":
        return [("", _("The account as a whole")), *found]
    return [("", _("Please choose")), *found] if len(found) > 1 else found


def act(writing: Writing, account: Account) -> Response | None:
    """Write it, and go back to the page; None when something is to be mended first."""
    verbs: Mapping[str, Callable[[Case, Any], str]] = {
        "answer": _answer,
        "note": _note,
        "order": _order,
        "call": _call,
    }

    def verb(data: Any) -> Response:
        if writing.kind == "note" and not writing.fixed and not data.case:
            flash(_note_account(account, data), "ok")
            return redirect(_page(account, None), 303)
        case = writing.fixed or _chosen(account, data.case)
        flash(verbs[writing.kind](case, data), "ok")
        return redirect(_page(account, writing.fixed), 303)

    return writing.form.act(verb)


def _chosen(account: Account, number: str) -> Case:
    if not number:
        raise Invalid.field("case", _("Please choose the case that this belongs to."))
    found = cases.find(doors.session(), doors.viewer(), "staff", number)
    if found.account_id != account.id:
        raise Invalid.field("case", _("Please choose a case of this account."))
    return found


def _answer(case: Case, data: Answer) -> str:
    if not case.is_open:
        raise Conflict(_("This case is solved or has ended. Take it up again before you answer."))
    desk.publish_to_customer(
        doors.session(),
        doors.viewer(),
        case,
        data.body,
        next_step=data.next_step,
        next_update_by=data.next_update_by,
        customer_title=data.customer_title or None,
        source_seq=data.source,
        asks=data.asks,
        files=uploads(),
        form_key=data.form_key,
    )
    return _("Sent to the customer.")


def _note(case: Case, data: Note) -> str:
    desk.note(doors.session(), doors.viewer(), case, data.body, files=uploads(), form_key=data.form_key)
    return _("Saved for staff only.")


def _note_account(account: Account, data: Note) -> str:
    session, viewer = doors.session(), doors.viewer()
    desk.note_account(session, viewer, account, data.body, files=uploads(), form_key=data.form_key)
    return _("Saved for staff only.")


def _call(case: Case, data: Call) -> str:
    session, viewer = doors.session(), doors.viewer()
    desk.log_call(
        session, viewer, case, data.other, data.body, direction=data.direction, form_key=data.form_key
    )
    return _("The call is logged.")


def _order(case: Case, data: Order) -> str:
    team = teams.find(doors.session(), data.team)
    order = desk.place_order(
        doors.session(),
        doors.viewer(),
        case,
        team,
        data.title,
        data.body,
        data.due_at,
        form_key=data.form_key,
    )
    return _("%(order)s is placed with %(team)s.", order=order.number, team=team.name)
