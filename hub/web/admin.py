"""The administration's first page: health, the last resort, and the audit log."""

from collections.abc import Sequence

from flask import Blueprint, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from hub.base import ids
from hub.domain import access, coverage, people, pulse
from hub.domain.coverage.plan import Fallback
from hub.domain.people import StaffRole
from hub.domain.pulse import Silence
from hub.web import admin_read, doors
from hub.web.admin_account_fields import reach_fields
from hub.web.admin_forms import LastResort
from hub.web.filters import moment
from hub.web.forms import Form
from hub.web.pages import page
from hub.web.sheets import Field, Part, link
from hub.web.words import _

admin = Blueprint("admin", __name__, url_prefix="/admin")


def enter(*roles: StaffRole) -> None:
    """Let administrators in; for the rest of us it is forbidden, for customers it does not exist."""
    doors.enter("staff")
    access.require_staff(doors.viewer(), StaffRole.ADMIN, *roles)


@admin.route("", methods=["GET", "POST"])
def home() -> ResponseReturnValue:
    """What an administrator should know, and who answers when nobody else does."""
    enter()
    now = coverage.last_resort(doors.session())
    form = Form(LastResort, _start(now))
    return form.act(_set_last_resort) or page(
        "admin/sheet.html",
        form.status,
        here="home",
        title=_("Administration"),
        notices=_findings(),
        parts=[_last_resort_part(form), *_health_parts()],
    )


def _start(now: Fallback | None) -> dict[str, object]:
    if now is None:
        return {}
    reach = now.reach
    shown = {"reach_name": reach.name, "reach_phone": reach.phone, "reach_email": reach.email}
    return {"person": now.person_id, **shown}


def _set_last_resort(data: LastResort) -> Response:
    coverage.set_last_resort(
        doors.session(),
        doors.actor(),
        data.person,
        reach_name=data.reach_name,
        reach_phone=data.reach_phone,
        reach_email=data.reach_email,
    )
    flash(_("Saved."), "ok")
    return redirect(url_for("admin.home"), 303)


def _findings() -> list[tuple[str, str]]:
    found = []
    if coverage.last_resort(doors.session()) is None:
        text = _("Nobody is chosen to answer when nobody else does. Until then the first administrator does.")
        found.append(("warn", text))
    if (silence := pulse.silence(doors.session())) is not None:
        found.append(("crit", _no_worker(silence)))
    for problem in doors.hub().registry.problems():
        found.append(("crit", f"{problem.plugin}: {problem.reason} {problem.advice}"))
    return found


def _no_worker(silence: Silence) -> str:
    if silence.since is None:
        text = _("No worker has been at work yet; start `hub worker`.")
    else:
        text = _("No worker has been at work since %(time)s; start `hub worker`.", time=moment(silence.since))
    if silence.oldest_due is None:
        return text
    waits = _("The oldest delivery has been due since %(time)s.", time=moment(silence.oldest_due))
    return f"{text} {waits}"


def _last_resort_part(form: Form[LastResort]) -> Part:
    staff = [(str(person.id), person.name) for person in people.staff(doors.session(), *people.WORKERS)]
    fields = [Field("person", _("Person"), "select", True, options=staff), *reach_fields(required=True)]
    return Part(
        "last-resort",
        _("Who answers when nobody else does"),
        form=form,
        fields=fields,
        action=url_for("admin.home"),
        submit=_("Save"),
        about=_("This person is responsible for every account that nobody else answers for at that time."),
    )


def _health_parts() -> list[Part]:
    registry = doors.hub().registry
    states = {"loaded": _("loaded"), "failed": _("failed"), "blocked": _("blocked in the settings")}
    plugins = [
        [item.name, item.version, states[item.state], item.reason or _titles(item.connectors)]
        for item in registry.plugins()
    ]
    connections = [
        [link(url_for("admin_connections.show", slug=row.slug), row.name), *admin_read.health_words(row)]
        for row in admin_read.connections(doors.session())
    ]
    words = (_("Connection"), _("State"), _("Last worked"), _("What is wrong"))
    return [
        Part(
            "connections",
            _("Connections"),
            words,
            connections,
            _("No connection yet. Add the first one under Connections."),
        ),
        Part("plugins", _("Plugins"), (_("Plugin"), _("Version"), _("State"), _("About")), plugins),
    ]


def _titles(names: Sequence[str]) -> str:
    """What the connectors of a plugin are for, as people know them."""
    found = (doors.hub().registry.connector(name) for name in names)
    return ", ".join(connector.title for connector in found if connector)


@admin.get("/audit")
def audit_log() -> ResponseReturnValue:
    """What was changed that belongs to no account, newest first."""
    enter(StaffRole.AUDITOR)
    lines = admin_read.audit_lines(doors.session(), ids.from_short(request.args.get("older", "")))
    rows = [[moment(line.at), line.actor_name, line.sentence] for line in lines[: admin_read.PAGE]]
    more = lines[admin_read.PAGE - 1].id if len(lines) > admin_read.PAGE else None
    about = _("What was changed that belongs to no account. What belongs to one stands on its timeline.")
    columns = (_("When"), _("Who"), _("What"))
    part = Part("lines", _("Newest first"), columns, rows, _("Nothing yet."), about=about)
    return page(
        "admin/sheet.html",
        here="audit",
        title=_("Audit log"),
        parts=[part],
        older=url_for("admin.audit_log", older=ids.short(more)) if more else None,
    )
