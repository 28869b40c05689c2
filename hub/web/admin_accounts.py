"""Accounts in the administration: places, services and their names, people, who is responsible."""

import uuid
from typing import Any

from flask import Blueprint, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from hub.base import clock
from hub.base.errors import Invalid, NotFound
from hub.base.text import one_line
from hub.domain import accounts, coverage, people
from hub.domain.accounts import Account, Identifier, Membership, Service, Site
from hub.domain.coverage import Assignment, Reach
from hub.flows import restricting
from hub.web import admin_forms, admin_read, doors
from hub.web.admin import enter
from hub.web.admin_account_fields import contact_fields, fields_of
from hub.web.admin_accounts_parts import page_of, starts
from hub.web.forms import MISSING, Fields, Form
from hub.web.pages import page
from hub.web.sheets import Part, link
from hub.web.words import _

admin_accounts = Blueprint("admin_accounts", __name__, url_prefix="/admin/accounts")
admin_accounts.before_request(enter)


@admin_accounts.get("")
def listing() -> ResponseReturnValue:
    """Accounts by name."""
    words = one_line(request.args.get("q", ""), 100)
    rows = [
        [
            link(url_for("admin_accounts.show", slug=row.slug), row.name),
            row.prefix,
            row.zone,
            _("closed") if row.closed_at else "",
        ]
        for row in admin_read.accounts(doors.session(), doors.viewer().hidden, words)
    ]
    columns = (_("Account"), _("Prefix"), _("Zone"), _("State"))
    none_yet = _("No account yet. Add the first one here, or import your customers from files.")
    nothing = _("No account fits.") if words else none_yet
    return page(
        "admin/sheet.html",
        here="accounts",
        title=_("Accounts"),
        search={"action": url_for("admin_accounts.listing"), "label": _("Find by name"), "value": words},
        add_href=url_for("admin_accounts.new"),
        add_word=_("Add an account"),
        parts=[Part("accounts", _("Accounts"), columns, rows, nothing)],
    )


@admin_accounts.route("/new", methods=["GET", "POST"])
def new() -> ResponseReturnValue:
    """Add an account."""
    viewer = doors.viewer()
    start = {
        "language": viewer.language,
        "zone": viewer.zone,
        "alert_threshold": "major",
        "password_login": "1",
    }
    form = Form(admin_forms.NewAccountForm, start)
    action = url_for("admin_accounts.new")
    part = Part(
        "account",
        _("Which company is it?"),
        form=form,
        fields=[*fields_of(new=True), *contact_fields(people.staff(doors.session(), *people.WORKERS))],
        action=action,
        submit=_("Add"),
    )
    trail = [(url_for("admin_accounts.listing"), _("Accounts")), (None, _("Add an account"))]
    return form.act(_add) or page(
        "admin/sheet.html", form.status, here="accounts", title=_("Add an account"), trail=trail, parts=[part]
    )


def _add(data: admin_forms.NewAccountForm) -> Response:
    if data.contact and not data.reach_name:
        raise Invalid.field("reach_name", MISSING)
    reach = Reach(data.reach_name, data.reach_phone, data.reach_email)
    values = data.model_dump(exclude={"name", "reach_name", "reach_phone", "reach_email"})
    account = restricting.add_account(doors.session(), doors.actor(), data.name, reach=reach, **values)
    if data.contact is None:
        return _go_on(account, _("%(name)s was added. Now say who is responsible.", name=account.name))
    person = people.get_person(doors.session(), data.contact).name
    return _go_on(
        account, _("%(name)s was added; %(person)s is its contact.", name=account.name, person=person)
    )


def _go_on(account: Account, words: str) -> Response:
    """To the account's page, or to the list if this very change has hidden it from whoever made it."""
    if restricting.still_sees(doors.session(), doors.viewer(), account):
        flash(words, "ok")
        return redirect(url_for("admin_accounts.show", slug=account.slug), 303)
    hidden = _("Only its own contacts and leads see it from now on, so it is not listed here for you.")
    flash(f"{words} {hidden}", "ok")
    return redirect(url_for("admin_accounts.listing"), 303)


def _change(account: Account, data: admin_forms.AccountForm) -> None:
    restricting.change_account(doors.session(), doors.actor(account.id), account, **data.model_dump())


def _site(account: Account, data: admin_forms.SiteForm) -> None:
    session, actor = doors.session(), doors.actor(account.id)
    accounts.add_site(session, actor, account, data.name, address=data.address, zone=data.zone)


def _close_site(account: Account, data: admin_forms.RowForm) -> None:
    site = own(account, Site, data.id)
    accounts.change_site(doors.session(), doors.actor(account.id), site, closed_at=clock.now())


def _service(account: Account, data: admin_forms.ServiceForm) -> None:
    session, actor = doors.session(), doors.actor(account.id)
    accounts.add_service(session, actor, account, **data.values())


def _close_service(account: Account, data: admin_forms.RowForm) -> None:
    service = own(account, Service, data.id)
    accounts.change_service(doors.session(), doors.actor(account.id), service, closed_at=clock.now())


def _identifier(account: Account, data: admin_forms.IdentifierForm) -> None:
    service = own(account, Service, data.service)
    session, actor = doors.session(), doors.actor(account.id)
    accounts.add_identifier(session, actor, service, data.kind, data.value, audience=data.audience)


def _end_identifier(account: Account, data: admin_forms.RowForm) -> None:
    identifier = own(account, Identifier, data.id)
    accounts.end_identifier(doors.session(), doors.actor(account.id), identifier)


def _member(account: Account, data: admin_forms.MemberForm) -> None:
    person = people.get_person(doors.session(), data.person)
    session, actor = doors.session(), doors.actor(account.id)
    accounts.add_member(session, actor, account, person, data.roles, limits=data.limits())


def _end_member(account: Account, data: admin_forms.RowForm) -> None:
    member = own(account, Membership, data.id)
    accounts.end_member(doors.session(), doors.actor(account.id), member)


def _assign(account: Account, data: admin_forms.AssignmentForm) -> None:
    coverage.assign(
        doors.session(),
        doors.actor(account.id),
        account.id,
        data.role,
        data.person,
        level=data.level or 0,
        position=data.position or 0,
        hours=data.hours(),
        zone=data.zone,
        reach_name=data.reach_name,
        reach_phone=data.reach_phone,
        reach_email=data.reach_email,
        valid_from=data.valid_from,
        valid_until=data.valid_until,
    )


def _end_assignment(account: Account, data: admin_forms.RowForm) -> None:
    assignment = own(account, Assignment, data.id)
    coverage.end_assignment(doors.session(), doors.actor(account.id), assignment)


def _move(account: Account, data: admin_forms.ParentForm) -> None:
    if account.parent_id in doors.viewer().hidden:
        raise Invalid.field("parent", _("The account belongs to one that you may not see. Ask a lead."))
    coverage.move_account(doors.session(), doors.actor(account.id), account, _parent(data.parent))


def _parent(slug: str) -> Account | None:
    try:
        return doors.account(slug) if slug else None
    except NotFound as error:
        raise Invalid.field("parent", error.message) from error


def _close(account: Account, data: Fields) -> None:
    accounts.close_account(doors.session(), doors.actor(account.id), account)


def own(account: Account, table: Any, row: uuid.UUID) -> Any:
    """A row of this very account; anything else does not exist here."""
    found = doors.session().get(table, (account.id, row))
    if found is None:
        raise NotFound(_("There is nothing here."))
    return found


VERBS: dict[str, tuple[type[Fields], Any]] = {
    "change": (admin_forms.AccountForm, _change),
    "site": (admin_forms.SiteForm, _site),
    "close_site": (admin_forms.RowForm, _close_site),
    "service": (admin_forms.ServiceForm, _service),
    "close_service": (admin_forms.RowForm, _close_service),
    "identifier": (admin_forms.IdentifierForm, _identifier),
    "end_identifier": (admin_forms.RowForm, _end_identifier),
    "member": (admin_forms.MemberForm, _member),
    "end_member": (admin_forms.RowForm, _end_member),
    "assign": (admin_forms.AssignmentForm, _assign),
    "end_assignment": (admin_forms.RowForm, _end_assignment),
    "move": (admin_forms.ParentForm, _move),
    "close": (Fields, _close),
}
"""What an administrator does to an account, by the word in the address."""


@admin_accounts.get("/<slug>")
def show(slug: str) -> ResponseReturnValue:
    """One account."""
    return page_of(doors.account(slug), VERBS, {})


@admin_accounts.post(f"/<slug>/<any({', '.join(VERBS)}):verb>")
def do(slug: str, verb: str) -> ResponseReturnValue:
    """One change of an account."""
    account = doors.account(slug)
    model, act = VERBS[verb]
    form: Form[Any] = Form(model, starts(account).get(verb))

    def done(data: Any) -> Response:
        act(account, data)
        return _go_on(account, _("Saved."))

    return form.act(done) or page_of(account, VERBS, {verb: form})
