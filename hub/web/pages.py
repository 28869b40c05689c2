"""What every page knows: the reader, tokens for its forms, the way around."""

from typing import Any

from flask import Flask, current_app, g, render_template, url_for

from hub.base import clock
from hub.domain.people import StaffRole
from hub.web import doors
from hub.web.queues_read import counts
from hub.web.words import LANGUAGE_NAMES, _, language, zone


def install(app: Flask) -> None:
    """Hand the common things to every template."""
    app.context_processor(_common)


def page(template: str, status: int = 200, **context: Any) -> tuple[str, int]:
    """A page of this reader with its status."""
    return render_template(template, **context), status


def _common() -> dict[str, Any]:
    settings = doors.hub().settings
    return {
        "lang": language(),
        "languages": LANGUAGE_NAMES,
        "zone": str(zone()),
        "now": clock.now(),
        "asset_version": current_app.extensions["asset_version"],
        "csrf_token": doors.csrf_token,
        "provider": settings.provider_name,
        "max_upload": settings.max_upload_bytes,
        "viewer": g.get("viewer"),
        "person": _person(),
        "may_work": doors.may_work(),
        "queue_counts": lambda: counts(doors.session(), doors.viewer()),
    }


def _person() -> dict[str, Any] | None:
    """The person menu of the top bar."""
    viewer = g.get("viewer")
    if viewer is None:
        return None
    links = [(url_for("auth.me"), _("My settings"), "gear")]
    if viewer.is_staff:
        links.insert(0, (url_for("desk.home"), _("Desk"), "home"))
    if StaffRole.ADMIN in viewer.roles:
        links.append((url_for("admin.home"), _("Administration"), "wrench"))
    elif StaffRole.AUDITOR in viewer.roles:
        links.append((url_for("admin.audit_log"), _("Audit log"), "note"))
    if viewer.is_staff and viewer.members:
        links.append((url_for("portal.home"), _("Portal"), "building"))
    return {"name": viewer.name, "links": links, "sign_out": url_for("auth.logout")}
