"""Teams: who solves. An internal provider team or a supplier, reached by a connection or by mail."""

import uuid
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from hub.base import clock, ids
from hub.base.db import Base, UuidKey, str40, str200
from hub.base.errors import Conflict, Invalid, NotFound
from hub.base.text import LANGUAGES, N_, slug
from hub.base.zones import zone as known_zone
from hub.domain import audit
from hub.domain.accounts.changes import apply, named
from hub.domain.audit import Actor
from hub.domain.connections import Connection
from hub.domain.coverage import hours as weekly
from hub.domain.people import PointKind, normalise

RESERVED = frozenset({"new"})
"""Words that stand where a team's address could stand."""


class TeamKind(StrEnum):
    """Ours, or somebody we pay."""

    INTERNAL = "internal"
    SUPPLIER = "supplier"


class Team(Base):
    """`options` go to the connector with each order (a queue, a project); drawn from its declaration."""

    __tablename__ = "teams"
    __table_args__ = ({"info": {"rls": "open"}},)

    id: Mapped[UuidKey]
    slug: Mapped[str40] = mapped_column(unique=True)
    name: Mapped[str200]
    kind: Mapped[str40]
    connection_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("connections.id"))
    email: Mapped[str200]
    options: Mapped[dict[str, Any]]
    hours: Mapped[list[Any]]
    zone: Mapped[str40]
    language: Mapped[str40]
    closed_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}


def add_team(
    session: Session,
    actor: Actor,
    name: str,
    *,
    kind: str = TeamKind.INTERNAL,
    connection_id: uuid.UUID | None = None,
    email: str = "",
    options: Mapping[str, Any] | None = None,
    hours: Iterable[Mapping[str, Any]] = (),
    zone: str = "UTC",
    language: str = "en",
) -> Team:
    """A new team, reached through its own tool's connection or by mail. No hours mean always."""
    given = {"kind": kind, "connection_id": connection_id, "email": email, "options": options or {}}
    values = _checked(session, {**given, "hours": hours, "zone": zone, "language": language, "name": name})
    team = Team(id=ids.new_id(), slug=_free_slug(session, values["name"]), closed_at=None, **values)
    _require_reachable(team)
    session.add(team)
    session.flush()  # work orders refer to the row, and Core statements do not flush it for us
    audit.write(session, actor, "team.added", "team", team.id, f"{team.name} was added.")
    return team


def change_team(session: Session, actor: Actor, team: Team, **changes: Any) -> None:
    """Change what is given (the arguments of `add_team`); nothing is recorded where nothing changes."""
    changed = apply(team, _checked(session, changes))
    _require_reachable(team)
    if changed:
        sentence = f"{team.name} was changed: {audit.fields(changed)}."
        audit.write(session, actor, "team.changed", "team", team.id, sentence, **changed)


def close_team(session: Session, actor: Actor, team: Team) -> None:
    """No new work orders go to the team; those under way go on."""
    if team.closed_at is None:
        team.closed_at = clock.now()
        audit.write(session, actor, "team.closed", "team", team.id, f"{team.name} takes no new orders.")


def find(session: Session, team_slug: str) -> Team:
    """The team of an address, closed ones too; `NotFound` otherwise."""
    team = session.scalar(select(Team).where(Team.slug == team_slug))
    if team is None:
        raise NotFound(N_("There is no such team."))
    return team


def all_teams(session: Session, *, closed: bool = False) -> list[Team]:
    """Teams by name; `closed` ones only when asked for."""
    query = select(Team).order_by(Team.name, Team.id)
    return list(session.scalars(query if closed else query.where(Team.closed_at.is_(None))))


def require_taking(team: Team) -> None:
    """`Conflict` for a team that takes no new orders."""
    if team.closed_at is not None:
        raise Conflict(N_("This team takes no new orders."))


def _require_reachable(team: Team) -> None:
    if team.connection_id is None and not team.email:
        message = N_("A team needs a connection to its tool or an e-mail address.")
        raise Invalid(message, {"connection_id": message, "email": message})


def _checked(session: Session, given: Mapping[str, Any]) -> dict[str, Any]:
    checks: dict[str, Callable[[Any], Any]] = {
        "name": named,
        "kind": _kind,
        "connection_id": lambda value: _connection(session, value),
        "email": lambda value: normalise(PointKind.EMAIL, value) if value else "",
        "options": dict,
        "hours": weekly.check,
        "zone": lambda value: known_zone(value).key,
        "language": _language,
    }
    return {field: checks[field](value) for field, value in given.items()}


def _kind(value: str) -> TeamKind:
    try:
        return TeamKind(value)
    except ValueError:
        raise Invalid.field("kind", N_("Please choose our own team or a supplier.")) from None


def _language(value: str) -> str:
    if value not in LANGUAGES:
        raise Invalid.field("language", N_("Please choose one of %(choices)s."), choices=", ".join(LANGUAGES))
    return value


def _connection(session: Session, connection_id: uuid.UUID | None) -> uuid.UUID | None:
    if connection_id is not None and session.get(Connection, connection_id) is None:
        raise Invalid.field("connection_id", N_("Please choose one of the connections."))
    return connection_id


def _free_slug(session: Session, name: str) -> str:
    base = slug(name)[:36] or "team"
    if base in RESERVED:
        base = f"{base}-team"
    taken = set(session.scalars(select(Team.slug).where(Team.slug.startswith(base))))
    numbered = (f"{base}-{number}" for number in range(2, len(taken) + 3))
    return next(candidate for candidate in (base, *numbered) if candidate not in taken)
