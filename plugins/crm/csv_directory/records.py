"""Rows as records: each checked by itself, then for what it points to."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from hub.plugin.contracts import (
    AccountRecord,
    DirectoryBatch,
    PersonRecord,
    RecordProblem,
    ServiceRecord,
    SiteRecord,
    clip,
)
from plugins.crm.csv_directory.table import Row, Table, Wrong, read

Record = TypeVar("Record", AccountRecord, SiteRecord, ServiceRecord, PersonRecord)
ROLES = ("portal_admin", "requester", "approver", "technical", "billing", "viewer")
COLUMNS = {
    "accounts.csv": ("id", "name", "prefix", "parent", "time_zone", "language", "active"),
    "sites.csv": ("id", "account", "name", "address", "time_zone", "active"),
    "services.csv": ("id", "account", "name", "kind", "site", "partner", "identifiers", "active"),
    "people.csv": (
        *("id", "account", "name", "function", "email", "phone", "roles", "sites", "services"),
        *("language", "time_zone", "active"),
    ),
}
FILES = tuple(COLUMNS)


@dataclass(slots=True)
class Reading:
    """Good records by id, with where they stand; what is wrong goes to `problems`."""

    problems: list[RecordProblem] = field(default_factory=list)
    places: dict[tuple[type, str], str] = field(default_factory=dict)

    def take(self, table: Table, make: Callable[[Row], Record]) -> dict[str, Record]:
        """A file's records; a wrong line is left out and named."""
        self.problems += table.problems
        found: dict[str, Record] = {}
        for row in table.rows:
            try:
                record = make(row)
                if record.external_id in found:
                    first = self.places[type(record), record.external_id]
                    raise Wrong(f"The id {record.external_id} is already taken by {first}; ids are unique.")
            except Wrong as error:
                self.problems.append(RecordProblem(row.where, str(error)))
                continue
            found[record.external_id] = record
            self.places[type(record), record.external_id] = row.where
        return found

    def keep(
        self,
        records: dict[str, Record],
        pointers: Callable[[Record], Iterable[tuple[str, str, Mapping[str, Any]]]],
    ) -> None:
        """Leave out records that point at nothing, and then those that point at them."""
        while gone := self._dangling(records, pointers):
            for key, column, target in gone:
                reason = f"{column} is {clip(target, 60)}, which is not in the files or was left out."
                self.problems.append(RecordProblem(self.places[type(records[key]), key], reason))
                del records[key]

    def _dangling(
        self,
        records: dict[str, Record],
        pointers: Callable[[Record], Iterable[tuple[str, str, Mapping[str, Any]]]],
    ) -> list[tuple[str, str, str]]:
        gone = {}
        for key, record in records.items():
            for column, target, among in pointers(record):
                if target and target not in among:
                    gone[key] = (key, column, target)
        return list(gone.values())


def batch(files: Mapping[str, bytes], cursor: str) -> DirectoryBatch:
    """Everything in the files; `complete` where all four are there and nothing was left out."""
    reading = Reading()
    needed = {name: ("id", "name") if name == "accounts.csv" else ("id", "account", "name") for name in FILES}
    tables = {
        name: read(name, files[name], COLUMNS[name], needed[name]) if name in files else Table()
        for name in FILES
    }
    accounts = reading.take(tables["accounts.csv"], _account)
    sites = reading.take(tables["sites.csv"], _site)
    services = reading.take(tables["services.csv"], _service)
    people = reading.take(tables["people.csv"], _person)
    if "accounts.csv" in files:
        reading.keep(accounts, lambda a: [("parent", a.parent_id, accounts)])
        reading.keep(sites, lambda s: [("account", s.account_id, accounts)])
        reading.keep(services, lambda s: [("account", s.account_id, accounts)])
        reading.keep(people, lambda p: [("account", p.account_id, accounts)])
    if "sites.csv" in files:
        reading.keep(services, lambda s: [("site", s.site_id, sites)])
        reading.keep(people, lambda p: [("sites", site, sites) for site in p.site_ids])
    reading.keep(services, lambda s: [("partner", s.partner_id, services)])
    if "services.csv" in files:
        reading.keep(people, lambda p: [("services", service, services) for service in p.service_ids])
    return DirectoryBatch(
        accounts=tuple(accounts.values()),
        sites=tuple(sites.values()),
        services=tuple(services.values()),
        people=tuple(people.values()),
        problems=tuple(reading.problems),
        cursor=cursor,
        complete=len(files) == len(FILES) and not reading.problems,
    )


def _account(row: Row) -> AccountRecord:
    return AccountRecord(
        external_id=row.needed("id"),
        name=row.needed("name"),
        prefix=row.text("prefix"),
        parent_id=row.text("parent"),
        time_zone=_zone(row),
        language=row.text("language"),
        active=row.switch("active", True),
    )


def _site(row: Row) -> SiteRecord:
    return SiteRecord(
        external_id=row.needed("id"),
        account_id=row.needed("account"),
        name=row.needed("name"),
        address=row.cells.get("address", ""),
        time_zone=_zone(row),
        active=row.switch("active", True),
    )


def _service(row: Row) -> ServiceRecord:
    return ServiceRecord(
        external_id=row.needed("id"),
        account_id=row.needed("account"),
        name=row.needed("name"),
        kind=row.text("kind"),
        site_id=row.text("site"),
        partner_id=row.text("partner"),
        identifiers=tuple(_pair(part) for part in row.several("identifiers")),
        active=row.switch("active", True),
    )


def _person(row: Row) -> PersonRecord:
    roles = tuple(role.casefold().replace(" ", "_") for role in row.several("roles"))
    if wrong := [role for role in roles if role not in ROLES]:
        raise Wrong(f"The role {clip(wrong[0], 40)} is not known; write some of {', '.join(ROLES)}.")
    return PersonRecord(
        external_id=row.needed("id"),
        account_id=row.needed("account"),
        name=row.needed("name"),
        is_function=row.switch("function", False),
        contact_points=tuple((kind, value) for kind in ("email", "phone") for value in row.several(kind)),
        roles=roles,
        site_ids=row.several("sites"),
        service_ids=row.several("services"),
        language=row.text("language"),
        time_zone=_zone(row),
        active=row.switch("active", True),
    )


def _pair(part: str) -> tuple[str, str]:
    kind, equals, value = part.partition("=")
    if not equals or not kind.strip() or not value.strip():
        raise Wrong(f"The identifier {clip(part, 60)} is not of the form kind=value, as in circuit=CIR-4711.")
    return kind.strip(), value.strip()


def _zone(row: Row) -> str:
    name = row.text("time_zone")
    if name:
        try:
            ZoneInfo(name)
        except (KeyError, OSError, ValueError):
            raise Wrong(
                f"The time zone {clip(name, 40)} is not known; write one like Europe/Berlin."
            ) from None
    return name
