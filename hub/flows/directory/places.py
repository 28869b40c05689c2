"""Sites and services of a directory, with the identifiers of services."""

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select

from hub.base import clock
from hub.base.errors import Invalid
from hub.base.text import N_
from hub.domain import accounts
from hub.domain.accounts import Account, Service, Site
from hub.flows.directory.running import Run, changed_words, differences, require_same_account
from hub.plugin.contracts import ServiceRecord, SiteRecord

SITE, SERVICE = "site", "service"


def take_site(run: Run, record: SiteRecord, before: Any, now: Any) -> None:
    """Add, change or close one site."""
    require_same_account(before, now)
    account = run.account(record.account_id)
    site = site_of(run, account, record.external_id)
    if site is None:
        if record.active:
            site = accounts.add_site(
                run.session,
                run.actor,
                account,
                record.name,
                address=record.address,
                zone=record.time_zone or None,
                external_key=record.external_id,
            )
            run.say("added", SITE, record.external_id, f"{site.name} of {account.name} was added.")
        return
    here = {"name": site.name, "address": site.address, "time_zone": site.zone}
    change = run.weigh(SITE, record.external_id, before, here, now)
    wanted = {"zone" if name == "time_zone" else name: value for name, value in change.items()}
    accounts.change_site(run.session, run.actor, site, **wanted, **_end(site, before, now))
    _told(run, SITE, record.external_id, site, change, before, now)


@dataclass(slots=True)
class Services:
    """Takes services; their partners are set when all of them are there."""

    partners: list[tuple[ServiceRecord, Any]] = field(default_factory=list)

    def take(self, run: Run, record: ServiceRecord, before: Any, now: Any) -> None:
        """Add, change or close one service."""
        require_same_account(before, now)
        account = run.account(record.account_id)
        service = service_of(run, account, record.external_id)
        if service is None:
            if not record.active:
                return
            service = _add_service(run, account, record)
        else:
            self._change(run, account, service, record, before, now)
        _identifiers(run, service, record.external_id, before, now)
        if record.partner_id:
            self.partners.append((record, before))

    def _change(
        self, run: Run, account: Account, service: Service, record: ServiceRecord, before: Any, now: Any
    ) -> None:
        site = run.session.get(Site, (account.id, service.site_id)) if service.site_id else None
        here = {
            "name": service.name,
            "kind": service.kind,
            "site_id": (site.external_key or str(site.id)) if site else "",
        }
        change = run.weigh(SERVICE, record.external_id, before, here, now)
        wanted = dict(change)
        if "site_id" in wanted:
            wanted["site_id"] = _site_id(run, account, wanted["site_id"])
        accounts.change_service(run.session, run.actor, service, **wanted, **_end(service, before, now))
        _told(run, SERVICE, record.external_id, service, change, before, now)

    def join_partners(self, run: Run) -> None:
        """Set the redundant twins."""
        for record, before in self.partners:
            run.safely(SERVICE, record.external_id, lambda: _join(run, record, before))  # noqa: B023


def _join(run: Run, record: ServiceRecord, before: Any) -> None:
    account = run.account(record.account_id)
    service, partner = (service_of(run, account, key) for key in (record.external_id, record.partner_id))
    if service is None or partner is None:
        message = N_("Its partner %(partner)s is no service of the same account.")
        raise Invalid(message, partner=record.partner_id)
    own = run.session.get(Service, (account.id, service.partner_id)) if service.partner_id else None
    here = {"partner_id": (own.external_key or str(own.id)) if own else ""}
    if run.weigh(SERVICE, record.external_id, before, here, {"partner_id": record.partner_id}):
        accounts.change_service(run.session, run.actor, service, partner_id=partner.id)
        run.say("changed", SERVICE, record.external_id, f"{service.name}: its twin is {partner.name}.")


def _add_service(run: Run, account: Account, record: ServiceRecord) -> Service:
    service = accounts.add_service(
        run.session,
        run.actor,
        account,
        record.kind or "service",
        record.name,
        site_id=_site_id(run, account, record.site_id) if record.site_id else None,
        external_key=record.external_id,
    )
    run.say("added", SERVICE, record.external_id, f"{service.name} of {account.name} was added.")
    return service


def _identifiers(run: Run, service: Service, external_id: str, before: Any, now: Any) -> None:
    """What the source gained is added, what it lost is ended; those added by hand stay."""
    gained, lost = differences(before, now, "identifiers")
    known = {
        (i.kind, i.value): i for i in accounts.identifiers_of(run.session, service.account_id, service.id)
    }
    for kind, value in gained:
        if (kind, value) not in known:
            accounts.add_identifier(run.session, run.actor, service, kind, value)
            run.say("changed", SERVICE, external_id, f"{service.name} is now known as {kind} {value}.")
    for kind, value in lost:
        if (kind, value) in known:
            accounts.end_identifier(run.session, run.actor, known[kind, value])
            run.say("changed", SERVICE, external_id, f"{service.name} is no longer known as {kind} {value}.")


def site_of(run: Run, account: Account, external_id: str) -> Site | None:
    """The account's site of an id."""
    query = select(Site).where(Site.account_id == account.id, Site.external_key == external_id)
    return run.session.scalar(query)


def service_of(run: Run, account: Account, external_id: str) -> Service | None:
    """The account's service of an id."""
    query = select(Service).where(Service.account_id == account.id, Service.external_key == external_id)
    return run.session.scalar(query)


def _site_id(run: Run, account: Account, external_id: str) -> Any:
    site = site_of(run, account, external_id)
    if site is None:
        raise Invalid(
            N_("The site %(site)s is no site of %(account)s."), site=external_id, account=account.name
        )
    return site.id


def _end(row: Site | Service, before: Any, now: Any) -> dict[str, Any]:
    """Close or open again, where the source has changed its mind."""
    if now["active"]:
        return {"closed_at": None} if before is not None and not before["active"] else {}
    return {"closed_at": row.closed_at or clock.now()}


def _told(
    run: Run, kind: str, external_id: str, row: Site | Service, change: dict[str, Any], before: Any, now: Any
) -> None:
    if change:
        run.say("changed", kind, external_id, f"{row.name}: {changed_words(change)}.")
    if not now["active"] and (before is None or before["active"]):
        run.say("closed", kind, external_id, f"{row.name} was closed.")
    elif now["active"] and before is not None and not before["active"]:
        run.say("changed", kind, external_id, f"{row.name} was opened again.")
