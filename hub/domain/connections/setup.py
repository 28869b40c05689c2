"""Adding and changing connections: settings validated, secrets sealed, every change on the audit log."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from pydantic import BaseModel
from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.base import clock, ids, text
from hub.base.crypto import Keyring
from hub.base.errors import Invalid, Misconfigured, NotFound
from hub.base.text import N_
from hub.domain import audit
from hub.domain.audit import Actor
from hub.domain.connections.calls import open_secrets
from hub.domain.connections.tables import Connection, ConnectionState, Side
from hub.plugin import settings as forms
from hub.plugin.addresses import parse_networks
from hub.plugin.contracts import Connector
from hub.plugin.registry import Registry


def add_connection(
    session: Session,
    actor: Actor,
    registry: Registry,
    keyring: Keyring,
    connector: str,
    name: str,
    side: str,
    values: Mapping[str, str],
    *,
    slug: str = "",
    allowed_networks: Sequence[str] = (),
    status_map: Mapping[str, str] | None = None,
    body_limit: int | None = None,
) -> Connection:
    """A new connection from a posted form. It takes no webhooks until `new_token` gave it a token.

    Raises Invalid with the form's field names.
    """
    chosen = _connector(registry, connector)
    settings = read_settings(keyring, chosen.settings_model, None, values)
    connection = Connection(
        id=ids.new_id(),
        slug=_free_slug(session, slug or name),
        connector=chosen.name,
        name=_name(name),
        side=_side(side),
        token_digest=None,
        body_limit=body_limit or chosen.body_limit,
        allowed_networks=check_networks(allowed_networks),
        status_map=dict(status_map or {}),
        created_at=clock.now(),
    )
    _store(connection, keyring, settings)
    session.add(connection)
    # The state's foreign key has no ORM relationship that would order the two inserts.
    session.flush()
    session.add(ConnectionState(connection_id=connection.id, state={}))
    _say(session, actor, "connection.added", connection, f"The connection {connection.name} was added.")
    return connection


def change_connection(
    session: Session,
    actor: Actor,
    registry: Registry,
    keyring: Keyring,
    connection: Connection,
    *,
    values: Mapping[str, str] | None = None,
    name: str | None = None,
    enabled: bool | None = None,
    allowed_networks: Sequence[str] | None = None,
    status_map: Mapping[str, str] | None = None,
    body_limit: int | None = None,
) -> None:
    """Change what is given. In `values` (a posted form) an empty secret keeps the stored one, unless the
    address that it is sent to is another one now."""
    new: dict[str, Any] = {
        "name": None if name is None else _name(name),
        "enabled": enabled,
        "allowed_networks": None if allowed_networks is None else check_networks(allowed_networks),
        "status_map": None if status_map is None else dict(status_map),
        "body_limit": body_limit,
    }
    changed = [field for field, value in new.items() if _set(connection, field, value)]
    if values is not None:
        model = _connector(registry, connection.connector).settings_model
        _store(connection, keyring, read_settings(keyring, model, connection, values))
        changed.append("settings")
    if changed:
        sentence = f"The connection {connection.name} was changed: {audit.fields(changed)}."
        _say(session, actor, "connection.changed", connection, sentence, fields=changed)


def read_settings(
    keyring: Keyring, model: type[BaseModel], connection: Connection | None, values: Mapping[str, str]
) -> BaseModel:
    """The settings that a posted form means for a connection, or for a new one; changes nothing.

    Raises Invalid with {field: what is wrong}, also where a stored secret must be entered again.
    """
    stored = connection.settings if connection else {}
    kept = _kept(keyring, connection) if connection else {}
    settings = forms.read_form(model, _whole(model, stored, values), kept)
    _require_secrets_anew(model, stored, settings, kept, values)
    return settings


def _kept(keyring: Keyring, connection: Connection) -> dict[str, str]:
    try:
        return open_secrets(keyring, str(connection.id), connection.secrets)
    except Misconfigured:
        # Sealed with a secret key that is gone: the form is where they are entered again, so it must go on.
        return {}


def check_networks(networks: Sequence[str]) -> list[str]:
    """Networks as they are kept; `Invalid` names a wrong one."""
    kept: list[str] = []
    for network in networks:
        try:
            kept += map(str, parse_networks([network]))
        except ValueError as error:
            message = N_("%(network)s is no network; they look like 10.20.0.0/16.")
            raise Invalid.field("allowed_networks", message, network=network) from error
    return kept


def new_token(session: Session, actor: Actor, connection: Connection) -> str:
    """A fresh bearer token for `/in/<slug>`, shown this once; the one before ends at the same moment."""
    token = ids.new_token("in")
    connection.token_digest = ids.token_digest(token)
    _say(session, actor, "connection.token", connection, f"The connection {connection.name} got a new token.")
    return token


def listed(session: Session) -> list[tuple[Connection, ConnectionState]]:
    """Every connection with its state, by name, for the pages of admins."""
    query = select(Connection, ConnectionState).join(
        ConnectionState, ConnectionState.connection_id == Connection.id
    )
    return [(row[0], row[1]) for row in session.execute(query.order_by(Connection.name))]


def find(session: Session, slug: str) -> Connection:
    """The connection of that slug; NotFound."""
    connection = session.scalar(select(Connection).where(Connection.slug == slug))
    if connection is None:
        raise NotFound(N_("There is no such connection."))
    return connection


def _require_secrets_anew(
    model: type[BaseModel],
    stored: Mapping[str, Any],
    settings: BaseModel,
    kept: Mapping[str, str],
    values: Mapping[str, str],
) -> None:
    """`Invalid` where a stored secret, which nobody can read here, would be sent to another address."""
    unread = {name for name, secret in kept.items() if secret and not values.get(name)}
    unread -= {name for name in unread if values.get(name + forms.CLEAR)}
    moved = forms.secrets_to_ask_again(model, stored, settings, unread)
    if moved:
        message = N_("Please enter it again: it would be sent to another address than before.")
        raise Invalid(message, dict.fromkeys(sorted(moved), message))


def _set(connection: Connection, field: str, value: Any) -> bool:
    if value is None or getattr(connection, field) == value:
        return False
    setattr(connection, field, value)
    return True


def _whole(model: type[BaseModel], stored: Mapping[str, Any], values: Mapping[str, str]) -> dict[str, str]:
    """The posted form with what it does not mention as it is stored, or by default.

    A switch that is not mentioned is off: that is how browsers post it.
    """
    switches = {field.name for field in forms.form_fields(model) if field.type == "checkbox"}
    shown = forms.form_values(model, stored)
    return {**{name: value for name, value in shown.items() if name not in switches}, **values}


def _store(connection: Connection, keyring: Keyring, settings: BaseModel) -> None:
    connection.settings, secrets = forms.split(settings)
    # Sealing is bound to the row: stolen bytes do not open in another connection.
    connection.secrets = keyring.seal(orjson.dumps(secrets), str(connection.id)) if secrets else None


def _connector(registry: Registry, name: str) -> Connector[Any]:
    connector = registry.connector(name)
    if connector is None:
        message = N_("There is no connector named %(name)s; `hub plugin list` says why.")
        raise Invalid.field("connector", message, name=name)
    return connector


def _name(name: str) -> str:
    name = text.one_line(name)
    if not name:
        raise Invalid.field("name", N_("Please give the connection a name."))
    return name


def _side(side: str) -> str:
    if side not in list(Side):
        raise Invalid.field("side", N_("Please choose one of %(choices)s."), choices=", ".join(Side))
    return side


def _free_slug(session: Session, wish: str) -> str:
    slug = text.slug(wish)[:36] or "connection"
    taken = set(session.scalars(select(Connection.slug).where(Connection.slug.like(f"{slug}%"))))
    return next(
        name
        for name in (slug, *(f"{slug}-{number}" for number in range(2, len(taken) + 3)))
        if name not in taken
    )


def _say(
    session: Session, actor: Actor, action: str, connection: Connection, sentence: str, **data: Any
) -> None:
    object_id: uuid.UUID = connection.id
    audit.write(session, actor, action, "connection", object_id, sentence, slug=connection.slug, **data)
