"""Adding and changing accounts. Their parent is changed by `coverage.move_account`: it changes duty."""

import re
import uuid
from collections.abc import Collection
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.base import clock, ids
from hub.base.db import as_system
from hub.base.errors import Invalid, NotFound
from hub.base.text import LANGUAGES, N_, slug
from hub.base.zones import zone as known_zone
from hub.domain import timeline
from hub.domain.accounts import changes
from hub.domain.accounts.tables import Account
from hub.domain.audit import Actor
from hub.domain.kinds import Kind

SEVERITIES = ("critical", "major", "minor", "warning", "info")
_CHANGEABLE = (
    *("name", "prefix", "language", "zone", "restricted", "alert_threshold", "share_severity"),
    *("share_after_minutes", "password_login", "external_key"),
)


def add_account(
    session: Session,
    actor: Actor,
    name: str,
    *,
    prefix: str,
    slug: str = "",
    language: str = "en",
    zone: str = "UTC",
    parent: Account | None = None,
    restricted: bool = False,
    alert_threshold: str = "major",
    share_severity: str | None = None,
    share_after_minutes: int | None = None,
    password_login: bool = True,
    external_key: str | None = None,
) -> Account:
    """A new account with its timeline. Without a slug one is made of the name.

    Alerts open a case from `alert_threshold` on; cases of `share_severity` or worse are shared with the
    customer after `share_after_minutes` (0: at once; None: never by itself).
    """
    values: dict[str, Any] = {
        "name": name,
        "prefix": prefix,
        "language": language,
        "zone": zone,
        "restricted": restricted,
        "alert_threshold": alert_threshold,
        "share_severity": share_severity,
        "share_after_minutes": share_after_minutes,
        "password_login": password_login,
        "external_key": external_key,
    }
    account = Account(id=ids.new_id(), created_at=clock.now(), closed_at=None)
    account.slug = _free_slug(session, slug, name)
    account.parent_id = None if parent is None else parent.id
    changes.apply(account, _checked(values))
    _begin_log(session, actor, account)
    return account


def _begin_log(session: Session, actor: Actor, account: Account) -> None:
    session.add(account)
    session.flush()  # the log's head refers to the row
    timeline.open_log(session, account.id, account.language)
    facts = {"name": account.name}
    changes.record(session, account.id, Kind.ACCOUNT_CREATED, actor, facts, weight="headline")


def change_account(session: Session, actor: Actor, account: Account, **wanted: Any) -> None:
    """Change any of the fields of `add_account` but slug and parent. Numbers given out keep their prefix."""
    foreign = set(wanted) - set(_CHANGEABLE)
    if foreign:
        raise TypeError(f"no such field of an account: {', '.join(sorted(foreign))}")
    timeline.lock(session, [account.id])
    changed = changes.apply(account, _checked(wanted))
    if changed:
        if "language" in changed:
            timeline.set_language(session, account.id, account.language)
        facts = {"what": list(changed), "changed": changed}
        changes.record(session, account.id, Kind.ACCOUNT_CHANGED, actor, facts)


def close_account(session: Session, actor: Actor, account: Account) -> None:
    """The customer left: signals no longer match and nobody of theirs comes in; all that happened stays."""
    timeline.lock(session, [account.id])
    changed = changes.apply(account, {"closed_at": account.closed_at or clock.now()})
    if changed:
        facts = {"what": list(changed), "changed": changed}
        changes.record(session, account.id, Kind.ACCOUNT_CHANGED, actor, facts, weight="headline")


def get_account(session: Session, account_id: uuid.UUID) -> Account:
    """The account of an id, for flows and workers; pages go through `access.account`."""
    account = session.get(Account, account_id)
    if account is None:
        raise NotFound(N_("There is no such account."))
    return account


RESERVED = frozenset({"accounts", "queues", "new"})
"""Words that stand where an account's address could stand."""


def _free_slug(session: Session, wanted: str, name: str) -> str:
    made = slug(wanted or name)
    if made in RESERVED:
        if wanted:
            raise Invalid.field(
                "slug", N_("This word is taken by a page of the hub. Please choose another one.")
            )
        made = f"{made}-account"
    if not made or (wanted and made != wanted):
        raise Invalid.field("slug", N_("Addresses take small letters, digits and dashes, like acme-berlin."))
    alike = Account.slug == made if wanted else Account.slug.startswith(made, autoescape=True)
    with as_system(session):  # an address is taken also where this reader may not see by whom
        taken = set(session.scalars(select(Account.slug).where(alike)))
    if wanted and taken:
        raise Invalid.field("slug", N_("Another account has this address."))
    return next(s for s in (made, *(f"{made}-{n}" for n in range(2, len(taken) + 3))) if s not in taken)


def _checked(values: dict[str, Any]) -> dict[str, Any]:
    checked = dict(values)
    if "name" in checked:
        checked["name"] = changes.named(checked["name"])
    if "prefix" in checked:
        checked["prefix"] = check_prefix(checked["prefix"])
    if "zone" in checked:
        checked["zone"] = known_zone(checked["zone"]).key
    _one_of(checked, "language", LANGUAGES)
    _one_of(checked, "alert_threshold", SEVERITIES)
    check_sharing(checked)
    return checked


def check_prefix(prefix: str) -> str:
    """What heads the numbers of an account's cases, as it is kept; `Invalid`."""
    upper = prefix.strip().upper()
    if not re.fullmatch(r"[A-Z][A-Z0-9]{1,9}", upper):
        raise Invalid.field("prefix", N_("A prefix has 2 to 10 letters or digits and starts with a letter."))
    return upper


def check_sharing(values: dict[str, Any]) -> None:
    """When a case of an account or service is shown to the customer by itself."""
    if values.get("share_severity") is not None:
        _one_of(values, "share_severity", SEVERITIES)
    minutes = values.get("share_after_minutes")
    if minutes is not None and not 0 <= minutes <= 7 * 24 * 60:
        raise Invalid.field("share_after_minutes", N_("Please enter 0 to 10080 minutes."))


def _one_of(values: dict[str, Any], field: str, choices: Collection[str]) -> None:
    if field in values and values[field] not in choices:
        raise Invalid.field(field, N_("Please choose one of %(choices)s."), choices=", ".join(choices))
