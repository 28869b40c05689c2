"""The cards of a person's page in the administration."""

import uuid
from collections.abc import Callable, Mapping
from typing import Any

from flask import url_for

from hub.domain import coverage, people
from hub.domain.people import ContactPoint, Person
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


class Parts:
    """The cards of one person."""

    def __init__(self, person: Person, login: str | None, forms: Mapping[str, Form[Any]]) -> None:
        self.person, self.login, self.forms, self.session = person, login, forms, doors.session()

    def all(self) -> list[Part]:
        """In the order in which a new person needs them."""
        state = Part("state", _("State"), nothing=_state(self.person), act=_switch(self.person, self._to))
        about = self._form("change", _("Person"), fields_of(new=False), _("Save"))
        return [about, self._points(), self._password(), self._roles(), self._away(), self._members(), state]

    def _to(self, verb: str) -> str:
        return url_for("admin_people.do", person_id=self.person.id, verb=verb)

    def _form(self, verb: str, title: str, fields: list[Field], submit: str, **more: Any) -> Part:
        return Part(
            verb, title, form=self.forms[verb], fields=fields, action=self._to(verb), submit=submit, **more
        )

    def _points(self) -> Part:
        kinds = {"email": _("Mail"), "phone": _("Telephone"), "sms": _("Text message")}
        rows = [
            [kinds[point.kind], point.value, _verified(self._to, point), _remove(self._to, point)]
            for point in people.points_of(self.session, self.person.id)
        ]
        return self._form(
            "point",
            _("How to reach them"),
            [
                Field("kind", _("Kind"), "select", True, options=list(kinds.items())),
                Field("value", _("Address or number"), required=True),
            ],
            _("Add"),
            columns=(_("Kind"), _("Address or number"), _("Verified"), ""),
            rows=rows,
            nothing=_("Nobody can reach them yet."),
            unfold=_("Add an address or number"),
        )

    def _password(self) -> Part:
        login, new = {"autocomplete": "off"}, {"autocomplete": "new-password"}
        fields = [
            Field("login", _("Sign-in name"), required=True, attrs=login),
            Field("password", _("New password"), "password", True, attrs=new),
        ]
        known = _("Signs in as %(login)s.", login=self.login) if self.login else _("Cannot sign in yet.")
        submit, unfold = _("Set the password"), _("Set a password")
        return self._form("password", _("Sign-in"), fields, submit, nothing=known, unfold=unfold)

    def _roles(self) -> Part:
        none = _("None for a customer's person.")
        fields = [Field("roles", _("Roles"), "checks", options=choices(STAFF_ROLES), help=none)]
        return self._form("roles", _("One of us?"), fields, _("Save"))

    def _away(self) -> Part:
        rows = [
            [
                moment(row.starts_at),
                moment(row.ends_at),
                row.reason,
                _back(self._to("cancel_absence"), row.id),
            ]
            for row in coverage.absences_of(self.session, self.person.id)
        ]
        fields = [
            Field("starts_at", _("From"), "datetime-local", True),
            Field("ends_at", _("Until"), "datetime-local", True),
            Field("reason", _("Why")),
        ]
        return self._form(
            "absence",
            _("Away"),
            fields,
            _("Add"),
            columns=(_("From"), _("Until"), _("Why"), ""),
            rows=rows,
            nothing=_("Not away as far as we know."),
            unfold=_("Add an absence"),
        )

    def _members(self) -> Part:
        roles = dict(choices(MEMBER_ROLES))
        rows = [
            [
                link(url_for("admin_accounts.show", slug=row.slug), row.name),
                ", ".join(roles[role] for role in row.roles),
            ]
            for row in admin_read.memberships(self.session, doors.viewer().hidden, self.person.id)
        ]
        nothing = _("Member of no account.")
        return Part("members", _("Member of"), (_("Account"), _("Roles")), rows, nothing)


def _verified(to: Callable[[str], str], point: ContactPoint) -> str | Act:
    """Since when it is known to be theirs. Until then customers get no mail there; we can vouch for it."""
    if point.verified_at is not None:
        return moment(point.verified_at)
    return Act(
        _("Not yet: vouch for it"),
        _("Do you know that %(value)s is theirs? They are told of their cases there.", value=point.value),
        _("Yes, it is theirs"),
        to("verify_point"),
        {"id": str(point.id)},
        kind="primary",
    )


def _remove(to: Callable[[str], str], point: ContactPoint) -> Act:
    question = _("Stop using %(value)s?", value=point.value)
    return Act(_("Remove"), question, _("Yes, remove it"), to("end_point"), {"id": str(point.id)})


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


def _switch(person: Person, to: Callable[[str], str]) -> Act:
    if person.disabled_at:
        question = _("Let %(name)s in again?", name=person.name)
        return Act(_("Enable"), question, _("Yes, enable"), to("enable"), kind="primary")
    question = _("%(name)s cannot sign in, gets no mail and holds no duty any more.", name=person.name)
    return Act(_("Disable"), question, _("Yes, disable"), to("disable"))
