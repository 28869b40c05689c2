"""The cards of an account's page in the administration."""

import uuid
from collections.abc import Mapping
from typing import Any

from flask import url_for
from flask.typing import ResponseReturnValue
from markupsafe import Markup

from hub.base.text import N_
from hub.domain import accounts, coverage
from hub.domain.accounts import Account, Membership, Service
from hub.web import admin_read, doors
from hub.web.admin_account_fields import (
    fields_of,
    member_fields,
    parent_fields,
    reach_fields,
    service_fields,
    site_fields,
    some,
)
from hub.web.filters import moment
from hub.web.forms import Fields, Form
from hub.web.pages import page
from hub.web.sheets import Act, Field, Part, link, untold
from hub.web.state_words import DUTIES, MEMBER_ROLES, choices
from hub.web.words import LANGUAGE_NAMES, _

_WEEK = (
    N_("Monday"),
    N_("Tuesday"),
    N_("Wednesday"),
    N_("Thursday"),
    N_("Friday"),
    N_("Saturday"),
    N_("Sunday"),
)


def starts(account: Account) -> dict[str, dict[str, Any]]:
    """What the forms of an account begin with, by the verb of each."""
    parent = admin_read.parent_of(doors.session(), account)
    return {
        "change": {field.name: getattr(account, field.name) for field in fields_of(new=False)},
        "site": {"zone": account.zone},
        "assign": {"zone": account.zone, "role": "named"},
        "move": {"parent": parent.slug if parent else ""},
    }


def page_of(
    account: Account, verbs: Mapping[str, tuple[type[Fields], Any]], tried: Mapping[str, Form[Any]]
) -> ResponseReturnValue:
    """The page of an account with its forms as they stand."""
    start = starts(account)
    forms = {verb: Form(model, start.get(verb), take=False) for verb, (model, _act) in verbs.items()}
    forms |= dict(tried)
    parts = Parts(account, forms).all()
    return page(
        "admin/sheet.html",
        max(form.status for form in forms.values()),
        here="accounts",
        title=account.name,
        trail=[(url_for("admin_accounts.listing"), _("Accounts")), (None, account.name)],
        chips=[
            *([(_("closed"), "warn")] if account.closed_at else []),
            *([(_("restricted"), "staff")] if account.restricted else []),
        ],
        add_href=url_for("desk.account", slug=account.slug),
        add_word=_("To its timeline"),
        add_sign="arrow",
        notices=untold(tried, parts),
        parts=parts,
    )


class Parts:
    """The cards of one account."""

    def __init__(self, account: Account, forms: Mapping[str, Form[Any]]) -> None:
        self.account, self.forms = account, forms
        self.session = doors.session()
        self.sites = accounts.sites_of(self.session, account.id)
        self.services = accounts.services_of(self.session, account.id)
        self.persons = [("", _("Please choose")), *admin_read.person_choices(self.session)]

    def all(self) -> list[Part]:
        """In the order in which a new account needs them."""
        return [
            self._assignments(),
            self._sites(),
            self._services(),
            self._identifiers(),
            self._members(),
            self._own_data(),
            self._parent(),
            Part("close", _("The customer left"), nothing=self._state(), act=self._close()),
        ]

    def _own_data(self) -> Part:
        known = (self.account.prefix, LANGUAGE_NAMES[self.account.language], self.account.zone)
        return self._form(
            "change",
            _("The account's own data"),
            fields_of(new=False),
            _("Save"),
            nothing=" \u00b7 ".join(known),
            unfold=_("Change"),
        )

    def _parent(self) -> Part:
        if self.account.parent_id in doors.viewer().hidden:
            return Part("move", _("Parent account"), nothing=_("An account that you may not see."))
        parent = admin_read.parent_of(self.session, self.account)
        known = f"{parent.name} ({parent.slug})" if parent else _("None: it stands for itself.")
        return self._form(
            "move", _("Parent account"), parent_fields(), _("Save"), nothing=known, unfold=_("Change")
        )

    def _to(self, verb: str) -> str:
        return url_for("admin_accounts.do", slug=self.account.slug, verb=verb)

    def _form(self, verb: str, title: str, fields: list[Field], submit: str, **more: Any) -> Part:
        return Part(
            verb, title, form=self.forms[verb], fields=fields, action=self._to(verb), submit=submit, **more
        )

    def _act(self, verb: str, ask: str, question: str, yes: str, row: uuid.UUID) -> Act:
        return Act(ask, question, yes, self._to(verb), {"id": str(row)})

    def _assignments(self) -> Part:
        duties = dict(choices(DUTIES))
        rows = [
            [
                found.person.name,
                duties[found.assignment.role],
                hours_words(found.assignment.hours),
                found.assignment.reach_name,
                moment(found.assignment.valid_from),
                self._act(
                    "end_assignment",
                    _("End"),
                    _("End this from now on?"),
                    _("Yes, end it"),
                    found.assignment.id,
                ),
            ]
            for found in coverage.assignments_of(self.session, self.account.id)
        ]
        columns = (_("Person"), _("As"), _("Hours"), _("Customers see"), _("From"), "")
        return self._form(
            "assign",
            _("Who is responsible"),
            self._assign_fields(),
            _("Assign"),
            columns=columns,
            rows=rows,
            nothing=_("Nobody yet: whoever answers in the end is responsible."),
            unfold=_("Assign someone"),
        )

    def _assign_fields(self) -> list[Field]:
        kinds = [pair for pair in choices(DUTIES) if pair[0] in ("named", "deputy", "escalation")]
        days = [(str(number), _(day)) for number, day in enumerate(_WEEK)]
        return [
            Field("role", _("As"), "select", True, options=kinds),
            Field("person", _("Person"), "select", True, options=self.persons),
            *reach_fields(required=True),
            Field("days", _("On these days"), "checks", options=days, help=_("None: day and night.")),
            Field("begins", _("From"), "time"),
            Field("ends", _("Until"), help=_("Like 17:30; 24:00 is midnight.")),
            Field("zone", _("Time zone"), required=True),
            Field("level", _("Level of the escalation"), "number", attrs={"min": 0}),
            Field("position", _("Place in the order"), "number", attrs={"min": 0}),
            Field("valid_from", _("Begins"), "datetime-local", help=_("Empty: now.")),
            Field("valid_until", _("Ends"), "datetime-local", help=_("Empty: until further notice.")),
        ]

    def _sites(self) -> Part:
        rows = [
            [
                link(url_for("admin_account_rows.site", slug=self.account.slug, site_id=site.id), site.name),
                site.address,
                site.zone,
                self._act("close_site", _("Close"), _("Close this site?"), _("Yes, close it"), site.id),
            ]
            for site in self.sites
        ]
        return self._form(
            "site",
            _("Sites"),
            site_fields(),
            _("Add"),
            columns=(_("Site"), _("Address"), _("Zone"), ""),
            rows=rows,
            nothing=_("No site yet."),
            unfold=_("Add a site"),
        )

    def _services(self) -> Part:
        places = {site.id: site.name for site in self.sites}
        names = {service.id: service.name for service in self.services}
        question = _("End this service? Signals no longer find it.")
        rows = [
            [
                self._service_link(service),
                service.kind,
                places.get(service.site_id, "") if service.site_id else "",
                names.get(service.partner_id, "") if service.partner_id else "",
                self._act("close_service", _("End"), question, _("Yes, end it"), service.id),
            ]
            for service in self.services
        ]
        return self._form(
            "service",
            _("Services"),
            service_fields(self.sites, self.services),
            _("Add"),
            columns=(_("Service"), _("Kind"), _("Site"), _("Redundant with"), ""),
            rows=rows,
            nothing=_("No service yet."),
            unfold=_("Add a service"),
        )

    def _service_link(self, service: Service) -> Markup:
        where = url_for("admin_account_rows.service", slug=self.account.slug, service_id=service.id)
        return link(where, service.name)

    def _member_link(self, member: Membership) -> Markup:
        where = url_for("admin_account_rows.member", slug=self.account.slug, member_id=member.id)
        return link(where, _("Change"))

    def _identifiers(self) -> Part:
        names = {service.id: service.name for service in self.services}
        rows = [
            [
                row.value,
                row.kind,
                names.get(row.service_id, ""),
                _("customers see it") if row.audience == "customer" else _("staff only"),
                self._act("end_identifier", _("End"), _("Forget it?"), _("Yes, forget it"), row.id),
            ]
            for row in accounts.identifiers_of(self.session, self.account.id)
        ]
        fields = [
            Field("service", _("Service"), "select", True, options=some(names)),
            Field(
                "kind",
                _("Kind"),
                required=True,
                help=_("As the sender writes it: circuit, host, instance …"),
            ),
            Field("value", _("Identifier"), required=True),
            Field(
                "audience",
                _("Who sees it"),
                "select",
                True,
                options=[("staff", _("staff only")), ("customer", _("customers see it"))],
            ),
        ]
        return self._form(
            "identifier",
            _("Identifiers of its services"),
            fields,
            _("Add"),
            columns=(_("Identifier"), _("Kind"), _("Service"), _("Who sees it"), ""),
            rows=rows,
            nothing=_("None yet: no signal finds this account."),
            unfold=_("Add an identifier"),
            about=_("By these, exactly as the sender writes them, signals find the service."),
        )

    def _members(self) -> Part:
        roles = dict(choices(MEMBER_ROLES))
        rows = [
            [
                link(url_for("admin_people.show", person_id=person.id), person.name),
                ", ".join(roles[role] for role in member.roles),
                _("some sites or services") if member.limits else _("everything"),
                self._member_link(member),
                self._act(
                    "end_member", _("End"), _("Let this person in no more?"), _("Yes, end it"), member.id
                ),
            ]
            for member, person in accounts.members_of(self.session, self.account.id)
        ]
        fields = [
            Field("person", _("Person"), "select", True, options=self.persons),
            *member_fields(self.sites, self.services),
        ]
        return self._form(
            "member",
            _("People of the customer"),
            fields,
            _("Let in"),
            columns=(_("Person"), _("Roles"), _("Sees"), "", ""),
            rows=rows,
            nothing=_("Nobody of the customer comes in yet."),
            unfold=_("Let someone in"),
        )

    def _state(self) -> str:
        if self.account.closed_at:
            return _("Closed since %(time)s.", time=moment(self.account.closed_at))
        return _("Signals no longer match and nobody of theirs comes in; all that happened stays.")

    def _close(self) -> Act | None:
        if self.account.closed_at:
            return None
        question = _("Close %(name)s?", name=self.account.name)
        return Act(_("Close the account"), question, _("Yes, close it"), self._to("close"))


def hours_words(hours: list[Any]) -> str:
    """Weekly hours in words."""
    if not hours:
        return _("day and night")
    return "; ".join(
        f"{', '.join(_(_WEEK[day])[:2] for day in rule['days'])} {rule['from']}\u2013{rule['until']}"
        for rule in hours
    )
