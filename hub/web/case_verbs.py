"""Everything one can do about a case from its page, beside writing: form, verb, what is said after."""

from collections.abc import Callable, Mapping
from typing import Any

from hub.domain import cases
from hub.domain.audit import Actor
from hub.domain.cases import Case
from hub.flows import desk
from hub.web import desk_forms, doors
from hub.web.forms import Fields
from hub.web.words import _

Verb = Callable[[Case, Any], str]


def _share(case: Case, data: desk_forms.Share) -> str:
    desk.share_case(doors.session(), doors.viewer(), case, data.customer_title)
    return _("The customer sees this case now.")


def _start(case: Case, data: Fields) -> str:
    cases.start(doors.session(), _acting(case), case)
    return _("Work on it has begun.")


def _wait(case: Case, data: desk_forms.Wait) -> str:
    cases.wait(doors.session(), _acting(case), case, data.reason)
    return _("The case waits.")


def _resolve(case: Case, data: desk_forms.Solution) -> str:
    desk.resolve_case(doors.session(), doors.viewer(), case, data.solution, cancel_orders=data.cancel_orders)
    return _("The case is solved.")


def _reopen(case: Case, data: desk_forms.Reason) -> str:
    desk.reopen_case(doors.session(), doors.viewer(), case, data.reason)
    return _("The case is open again.")


def _cancel(case: Case, data: desk_forms.Ending) -> str:
    desk.cancel_case(doors.session(), doors.viewer(), case, data.reason, cancel_orders=data.cancel_orders)
    return _("The case is cancelled.")


def _confirm(case: Case, data: Fields) -> str:
    desk.confirm_case(doors.session(), doors.viewer(), case)
    return _("The case is closed.")


def _close(case: Case, data: Fields) -> str:
    cases.close(doors.session(), _acting(case), case)
    return _("The case is closed.")


def _handler(case: Case, data: desk_forms.Handler) -> str:
    desk.set_handler(doors.session(), doors.viewer(), case, data.person)
    return _("Saved.")


def _next(case: Case, data: desk_forms.Next) -> str:
    cases.set_next(doors.session(), _acting(case), case, data.next_step, data.next_update_by)
    return _("Saved.")


def _priority(case: Case, data: desk_forms.Prioritise) -> str:
    session, actor = doors.session(), _acting(case)
    cases.prioritise(
        session, actor, case, data.impact, data.urgency, priority=data.priority or None, reason=data.reason
    )
    return _("Saved.")


def _reference(case: Case, data: desk_forms.Reference) -> str:
    cases.set_reference(doors.session(), _acting(case), case, data.reference)
    return _("Saved.")


def _target(case: Case, data: desk_forms.Target) -> str:
    cases.set_target(doors.session(), _acting(case), case, data.target_at)
    return _("Saved.")


def _describe(case: Case, data: desk_forms.Titles) -> str:
    session, actor = doors.session(), _acting(case)
    title = data.customer_title or None
    cases.change(session, actor, case, title=data.title, customer_title=title, category=data.category)
    if data.service != case.service_id:
        cases.set_place(session, actor, case, data.service, None)
    return _("Saved.")


def _acting(case: Case) -> Actor:
    return desk.acting(doors.session(), doors.viewer(), case.account_id)


VERBS: Mapping[str, tuple[type[Fields], Verb]] = {
    "share": (desk_forms.Share, _share),
    "start": (Fields, _start),
    "wait": (desk_forms.Wait, _wait),
    "resolve": (desk_forms.Solution, _resolve),
    "reopen": (desk_forms.Reason, _reopen),
    "cancel": (desk_forms.Ending, _cancel),
    "confirm": (Fields, _confirm),
    "close": (Fields, _close),
    "handler": (desk_forms.Handler, _handler),
    "next": (desk_forms.Next, _next),
    "priority": (desk_forms.Prioritise, _priority),
    "reference": (desk_forms.Reference, _reference),
    "target": (desk_forms.Target, _target),
    "describe": (desk_forms.Titles, _describe),
}
"""By the word in the address."""
