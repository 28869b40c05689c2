"""The services that the world knows by a name: conditions for statements, so that all ask the same."""

from typing import Any

from sqlalchemy import ColumnElement, Table, and_, bindparam, exists, or_, select

from hub.domain.accounts.tables import Account, Identifier, Service

# Tables, not classes: the ORM would take its part of every execution.
IDENTIFIERS: Table = Identifier.__table__  # type: ignore[assignment]
SERVICES: Table = Service.__table__  # type: ignore[assignment]
ACCOUNTS: Table = Account.__table__  # type: ignore[assignment]


def names(kind: ColumnElement[Any], value: ColumnElement[Any]) -> ColumnElement[bool]:
    """Whether a row of `IDENTIFIERS` is this name, at the bound instant `now`."""
    known = IDENTIFIERS.c
    now = bindparam("now", type_=known.valid_from.type)
    return and_(
        known.value == value,
        known.kind == kind,
        known.valid_from <= now,
        or_(known.valid_until.is_(None), known.valid_until > now),
    )


def of_service() -> ColumnElement[bool]:
    """Whether a row of `SERVICES` is the one that the identifier names, and is still delivered."""
    known, service = IDENTIFIERS.c, SERVICES.c
    return and_(
        service.account_id == known.account_id, service.id == known.service_id, service.closed_at.is_(None)
    )


def of_account() -> ColumnElement[bool]:
    """Whether a row of `ACCOUNTS` has that service, and is still a customer's."""
    return and_(ACCOUNTS.c.id == SERVICES.c.account_id, ACCOUNTS.c.closed_at.is_(None))


def is_known(source: Any, kind: ColumnElement[Any], value: ColumnElement[Any]) -> ColumnElement[bool]:
    """Whether any name of `source` (a table of names) is that of a service."""
    return exists(
        select(1)
        .select_from(source)
        .join(IDENTIFIERS, names(kind, value))
        .join(SERVICES, of_service())
        .join(ACCOUNTS, of_account())
    )
