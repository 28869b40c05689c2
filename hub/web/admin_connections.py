"""Connections: forms drawn from what each connector declares; secrets never come back."""

from collections.abc import Callable
from functools import partial
from typing import Any

from flask import Blueprint, flash, make_response, redirect, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from hub.base.errors import Conflict, NotFound
from hub.domain import connections
from hub.domain.connections import Connection
from hub.plugin import settings as declared
from hub.plugin.contracts import Connector
from hub.web import admin_forms, admin_read, doors
from hub.web.admin import enter
from hub.web.filters import moment, size
from hub.web.forms import Form
from hub.web.pages import page
from hub.web.sheets import Act, Field, Part, link, of_settings
from hub.web.state_words import CONNECTOR_KINDS, SIDES, choices
from hub.web.words import _

admin_connections = Blueprint("admin_connections", __name__, url_prefix="/admin/connections")
admin_connections.before_request(enter)


@admin_connections.get("")
def listing() -> ResponseReturnValue:
    """Every connection and how it is."""
    sides = dict(choices(SIDES))
    rows = [
        [
            link(url_for("admin_connections.show", slug=row.slug), row.name),
            _title(row.connector),
            sides[row.side],
            *admin_read.health_words(row),
        ]
        for row in admin_read.connections(doors.session())
    ]
    columns = (
        _("Connection"),
        _("Tool"),
        _("Whose tool"),
        _("State"),
        _("Last worked"),
        _("What is wrong"),
    )
    return page(
        "admin/sheet.html",
        here="connections",
        title=_("Connections"),
        parts=[
            Part(
                "connections",
                _("Connections"),
                columns,
                rows,
                _("No connection yet. Add the first one below."),
            ),
            _offered(),
        ],
    )


def _title(connector: str) -> str:
    """What people call the tool; its name in the plugin where no plugin offers it any more."""
    found = doors.hub().registry.connector(connector)
    return found.title if found else connector


def _offered() -> Part:
    kinds = dict(choices(CONNECTOR_KINDS))
    rows = [
        [link(url_for("admin_connections.new", connector=item.name), item.title), kinds[item.kind]]
        for item in doors.hub().registry.connectors()
    ]
    nothing = _("No plugin offers one.")
    return Part("kinds", _("Add a connection to"), (_("Tool"), _("Kind")), rows, nothing)


def _fields(connector: Connector[Any]) -> list[Field]:
    capabilities = connector.capabilities
    words = _(
        "What the tool's own words mean, one a line, like resolved = done. The states are: %(states)s.",
        states=", ".join(admin_forms.STATES),
    )
    networks = _("Private networks that it may call, one a line, like 10.1.0.0/16.")
    usual = connector.body_limit
    limit = _("Larger ones are refused. Empty: %(num)d, which is %(size)s.", num=usual, size=size(usual))
    status = [Field("status_map", _("Words of the tool"), "textarea", help=words)]
    reach = [Field("allowed_networks", _("Allowed networks"), "textarea", help=networks)]
    largest = [Field("body_limit", _("Largest message, in bytes"), "number", help=limit, attrs={"min": 1024})]
    return [
        Field("name", _("Name"), required=True),
        Field("side", _("Whose tool is it?"), "select", True, options=choices(SIDES)),
        *of_settings(declared.form_fields(connector.settings_model)),
        *(status if connector.status_map else []),
        *(reach if connector.calls_out and capabilities - {"verify", "parse"} else []),
        *(largest if "parse" in capabilities else []),
        Field("enabled", _("Switched on"), "check"),
    ]


def _connector(name: str) -> Connector[Any]:
    found = doors.hub().registry.connector(name)
    if found is None:
        raise NotFound(_("No plugin offers this connector."))
    return found


@admin_connections.route("/new/<connector>", methods=["GET", "POST"])
def new(connector: str) -> ResponseReturnValue:
    """Add a connection to one kind of tool."""
    chosen = _connector(connector)
    blank = declared.form_values(chosen.settings_model, {})
    form = Form(admin_forms.ConnectionForm, {"name": chosen.title, "side": "own", "enabled": "1", **blank})
    action = url_for("admin_connections.new", connector=connector)
    part = Part("connection", chosen.title, form=form, fields=_fields(chosen), action=action, submit=_("Add"))
    trail = [(url_for("admin_connections.listing"), _("Connections")), (None, chosen.title)]
    title = _("Add a connection to %(tool)s", tool=chosen.title)
    return form.act(partial(_add, chosen), _settings(chosen)) or page(
        "admin/sheet.html", form.status, here="connections", title=title, trail=trail, parts=[part]
    )


def _settings(chosen: Connector[Any], connection: Connection | None = None) -> Callable[[], object]:
    """Reads the settings that were posted, beside the fields that every connection has."""
    values = request.form.to_dict()
    return lambda: connections.read_settings(doors.hub().keyring, chosen.settings_model, connection, values)


def _add(chosen: Connector[Any], data: admin_forms.ConnectionForm) -> Response:
    hub, session, actor = doors.hub(), doors.session(), doors.actor()
    values = request.form.to_dict()
    connection = connections.add_connection(
        session, actor, hub.registry, hub.keyring, chosen.name, data.name, data.side, values, **data.common()
    )
    if not data.enabled:
        connections.change_connection(session, actor, hub.registry, hub.keyring, connection, enabled=False)
    flash(_("%(name)s was added.", name=connection.name), "ok")
    if "parse" in chosen.capabilities and not _checks(chosen):
        return make_response(_with_new_token(connection))
    return redirect(url_for("admin_connections.show", slug=connection.slug), 303)


@admin_connections.route("/<slug>", methods=["GET", "POST"])
def show(slug: str) -> ResponseReturnValue:
    """One connection: its settings, its token, its health."""
    connection = connections.find(doors.session(), slug)
    form = Form(admin_forms.ConnectionForm, _start(connection))
    chosen = doors.hub().registry.connector(connection.connector)
    checks = [_settings(chosen, connection)] if chosen else []
    return form.act(partial(_change, connection), *checks) or _page(connection, form)


def _start(connection: Connection) -> dict[str, Any]:
    chosen = doors.hub().registry.connector(connection.connector)
    known = declared.form_values(chosen.settings_model, connection.settings) if chosen else {}
    return {
        "name": connection.name,
        "side": connection.side,
        "enabled": connection.enabled,
        "body_limit": connection.body_limit,
        "allowed_networks": "\n".join(connection.allowed_networks),
        "status_map": "\n".join(f"{word} = {state}" for word, state in connection.status_map.items()),
        **known,
    }


def _change(connection: Connection, data: admin_forms.ConnectionForm) -> Response:
    hub = doors.hub()
    connections.change_connection(
        doors.session(),
        doors.actor(),
        hub.registry,
        hub.keyring,
        connection,
        values=request.form.to_dict(),
        name=data.name,
        enabled=data.enabled,
        **data.common(),
    )
    flash(_("Saved."), "ok")
    return redirect(url_for("admin_connections.show", slug=connection.slug), 303)


@admin_connections.post("/<slug>/token")
def token(slug: str) -> ResponseReturnValue:
    """A fresh token for the connection's address, shown on this one page and never again."""
    connection = connections.find(doors.session(), slug)
    if _checks(doors.hub().registry.connector(connection.connector)):
        raise Conflict(_("%(name)s checks by itself who sends, by its settings.", name=connection.name))
    return _with_new_token(connection)


def _with_new_token(connection: Connection) -> ResponseReturnValue:
    replaced = connection.token_digest is not None
    fresh = connections.new_token(doors.session(), doors.actor(), connection)
    secret = {
        "title": _("The new token"),
        "text": _("Copy it now: it is shown this once. The one before is worth nothing from now on.")
        if replaced
        else _("Copy it now: it is shown this once. Whoever sends to the address below sends it along."),
        "value": fresh,
    }
    return _page(connection, Form(admin_forms.ConnectionForm, _start(connection), take=False), secret)


def _page(
    connection: Connection, form: Form[Any], secret: dict[str, str] | None = None
) -> ResponseReturnValue:
    chosen = doors.hub().registry.connector(connection.connector)
    action = url_for("admin_connections.show", slug=connection.slug)
    missing = _("The plugin of this connection (%(name)s) is not loaded.", name=connection.connector)
    drawn = [
        Part("settings", _("Settings"), form=form, fields=_fields(chosen), action=action, submit=_("Save"))
        for chosen in ([chosen] if chosen else [])
    ]
    return page(
        "admin/sheet.html",
        form.status,
        here="connections",
        title=connection.name,
        trail=[(url_for("admin_connections.listing"), _("Connections")), (None, connection.name)],
        chips=[
            (_title(connection.connector), ""),
            *([] if connection.enabled else [(_("switched off"), "warn")]),
        ],
        notices=[] if chosen else [("crit", missing)],
        secret=secret,
        parts=[*drawn, *([_door(connection, chosen)] if _takes_bodies(chosen) else []), _health(connection)],
    )


def _takes_bodies(chosen: Connector[Any] | None) -> bool:
    return chosen is None or "parse" in chosen.capabilities


def _checks(chosen: Connector[Any] | None) -> bool:
    """Whether the connector tells by itself who may send; a token of the hub would count for nothing."""
    return chosen is not None and "verify" in chosen.capabilities


def _door(connection: Connection, chosen: Connector[Any] | None) -> Part:
    address = doors.hub().settings.base_url.rstrip("/") + url_for(
        "ingest.receive", connection=connection.slug
    )
    title, where = _("Where it sends to"), _("Address for what comes in")
    if _checks(chosen):
        told = _("It checks by itself who sends, by the settings above.")
        return Part("door", title, (where, _("Who may send")), [[address, told]])
    known = _("A token is set.") if connection.token_digest else _("No token yet.")
    question = _("Make a token? It is shown once.")
    if connection.token_digest:
        question = _("The present token ends at the same moment. Go on?")
    to = url_for("admin_connections.token", slug=connection.slug)
    act = Act(_("Make a new token"), question, _("Yes, make one"), to, kind="primary")
    return Part("door", title, (where, _("Token"), ""), [[address, known, act]])


def _health(connection: Connection) -> Part:
    rows = [
        [moment(event.at), event.sentence] for event in connections.events(doors.session(), connection.id)
    ]
    return Part("health", _("What happened to it"), (_("When"), _("What")), rows, _("Nothing to tell."))
