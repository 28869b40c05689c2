"""One site, service or person of an account in the administration, each on a page of its own."""

import uuid
from collections.abc import Callable, Collection, Sequence
from typing import Any

from flask import Blueprint, flash, redirect, url_for
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from hub.domain import accounts, people
from hub.domain.accounts import CASE_NEWS, Account, Limits, Membership, Service, Site
from hub.web import admin_forms, doors
from hub.web.admin import enter
from hub.web.admin_account_fields import member_fields, news_fields, service_fields, site_fields
from hub.web.admin_accounts import own
from hub.web.forms import Form
from hub.web.pages import page
from hub.web.sheets import Field, Part
from hub.web.words import _

admin_account_rows = Blueprint("admin_account_rows", __name__, url_prefix="/admin/accounts")
admin_account_rows.before_request(enter)


@admin_account_rows.route("/<slug>/site/<uuid:site_id>", methods=["GET", "POST"])
def site(slug: str, site_id: uuid.UUID) -> ResponseReturnValue:
    """A place of the account."""
    account = doors.account(slug)
    found: Site = own(account, Site, site_id)
    form = Form(admin_forms.SiteForm, {"name": found.name, "address": found.address, "zone": found.zone})

    def change(data: admin_forms.SiteForm) -> None:
        accounts.change_site(doors.session(), doors.actor(account.id), found, **data.model_dump())

    return _answer(account, found.name, form, site_fields(), change)


@admin_account_rows.route("/<slug>/service/<uuid:service_id>", methods=["GET", "POST"])
def service(slug: str, service_id: uuid.UUID) -> ResponseReturnValue:
    """What the account buys, and when the customer learns of its cases."""
    account = doors.account(slug)
    found: Service = own(account, Service, service_id)
    # What is closed meanwhile is offered where it is the present value: saving must not change it.
    sites, services = _places(account, _some(found.site_id), _some(found.partner_id))
    fields = service_fields(sites, [known for known in services if known is not found])
    known = {field.name: getattr(found, field.name, None) for field in fields}
    form = Form(admin_forms.ServiceForm, {**known, "site": found.site_id, "partner": found.partner_id})

    def change(data: admin_forms.ServiceForm) -> None:
        accounts.change_service(doors.session(), doors.actor(account.id), found, **data.values())

    return _answer(account, found.name, form, fields, change)


@admin_account_rows.route("/<slug>/member/<uuid:member_id>", methods=["GET", "POST"])
def member(slug: str, member_id: uuid.UUID) -> ResponseReturnValue:
    """What a person of the customer may do, what they see, and of what they are told."""
    account = doors.account(slug)
    found: Membership = own(account, Membership, member_id)
    form = Form(admin_forms.ChangeMemberForm, _known(found))

    def change(data: admin_forms.ChangeMemberForm) -> None:
        accounts.change_member(
            doors.session(),
            doors.actor(account.id),
            found,
            roles=data.roles,
            limits=data.limits(),
            subscriptions=data.subscriptions(found.subscriptions),
        )

    name, limits = people.get_person(doors.session(), found.person_id).name, Limits.read(found.limits)
    # What is closed meanwhile is still a limit: it is drawn where it is one, so that saving keeps it.
    places = _places(account, limits.sites or (), limits.services or ())
    return _answer(account, name, form, [*member_fields(*places), *news_fields()], change)


def _known(member: Membership) -> dict[str, Any]:
    limits, wish = Limits.read(member.limits), member.subscriptions.get(CASE_NEWS)
    return {
        "roles": member.roles,
        "sees": "some" if limits != Limits() else "everything",
        "sites": sorted(limits.sites or ()),
        "services": sorted(limits.services or ()),
        "case_update": "" if wish is None else "email" if "email" in wish else "none",
    }


def _places(
    account: Account, sites: Collection[uuid.UUID] = (), services: Collection[uuid.UUID] = ()
) -> tuple[Sequence[Site], Sequence[Service]]:
    """What is open of an account, and of what is closed that which was chosen before."""
    session = doors.session()
    return accounts.sites_of(session, account.id, sites), accounts.services_of(session, account.id, services)


def _some(chosen: uuid.UUID | None) -> Collection[uuid.UUID]:
    return () if chosen is None else (chosen,)


def _answer(
    account: Account, name: str, form: Form[Any], fields: Sequence[Field], change: Callable[[Any], None]
) -> ResponseReturnValue:
    home = url_for("admin_accounts.show", slug=account.slug)

    def done(data: Any) -> Response:
        change(data)
        flash(_("Saved."), "ok")
        return redirect(home, 303)

    return form.act(done) or page(
        "admin/sheet.html",
        form.status,
        here="accounts",
        title=name,
        trail=[(url_for("admin_accounts.listing"), _("Accounts")), (home, account.name), (None, name)],
        parts=[Part("row", _("Change"), form=form, fields=fields, submit=_("Save"))],
    )
