"""People in the administration: who they are, how to reach them, how they sign in, when they are away."""

import uuid
from typing import Any

from flask import Blueprint, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from hub.base.errors import NotFound
from hub.base.text import one_line
from hub.domain import coverage, people
from hub.domain.people import Absence, ContactPoint, Person, StaffRole
from hub.flows import staffing
from hub.web import admin_forms, admin_read, doors
from hub.web.admin import enter
from hub.web.admin_people_parts import Parts, fields_of
from hub.web.forms import Fields, Form
from hub.web.pages import page
from hub.web.sheets import Part, link, untold
from hub.web.state_words import PERSON_KINDS, choices
from hub.web.words import _

admin_people = Blueprint("admin_people", __name__, url_prefix="/admin/people")
admin_people.before_request(enter)


@admin_people.get("")
def listing() -> ResponseReturnValue:
    """Everyone, by name."""
    words = one_line(request.args.get("q", ""), 100)
    kinds = dict(choices(PERSON_KINDS))
    rows = [
        [
            link(url_for("admin_people.show", person_id=row.id), row.name),
            row.mail or "",
            _("one of us") if row.staff_roles else kinds.get(row.kind, row.kind),
            _("disabled") if row.disabled_at else "",
        ]
        for row in admin_read.persons(doors.session(), words)
    ]
    columns = (_("Name"), _("Mail"), _("What they are"), _("State"))
    return page(
        "admin/sheet.html",
        here="people",
        title=_("People"),
        search={
            "action": url_for("admin_people.listing"),
            "label": _("Find by name or address"),
            "value": words,
        },
        add_href=url_for("admin_people.new"),
        add_word=_("Add a person"),
        parts=[Part("people", _("People"), columns, rows, _("Nobody fits."))],
    )


@admin_people.route("/new", methods=["GET", "POST"])
def new() -> ResponseReturnValue:
    """Add a human or a function."""
    form = Form(admin_forms.PersonForm, {"language": doors.viewer().language, "zone": doors.viewer().zone})
    action = url_for("admin_people.new")
    part = Part(
        "person", _("Who is it?"), form=form, fields=fields_of(new=True), action=action, submit=_("Add")
    )
    trail = [(url_for("admin_people.listing"), _("People")), (None, _("Add a person"))]
    return form.act(_add) or page(
        "admin/sheet.html", form.status, here="people", title=_("Add a person"), trail=trail, parts=[part]
    )


def _add(data: admin_forms.PersonForm) -> Response:
    person = people.add_person(
        doors.session(),
        doors.actor(),
        data.name,
        kind=data.kind,
        language=data.language,
        zone=data.zone,
        emails=[data.email] if data.email else [],
        phones=[data.phone] if data.phone else [],
    )
    flash(_("%(name)s was added.", name=person.name), "ok")
    return redirect(url_for("admin_people.show", person_id=person.id), 303)


def _change(person: Person, data: admin_forms.PersonForm) -> None:
    session, actor = doors.session(), doors.actor()
    people.change_person(session, actor, person, name=data.name, language=data.language, zone=data.zone)


def _point(person: Person, data: admin_forms.PointForm) -> None:
    people.add_point(doors.session(), doors.actor(), person.id, data.kind, data.value)


def _end_point(person: Person, data: admin_forms.RowForm) -> None:
    people.end_point(doors.session(), doors.actor(), _point_of(person, data.id))


def _point_of(person: Person, point_id: uuid.UUID) -> ContactPoint:
    """A point of this very person; anything else does not exist here."""
    point = doors.session().get(ContactPoint, point_id)
    if point is None or point.person_id != person.id:
        raise NotFound(_("There is nothing here."))
    return point


def _verify_point(person: Person, data: admin_forms.RowForm) -> None:
    people.verify(doors.session(), doors.actor(), _point_of(person, data.id))


def _password(person: Person, data: admin_forms.PasswordForm) -> None:
    people.set_password(doors.session(), doors.actor(), person, data.login, data.password)


def _roles(person: Person, data: admin_forms.RolesForm) -> None:
    wanted = [role for role in StaffRole if role in data.roles]
    staffing.change_roles(doors.session(), doors.actor(), person, wanted)


def _absence(person: Person, data: admin_forms.AbsenceForm) -> None:
    coverage.add_absence(doors.session(), doors.actor(), person.id, data.starts_at, data.ends_at, data.reason)


def _cancel_absence(person: Person, data: admin_forms.RowForm) -> None:
    absence = doors.session().get(Absence, data.id)
    if absence is None or absence.person_id != person.id:
        raise NotFound(_("There is nothing here."))
    coverage.cancel_absence(doors.session(), doors.actor(), absence)


def _disable(person: Person, data: Fields) -> None:
    staffing.disable(doors.session(), doors.actor(), person)


def _enable(person: Person, data: Fields) -> None:
    coverage.enable(doors.session(), doors.actor(), person)


VERBS: dict[str, tuple[type[Fields], Any]] = {
    "change": (admin_forms.PersonForm, _change),
    "point": (admin_forms.PointForm, _point),
    "verify_point": (admin_forms.RowForm, _verify_point),
    "end_point": (admin_forms.RowForm, _end_point),
    "password": (admin_forms.PasswordForm, _password),
    "roles": (admin_forms.RolesForm, _roles),
    "absence": (admin_forms.AbsenceForm, _absence),
    "cancel_absence": (admin_forms.RowForm, _cancel_absence),
    "disable": (Fields, _disable),
    "enable": (Fields, _enable),
}
"""What an administrator does to a person, by the word in the address."""


@admin_people.get("/<uuid:person_id>")
def show(person_id: uuid.UUID) -> ResponseReturnValue:
    """One person."""
    return _page(people.get_person(doors.session(), person_id), {})


@admin_people.post(f"/<uuid:person_id>/<any({', '.join(VERBS)}):verb>")
def do(person_id: uuid.UUID, verb: str) -> ResponseReturnValue:
    """One change of a person."""
    person = people.get_person(doors.session(), person_id)
    model, act = VERBS[verb]
    form: Form[Any] = Form(model, _starts(person).get(verb))

    def done(data: Any) -> Response:
        act(person, data)
        flash(_("Saved."), "ok")
        return redirect(url_for("admin_people.show", person_id=person.id), 303)

    return form.act(done) or _page(person, {verb: form})


def _starts(person: Person) -> dict[str, dict[str, Any]]:
    """What the forms of a person begin with, by the verb of each."""
    login = people.login_of(doors.session(), person)
    return {
        "change": {"name": person.name, "language": person.language, "zone": person.zone},
        "password": {"login": login or next(iter(people.addresses_of(doors.session(), person.id)), "")},
        "roles": {"roles": list(people.roles_of(doors.session(), person.id))},
    }


def _page(person: Person, tried: dict[str, Form[Any]]) -> ResponseReturnValue:
    login, start = people.login_of(doors.session(), person), _starts(person)
    forms = {verb: Form(model, start.get(verb), take=False) for verb, (model, _act) in VERBS.items()}
    forms |= tried
    parts = Parts(person, login, forms).all()
    return page(
        "admin/sheet.html",
        max(form.status for form in forms.values()),
        here="people",
        title=person.name,
        trail=[(url_for("admin_people.listing"), _("People")), (None, person.name)],
        chips=[(_("disabled"), "warn")] if person.disabled_at else [],
        notices=untold(tried, parts),
        parts=parts,
    )
