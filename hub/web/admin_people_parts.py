"""The cards of a person's page in the administration."""

import uuid
from typing import Any

from flask import url_for

from hub.domain import coverage, people
from hub.domain.people import Person
from hub.web import admin_read, doors
from hub.web.filters import moment
from hub.web.forms import Form
from hub.web.sheets import Act, Field, Part, link
from hub.web.state_words import MEMBER_ROLES, PERSON_KINDS, STAFF_ROLES, choices
from hub.web.words import LANGUAGE_NAMES, _


def fields_of(*, new: bool) -> list[Field]:
    """What is asked about a person; of a new one also the first ways to reach them."""
    basic = [
        Field("name", _("Name"), required=True),
        Field("language", _("Language"), "select", True, options=list(LANGUAGE_NAMES.items())),
        Field("zone", _("Time zone"), required=True, help=_("For example Europe/Berlin.")),
    ]
    if not new:
        return basic
    return [
        basic[0],
        Field("kind", _("What it is"), "select", True, options=choices(PERSON_KINDS)),
        Field("email", _("Mail address"), "email"),
        Field("phone", _("Telephone"), "tel", help=_("With the country code, like +49 30 901820.")),
        *basic[1:],
    ]


def parts_of(person: Person, login: str | None, forms: dict[str, Form[Any]]) -> list[Part]:
    """The cards of a person's page."""

    def to(verb: str) -> str:
        return url_for("admin_people.do", person_id=person.id, verb=verb)

    def part(verb: str, title: str, fields: list[Field], submit: str, **more: Any) -> Part:
        return Part(verb, title, form=forms[verb], fields=fields, action=to(verb), submit=submit, **more)

    session = doors.session()
    points = [
        [point.kind, point.value, moment(point.verified_at), _away(to("end_point"), point.id, point.value)]
        for point in people.points_of(session, person.id)
    ]
    absences = [
        [moment(row.starts_at), moment(row.ends_at), row.reason, _back(to("cancel_absence"), row.id)]
        for row in coverage.absences_of(session, person.id)
    ]
    members = [
        [
            link(url_for("admin_accounts.show", slug=row.slug), row.name),
            ", ".join(_(MEMBER_ROLES[role]) for role in row.roles),
        ]
        for row in admin_read.memberships(session, person.id)
    ]
    kinds = [("email", _("Mail")), ("phone", _("Telephone")), ("sms", _("Text message"))]
    return [
        part("change", _("Person"), fields_of(new=False), _("Save")),
        part(
            "point",
            _("How to reach them"),
            [
                Field("kind", _("Kind"), "select", True, options=kinds),
                Field("value", _("Address or number"), required=True),
            ],
            _("Add"),
            columns=(_("Kind"), _("Address or number"), _("Verified"), ""),
            rows=points,
            nothing=_("Nobody can reach them yet."),
            unfold=_("Add an address or number"),
        ),
        part(
            "password",
            _("Sign-in"),
            [
                Field("login", _("Sign-in name"), required=True, attrs={"autocomplete": "off"}),
                Field(
                    "password", _("New password"), "password", True, attrs={"autocomplete": "new-password"}
                ),
            ],
            _("Set the password"),
            nothing=_("Signs in as %(login)s.", login=login) if login else _("Cannot sign in yet."),
            unfold=_("Set a password"),
        ),
        part(
            "roles",
            _("One of us?"),
            [
                Field(
                    "roles",
                    _("Roles"),
                    "checks",
                    options=choices(STAFF_ROLES),
                    help=_("None for a customer's person."),
                )
            ],
            _("Save"),
        ),
        part(
            "absence",
            _("Away"),
            [
                Field("starts_at", _("From"), "datetime-local", True),
                Field("ends_at", _("Until"), "datetime-local", True),
                Field("reason", _("Why")),
            ],
            _("Add"),
            columns=(_("From"), _("Until"), _("Why"), ""),
            rows=absences,
            nothing=_("Not away as far as we know."),
            unfold=_("Add an absence"),
        ),
        Part("members", _("Member of"), (_("Account"), _("Roles")), members, _("Member of no account.")),
        Part("state", _("State"), nothing=_state(person), act=_switch(person, to)),
    ]


def _away(action: str, row: uuid.UUID, value: str) -> Act:
    question = _("Stop using %(value)s?", value=value)
    return Act(_("Remove"), question, _("Yes, remove it"), action, {"id": str(row)})


def _back(action: str, row: uuid.UUID) -> Act:
    return Act(
        _("Take back"),
        _("Is this person not away after all?"),
        _("Yes, take it back"),
        action,
        {"id": str(row)},
    )


def _state(person: Person) -> str:
    if person.disabled_at:
        return _("Disabled since %(time)s.", time=moment(person.disabled_at))
    return _("May sign in and is told of things.")


def _switch(person: Person, to: Any) -> Act:
    if person.disabled_at:
        question = _("Let %(name)s in again?", name=person.name)
        return Act(_("Enable"), question, _("Yes, enable"), to("enable"), kind="primary")
    question = _("%(name)s cannot sign in, gets no mail and holds no duty any more.", name=person.name)
    return Act(_("Disable"), question, _("Yes, disable"), to("disable"))
