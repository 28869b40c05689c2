"""Customers from files: uploaded, told what they would do, then imported."""

import uuid
from typing import Any

from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from hub.base import ids
from hub.base.errors import HubError, Invalid, NotFound
from hub.base.text import N_
from hub.flows.directory import Report, uploading
from hub.web import doors
from hub.web.admin import enter
from hub.web.pages import page
from hub.web.uploads import FIELD, uploads
from hub.web.words import _

admin_directory = Blueprint("admin_directory", __name__, url_prefix="/admin/directory")
admin_directory.before_request(enter)

MOST = 500
"""Lines of a report that a page shows."""

COLUMNS = {
    "accounts.csv": "id, name, prefix, parent, time_zone, language, active",
    "sites.csv": "id, account, name, address, time_zone, active",
    "services.csv": "id, account, name, kind, site, partner, identifiers, active",
    "people.csv": "id, account, name, function, email, phone, roles, sites, services, language, "
    "time_zone, active",
}
"""What the files may hold, as the page explains it to whoever writes them."""

WHATS = {
    "added": N_("new"),
    "changed": N_("changed"),
    "closed": N_("closed"),
    "kept": N_("kept as it is here"),
    "failed": N_("left out"),
}


@admin_directory.get("")
def show() -> ResponseReturnValue:
    """Choose files."""
    return _page()


@admin_directory.post("/check")
def check() -> ResponseReturnValue:
    """Tell what the files would do; nothing is changed."""
    actor = doors.actor()
    try:
        files = {item.name: item.content for item in uploads().uploads}
        _leave()
        checked = uploading.check(doors.hub(), actor, files, FIELD)
    except Invalid as error:
        return _page(error=error)
    return _page(report=checked.report, kept=checked.id)


@admin_directory.post("/take")
def take() -> ResponseReturnValue:
    """Import what was checked."""
    actor, kept = doors.actor(), ids.from_short(request.form.get("id", ""))
    if kept is None:
        raise NotFound(_("There is nothing here."))
    _leave()
    return _page(report=uploading.carry_out(doors.hub(), actor, kept), done=True)


def _leave() -> None:
    """End the request's own transaction: the import is a door of its own, and SQLite has one writer."""
    doors.door().close(commit=True)


def _page(
    report: Report | None = None,
    kept: uuid.UUID | None = None,
    error: HubError | None = None,
    *,
    done: bool = False,
) -> ResponseReturnValue:
    told = report.lines if report else ()
    lines: list[Any] = [[_(WHATS[line.what]), line.where, line.sentence] for line in told[:MOST]]
    return page(
        "admin/directory.html",
        422 if error else 200,
        report=report,
        lines=lines,
        more=max(0, len(told) - MOST),
        here="directory",
        kept=ids.short(kept) if kept else None,
        done=done,
        columns=COLUMNS.items(),
        error=error.told(_) if error else "",
    )
