"""Sites and services of an account, and the identifiers of services."""

import uuid
from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from hub.base import clock, ids
from hub.base.errors import Invalid
from hub.base.text import N_, clean, one_line
from hub.base.zones import zone as known_zone
from hub.domain import timeline
from hub.domain.accounts import changes
from hub.domain.accounts.tables import Account, Identifier, Service, Site
from hub.domain.accounts.verbs import check_sharing
from hub.domain.audit import Actor
from hub.domain.kinds import Kind

_SITE = ("name", "address", "zone", "external_key", "closed_at")
_SERVICE = (
    *("kind", "name", "site_id", "partner_id", "share_severity", "share_after_minutes"),
    *("external_key", "closed_at"),
)


def add_site(
    session: Session,
    actor: Actor,
    account: Account,
    name: str,
    *,
    address: str = "",
    zone: str | None = None,
    external_key: str | None = None,
) -> Site:
    """A place of the account; in the account's zone unless another is given."""
    timeline.lock(session, [account.id])
    values = _checked_site({"name": name, "address": address, "zone": zone or account.zone})
    site = Site(account_id=account.id, id=ids.new_id(), external_key=external_key, closed_at=None, **values)
    session.add(site)
    changes.record(session, account.id, Kind.SITE_ADDED, actor, {"name": site.name}, site_id=site.id)
    return site


def change_site(session: Session, actor: Actor, site: Site, **wanted: Any) -> None:
    """Change name, address, zone, external_key, or close it with `closed_at`."""
    _only(wanted, _SITE)
    timeline.lock(session, [site.account_id])
    changed = changes.apply(site, _checked_site(wanted))
    if changed:
        facts = {"name": site.name, "what": list(changed), "changed": changed}
        changes.record(session, site.account_id, Kind.SITE_CHANGED, actor, facts, site_id=site.id)


def add_service(
    session: Session,
    actor: Actor,
    account: Account,
    kind: str,
    name: str,
    *,
    site_id: uuid.UUID | None = None,
    partner_id: uuid.UUID | None = None,
    share_severity: str | None = None,
    share_after_minutes: int | None = None,
    external_key: str | None = None,
) -> Service:
    """What the account buys. `kind` is any word of the provider's; `partner_id` its redundant twin."""
    timeline.lock(session, [account.id])
    values: dict[str, Any] = {
        "kind": kind,
        "name": name,
        "site_id": site_id,
        "partner_id": partner_id,
        "share_severity": share_severity,
        "share_after_minutes": share_after_minutes,
        "external_key": external_key,
    }
    checked = _checked_service(session, account.id, values)
    service = Service(account_id=account.id, id=ids.new_id(), closed_at=None, **checked)
    session.add(service)
    changes.record(
        session,
        account.id,
        Kind.SERVICE_ADDED,
        actor,
        {"name": service.name, "kind": service.kind},
        weight="headline",
        service_id=service.id,
        site_id=service.site_id,
    )
    return service


def change_service(session: Session, actor: Actor, service: Service, **wanted: Any) -> None:
    """Change any field of `add_service`, or end the service with `closed_at`: signals no longer find it."""
    _only(wanted, _SERVICE)
    timeline.lock(session, [service.account_id])
    changed = changes.apply(service, _checked_service(session, service.account_id, wanted))
    if changed:
        changes.record(
            session,
            service.account_id,
            Kind.SERVICE_CHANGED,
            actor,
            {"name": service.name, "what": list(changed), "changed": changed},
            weight="headline" if "closed_at" in changed else "detail",
            service_id=service.id,
            site_id=service.site_id,
        )


def add_identifier(
    session: Session, actor: Actor, service: Service, kind: str, value: str, *, audience: str = "staff"
) -> Identifier:
    """One more name by which signals and notices find the service; a known one is answered again.

    The value is kept verbatim but for outer blanks: senders write it as their system does.
    """
    if audience not in ("staff", "customer"):
        raise Invalid.field("audience", N_("Please choose staff or customer."))
    kind, value = changes.named(kind, "kind"), changes.named(value, "value")
    timeline.lock(session, [service.account_id])
    now = clock.now()
    known = next(
        (
            i
            for i in identifiers_of(session, service.account_id, service.id)
            if (i.kind, i.value) == (kind, value)
        ),
        None,
    )
    if known is not None:
        return known
    identifier = Identifier(
        account_id=service.account_id,
        id=ids.new_id(),
        service_id=service.id,
        kind=kind,
        value=value,
        audience=audience,
        valid_from=now,
        valid_until=None,
    )
    session.add(identifier)
    facts = {"service": service.name, "kind": kind, "value": value}
    changes.record(session, service.account_id, Kind.IDENTIFIER_ADDED, actor, facts, service_id=service.id)
    return identifier


def end_identifier(session: Session, actor: Actor, identifier: Identifier) -> None:
    """From now on signals with this name no longer find the service."""
    timeline.lock(session, [identifier.account_id])
    if identifier.valid_until is not None:
        return
    identifier.valid_until = clock.now()
    service = session.get_one(Service, (identifier.account_id, identifier.service_id))
    facts = {"service": service.name, "kind": identifier.kind, "value": identifier.value}
    changes.record(session, identifier.account_id, Kind.IDENTIFIER_ENDED, actor, facts, service_id=service.id)


def sites_of(session: Session, account_id: uuid.UUID, also: Collection[uuid.UUID] = ()) -> list[Site]:
    """The open sites of an account, and the closed ones of `also`, by name."""
    query = select(Site).where(Site.account_id == account_id)
    query = query.where(or_(Site.closed_at.is_(None), Site.id.in_(also)))
    return list(session.scalars(query.order_by(Site.name, Site.id)))


def services_of(session: Session, account_id: uuid.UUID, also: Collection[uuid.UUID] = ()) -> list[Service]:
    """The open services of an account, and the closed ones of `also`, by name."""
    query = select(Service).where(Service.account_id == account_id)
    query = query.where(or_(Service.closed_at.is_(None), Service.id.in_(also)))
    return list(session.scalars(query.order_by(Service.name, Service.id)))


def identifiers_of(
    session: Session, account_id: uuid.UUID, service_id: uuid.UUID | None = None
) -> list[Identifier]:
    """The present identifiers of an account's services, or of one of them."""
    now = clock.now()
    query = select(Identifier).where(
        Identifier.account_id == account_id,
        or_(Identifier.valid_until.is_(None), Identifier.valid_until > now),
    )
    if service_id is not None:
        query = query.where(Identifier.service_id == service_id)
    return list(session.scalars(query.order_by(Identifier.kind, Identifier.value)))


def _only(wanted: dict[str, Any], fields: tuple[str, ...]) -> None:
    foreign = set(wanted) - set(fields)
    if foreign:
        raise TypeError(f"no such field: {', '.join(sorted(foreign))}")


def _checked_site(values: dict[str, Any]) -> dict[str, Any]:
    checked = _checked_end(values)
    if "name" in checked:
        checked["name"] = changes.named(checked["name"])
    if "address" in checked:
        checked["address"] = clean(checked["address"])
    if "zone" in checked:
        checked["zone"] = known_zone(checked["zone"]).key
    return checked


def _checked_service(session: Session, account_id: uuid.UUID, values: dict[str, Any]) -> dict[str, Any]:
    checked = _checked_end(values)
    if "name" in checked:
        checked["name"] = changes.named(checked["name"])
    if "kind" in checked:
        checked["kind"] = one_line(changes.named(checked["kind"], "kind"), 40)
    check_sharing(checked)
    for field, table in (("site_id", Site), ("partner_id", Service)):
        key = checked.get(field)
        if key is not None and session.get(table, (account_id, key)) is None:
            raise Invalid.field(field, N_("Please choose one of this account."))
    return checked


def _checked_end(values: dict[str, Any]) -> dict[str, Any]:
    closed_at: datetime | None = values.get("closed_at")
    return values if closed_at is None else {**values, "closed_at": clock.utc(closed_at)}
