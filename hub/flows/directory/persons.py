"""People of a directory: who they are, how to reach them, and what they may do in their account."""

from typing import Any

from sqlalchemy import select

from hub.base import clock
from hub.base.errors import Invalid
from hub.base.text import N_
from hub.domain import accounts, people
from hub.domain.accounts import Account, Limits, Membership, Service, Site
from hub.domain.people import Person, PersonKind, PointKind
from hub.flows.directory.places import service_of, site_of
from hub.flows.directory.running import Run, changed_words, differences, require_same_account
from hub.plugin.contracts import PersonRecord

KIND = "person"
DEFAULT_ROLES = ["viewer"]


def take(run: Run, record: PersonRecord, before: Any, now: Any) -> None:
    """Add, change or end one person's place in an account."""
    require_same_account(before, now)
    account = run.account(record.account_id)
    person = _known(run, record)
    if person is None:
        if not record.active:
            return
        person = _add(run, account, record)
    else:
        _change(run, record, person, before, now)
    _points(run, record.external_id, person, before, now)
    _membership(run, account, person, record, before, now)


def _known(run: Run, record: PersonRecord) -> Person | None:
    """The person of the id, or one with the same address who was entered by hand and has no id yet."""
    person = run.session.scalar(select(Person).where(Person.external_key == record.external_id))
    if person is not None:
        return person
    for kind, value in record.contact_points:
        same = people.find_by_point(run.session, kind, value) if kind == PointKind.EMAIL else []
        if len(same) == 1 and same[0].external_key is None and not people.roles_of(run.session, same[0].id):
            same[0].external_key = record.external_id
            run.say(
                "changed", KIND, record.external_id, f"{same[0].name} is known by {value} and gets this id."
            )
            return same[0]
    return None


def _add(run: Run, account: Account, record: PersonRecord) -> Person:
    person = people.add_person(
        run.session,
        run.actor,
        record.name,
        kind=PersonKind.FUNCTION if record.is_function else PersonKind.HUMAN,
        language=record.language or account.language,
        zone=record.time_zone or account.zone,
        external_key=record.external_id,
    )
    run.say("added", KIND, record.external_id, f"{person.name} of {account.name} was added.")
    return person


def _change(run: Run, record: PersonRecord, person: Person, before: Any, now: Any) -> None:
    here = {"name": person.name, "language": person.language, "time_zone": person.zone}
    change = run.weigh(KIND, record.external_id, before, here, now)
    if change:
        wanted = {"zone" if name == "time_zone" else name: value for name, value in change.items()}
        people.change_person(run.session, run.actor, person, **wanted)
        run.say("changed", KIND, record.external_id, f"{person.name}: {changed_words(change)}.")


def _points(run: Run, external_id: str, person: Person, before: Any, now: Any) -> None:
    """Addresses and numbers that the source gained or lost; those added by hand stay.

    They are our own records of our own customer, so they count as verified.
    """
    gained, lost = differences(before, now, "contact_points")
    known = {(p.kind, p.normalised): p for p in people.points_of(run.session, person.id)}
    for kind, value in gained:
        if (kind, people.normalise(kind, value)) not in known:
            people.add_point(run.session, run.actor, person.id, kind, value, verified=True)
            if before is not None:
                run.say("changed", KIND, external_id, f"{person.name} is also reached at {value}.")
    for kind, value in lost:
        point = known.get((kind, people.normalise(kind, value)))
        if point is not None:
            people.end_point(run.session, run.actor, point)
            run.say("changed", KIND, external_id, f"{person.name} is no longer reached at {value}.")


def _membership(
    run: Run, account: Account, person: Person, record: PersonRecord, before: Any, now: Any
) -> None:
    query = select(Membership).where(Membership.account_id == account.id, Membership.person_id == person.id)
    member = run.session.scalar(query)
    present = member is not None and (member.valid_until is None or member.valid_until > clock.now())
    if not record.active:
        if member is not None and present:
            accounts.end_member(run.session, run.actor, member)
            run.say("closed", KIND, record.external_id, f"{person.name} has left {account.name}.")
    elif member is None or (not present and before is not None and not before["active"]):
        roles, limits = list(record.roles) or DEFAULT_ROLES, _limits(run, account, record)
        accounts.add_member(run.session, run.actor, account, person, roles, limits=limits)
    elif present:
        _change_member(run, account, person, member, record, before)
    else:
        run.say("kept", KIND, record.external_id, f"{person.name} was let go in the hub and stays so.")


def _change_member(
    run: Run, account: Account, person: Person, member: Membership, record: PersonRecord, before: Any
) -> None:
    limits = Limits.read(member.limits)
    here = {
        "roles": sorted(member.roles),
        "site_ids": _keys(run, account, Site, limits.sites),
        "service_ids": _keys(run, account, Service, limits.services),
    }
    now = {name: sorted(getattr(record, name)) for name in here}
    old = None if before is None else {name: sorted(before[name]) for name in here}
    if old is not None and not old["roles"]:
        old["roles"] = DEFAULT_ROLES
    change = run.weigh(KIND, record.external_id, old, here, now)
    if change:
        mixed = {**here, **change}
        wanted = _limits_of(run, account, mixed["site_ids"], mixed["service_ids"])
        accounts.change_member(run.session, run.actor, member, roles=mixed["roles"], limits=wanted)
        run.say("changed", KIND, record.external_id, f"{person.name}: {changed_words(change)}.")


def _keys(run: Run, account: Account, table: type[Site] | type[Service], ids: Any) -> list[str]:
    """External ids of what a membership is limited to; what has none stands by its own id."""
    query = select(table.external_key, table.id).where(
        table.account_id == account.id, table.id.in_(ids or ())
    )
    return sorted(external_key or str(row_id) for external_key, row_id in run.session.execute(query))


def _limits(run: Run, account: Account, record: PersonRecord) -> Limits:
    return _limits_of(run, account, record.site_ids, record.service_ids)


def _limits_of(run: Run, account: Account, site_ids: Any, service_ids: Any) -> Limits:
    sites = {_found(site_of(run, account, key), account, key).id for key in site_ids}
    services = {_found(service_of(run, account, key), account, key).id for key in service_ids}
    return Limits(frozenset(sites) if sites else None, frozenset(services) if services else None)


def _found(row: Any, account: Account, key: str) -> Any:
    if row is None:
        raise Invalid(N_("%(key)s is no site or service of %(account)s."), key=key, account=account.name)
    return row
