"""A connection as a webhook or an outward call needs it: plain values, read in one statement."""

import hmac
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any

import orjson
from pydantic import BaseModel
from sqlalchemy import Select, bindparam, select
from sqlalchemy.orm import Session

from hub.base import hot, ids
from hub.base.crypto import Keyring
from hub.base.db import Database
from hub.base.errors import Misconfigured
from hub.base.text import N_
from hub.domain.connections.tables import Connection, ConnectionState
from hub.plugin import settings as forms
from hub.plugin.addresses import parse_networks
from hub.plugin.contracts import Connector
from hub.plugin.http import HttpOptions
from hub.plugin.registry import Registry


@dataclass(frozen=True, slots=True)
class Configured:
    """A connection with its state, detached from any session. `secrets` are still sealed."""

    id: uuid.UUID
    slug: str
    connector: str
    name: str
    side: str
    settings: dict[str, Any]
    secrets: bytes | None = field(repr=False)
    token_digest: str | None = field(repr=False)
    body_limit: int
    allowed_networks: list[str]
    status_map: dict[str, Any]
    enabled: bool
    version: int
    state: dict[str, Any]
    cursor: str | None
    last_ok_at: datetime | None
    failures: int
    slow_parse_until: datetime | None


@lru_cache(maxsize=1)
def _query() -> Select[Any]:
    own = ("state", "cursor", "last_ok_at", "failures", "slow_parse_until")
    columns = [name for name in Configured.__dataclass_fields__ if name not in own]
    return (
        select(
            *(Connection.__table__.c[name] for name in columns),
            *(ConnectionState.__table__.c[name] for name in own),
        )
        .select_from(Connection)
        .join(ConnectionState, ConnectionState.connection_id == Connection.id)
    )


@lru_cache(maxsize=1)
def _by_slug() -> Select[Any]:
    return _query().where(Connection.__table__.c.slug == bindparam("slug"))


def by_slug(session: Session, slug: str) -> Configured | None:
    """The connection of a name, switched off or not; one statement."""
    found = hot.run(session, _by_slug(), {"slug": slug})
    return Configured(*found[0]) if found else None


def behind(db: Database, slug: str) -> Configured | None:
    """The connection behind `/in/<slug>`, switched off or not, read by itself."""
    found = db.ask(_by_slug(), {"slug": slug})
    return Configured(*found[0]) if found else None


def by_id(session: Session, connection_id: uuid.UUID) -> Configured | None:
    """One connection with its state; one statement."""
    row = session.execute(_query().where(Connection.id == connection_id)).first()
    return Configured(*row) if row else None


def token_fits(connection: Configured, token: str) -> bool:
    """Whether a bearer token is the connection's own, compared in constant time."""
    return hmac.compare_digest(ids.token_digest(token), connection.token_digest or "")


def settings_of(registry: Registry, keyring: Keyring, connection: Configured | Connection) -> BaseModel:
    """The connector's settings model with its secrets inside.

    Opening secrets costs more than the rest of a small webhook, so the result is kept per process; a changed
    connection has other sealed bytes or other settings and so another result. `Misconfigured` when the
    plugin is gone or the secret does not open; `Invalid` when a newer plugin wants other settings.
    """
    connector = registry.connector(connection.connector)
    if connector is None:
        raise Misconfigured(
            N_(
                "The connection %(name)s needs the connector %(connector)s, which is not loaded; "
                "`hub plugin list` says why."
            ),
            name=connection.name,
            connector=connection.connector,
        )
    model: type[BaseModel] = connector.settings_model
    plain = orjson.dumps(connection.settings, option=orjson.OPT_SORT_KEYS)
    return _opened(keyring, model, str(connection.id), plain, connection.secrets)


@lru_cache(maxsize=512)
def _opened(
    keyring: Keyring, model: type[BaseModel], owner: str, plain: bytes, sealed: bytes | None
) -> BaseModel:
    # A pure function of its arguments, so nothing in this cache can ever be out of date.
    return forms.join(model, orjson.loads(plain), open_secrets(keyring, owner, sealed))


def open_secrets(keyring: Keyring, owner: str, sealed: bytes | None) -> dict[str, str]:
    """The stored secrets of a connection by field name; for keeping those that a form leaves empty."""
    if sealed is None:
        return {}
    secrets: dict[str, str] = orjson.loads(keyring.open(sealed, owner))
    return secrets


def options_of(connection: Configured, settings: BaseModel, operator_networks: Iterable[str]) -> HttpOptions:
    """What the guarded client may do for a connection. A settings field `ca_file` names its authorities."""
    ca_file = getattr(settings, "ca_file", None)
    return HttpOptions(
        networks=parse_networks([*operator_networks, *connection.allowed_networks]),
        ca_file=str(ca_file) if ca_file else None,
        takes_ca_file="ca_file" in type(settings).model_fields,
    )


def state_word(connector: Connector[Any], connection: Configured, foreign: str) -> str | None:
    """What a foreign status means for a work order; None when nobody mapped it. Case does not matter."""
    own: Mapping[str, Any] = {str(word).casefold(): state for word, state in connection.status_map.items()}
    theirs = {word.casefold(): state for word, state in connector.status_map.items()}
    state = {**theirs, **own}.get(foreign.strip().casefold())
    return str(state) if state else None
