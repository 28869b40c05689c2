"""Teams in the administration: who solves, and how work orders reach them."""

import uuid
from dataclasses import replace
from functools import partial
from typing import Any

from flask import Blueprint, flash, redirect, url_for
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from hub.base.errors import Invalid
from hub.domain import connections, teams
from hub.domain.teams import Team
from hub.plugin import settings as declared
from hub.web import admin_forms, doors
from hub.web.admin import enter
from hub.web.forms import Fields, Form
from hub.web.pages import page
from hub.web.sheets import Act, Field, Part, link
from hub.web.state_words import TEAM_KINDS, choices
from hub.web.words import LANGUAGE_NAMES, _

admin_teams = Blueprint("admin_teams", __name__, url_prefix="/admin/teams")
admin_teams.before_request(enter)


TAKES_ORDERS = frozenset({"open", "place"})
"""What a connector can, one of the two, if a team may have it as its own tool."""


@admin_teams.get("")
def listing() -> ResponseReturnValue:
    """All teams, closed ones last."""
    kinds, names = dict(choices(TEAM_KINDS)), dict(_connections())
    rows = [
        [
            link(url_for("admin_teams.show", slug=team.slug), team.name),
            kinds[team.kind],
            names.get(str(team.connection_id), "") if team.connection_id else team.email,
            _("closed") if team.closed_at else "",
        ]
        for team in teams.all_teams(doors.session(), closed=True)
    ]
    columns = (_("Team"), _("What it is"), _("Reached by"), _("State"))
    return page(
        "admin/sheet.html",
        here="teams",
        title=_("Teams"),
        add_href=url_for("admin_teams.new"),
        add_word=_("Add a team"),
        parts=[Part("teams", _("Teams"), columns, rows, _("No team yet: work orders need one."))],
    )


def _connections() -> list[tuple[str, str]]:
    return [(str(row.id), row.name) for row, _state in connections.listed(doors.session())]


def _own_tools(team: Team | None) -> list[tuple[str, str]]:
    """Connections that take orders, and the one that the team has."""
    registry, found = doors.hub().registry, []
    for row, _state in connections.listed(doors.session()):
        connector = registry.connector(row.connector)
        able = connector is not None and connector.capabilities & TAKES_ORDERS
        if able or (team is not None and team.connection_id == row.id):
            found.append((str(row.id), row.name))
    return found


def _fields(team: Team | None = None) -> list[Field]:
    tools = [("", _("None: by mail")), *_own_tools(team)]
    pairs = _("One a line, like queue = Fibre: settings of the tool that are others for this team.")
    return [
        Field("name", _("Name"), required=True),
        Field("kind", _("What it is"), "select", True, options=choices(TEAM_KINDS)),
        Field("connection", _("Its own tool"), "select", options=tools),
        Field("email", _("Mail address"), "email", help=_("For teams without a tool of their own.")),
        Field("options", _("Options of its tool"), "textarea", help=pairs),
        Field("language", _("Language"), "select", True, options=list(LANGUAGE_NAMES.items())),
        Field("zone", _("Time zone"), required=True),
    ]


def _values(data: admin_forms.TeamForm, team: Team | None = None) -> dict[str, Any]:
    if data.connection and str(data.connection) not in dict(_own_tools(team)):
        raise Invalid.field("connection", _("Please choose a tool that takes work orders."))
    options = {}
    for line in data.options.splitlines():
        name, equals, value = line.partition("=")
        if not equals or not name.strip():
            raise Invalid.field("options", _("Each line needs a name, = and a value."))
        options[name.strip()] = value.strip()
    if options:
        _check_options(data.connection, options)
    values = data.model_dump(exclude={"connection", "options"})
    return {**values, "connection_id": data.connection, "options": options}


def _check_options(connection_id: uuid.UUID | None, options: dict[str, str]) -> None:
    """`Invalid` unless the tool's settings can be so, and send no stored secret anywhere else."""
    hub = doors.hub()
    tool = connections.by_id(doors.session(), connection_id) if connection_id else None
    if tool is None:
        raise Invalid.field("options", _("Only a tool of the team's own has options."))
    connector = hub.registry.connector(tool.connector)
    if connector is None:
        return  # nobody can say while its plugin is not loaded
    model = connector.settings_model
    secret = declared.secret_names(model)
    names = [name for name in model.model_fields if name not in secret]
    if unknown := ", ".join(name for name in options if name not in names):
        told = _(
            "%(tool)s has no setting %(name)s. It has: %(names)s.",
            tool=tool.name,
            name=unknown,
            names=", ".join(names),
        )
        raise Invalid.field("options", told)
    try:
        changed = replace(tool, settings={**tool.settings, **options})
        settings = connections.settings_of(hub.registry, hub.keyring, changed)
    except Invalid as error:
        wrong = ", ".join(error.fields)
        raise Invalid.field("options", _("This does not fit the setting: %(names)s.", names=wrong)) from error
    if declared.secrets_to_ask_again(model, tool.settings, settings, secret):
        raise Invalid.field("options", _("%(tool)s is asked at one address, for all teams.", tool=tool.name))


@admin_teams.route("/new", methods=["GET", "POST"])
def new() -> ResponseReturnValue:
    """Add a team."""
    form = Form(admin_forms.TeamForm, {"language": doors.viewer().language, "zone": doors.viewer().zone})
    part = Part(
        "team",
        _("Who is it?"),
        form=form,
        fields=_fields(),
        action=url_for("admin_teams.new"),
        submit=_("Add"),
    )
    trail = [(url_for("admin_teams.listing"), _("Teams")), (None, _("Add a team"))]
    return form.act(_add) or page(
        "admin/sheet.html", form.status, here="teams", title=_("Add a team"), trail=trail, parts=[part]
    )


def _add(data: admin_forms.TeamForm) -> Response:
    values = _values(data)
    team = teams.add_team(doors.session(), doors.actor(), values.pop("name"), **values)
    flash(_("%(name)s was added.", name=team.name), "ok")
    return redirect(url_for("admin_teams.show", slug=team.slug), 303)


@admin_teams.route("/<slug>", methods=["GET", "POST"])
def show(slug: str) -> ResponseReturnValue:
    """One team."""
    team = teams.find(doors.session(), slug)
    start = {
        **{field.name: getattr(team, field.name, "") for field in _fields()},
        "connection": team.connection_id or "",
        "options": "\n".join(f"{name} = {value}" for name, value in team.options.items()),
    }
    form = Form(admin_forms.TeamForm, start)
    return form.act(partial(_change, team)) or _page(team, form)


def _page(team: Team, form: Form[Any]) -> ResponseReturnValue:
    action = url_for("admin_teams.show", slug=team.slug)
    close = None if team.closed_at else _closing(team)
    state = _("It takes no new orders.") if team.closed_at else _("Orders under way go on.")
    return page(
        "admin/sheet.html",
        form.status,
        here="teams",
        title=team.name,
        trail=[(url_for("admin_teams.listing"), _("Teams")), (None, team.name)],
        chips=[(_("closed"), "warn")] if team.closed_at else [],
        parts=[
            Part("team", _("Team"), form=form, fields=_fields(team), action=action, submit=_("Save")),
            Part("close", _("No more orders"), nothing=state, act=close),
        ],
    )


def _closing(team: Team) -> Act:
    question = _("%(name)s gets no new orders?", name=team.name)
    return Act(
        _("Close the team"), question, _("Yes, close it"), url_for("admin_teams.close", slug=team.slug)
    )


def _change(team: Team, data: admin_forms.TeamForm) -> Response:
    teams.change_team(doors.session(), doors.actor(), team, **_values(data, team))
    flash(_("Saved."), "ok")
    return redirect(url_for("admin_teams.show", slug=team.slug), 303)


@admin_teams.post("/<slug>/close")
def close(slug: str) -> ResponseReturnValue:
    """The team takes no new orders."""
    team = teams.find(doors.session(), slug)
    form = Form(Fields)

    def done(data: Fields) -> Response:
        teams.close_team(doors.session(), doors.actor(), team)
        flash(_("Saved."), "ok")
        return redirect(url_for("admin_teams.show", slug=team.slug), 303)

    return form.act(done) or _page(team, Form(admin_forms.TeamForm, take=False))
