"""What a CRM or directory knows about customers. Ids are the source's own; the hub links them, and never
overwrites what it owns itself. Empty text or an empty tuple means "the source does not say", which changes
nothing in the hub."""

from dataclasses import dataclass

from hub.plugin.contracts.text import Key, Line, Text


@dataclass(frozen=True, slots=True)
class AccountRecord:
    """A business customer. `prefix` starts its case numbers (`ACME`); `language` is BCP 47, `time_zone`
    IANA."""

    external_id: Key
    name: Key
    prefix: Line = ""
    parent_id: Line = ""
    time_zone: Line = ""
    language: Line = ""
    active: bool = True


@dataclass(frozen=True, slots=True)
class SiteRecord:
    """A place of an account (`account_id`: the account's external id)."""

    external_id: Key
    account_id: Key
    name: Key
    address: Text = ""
    time_zone: Line = ""
    active: bool = True


@dataclass(frozen=True, slots=True)
class ServiceRecord:
    """What the account buys. `identifiers` are (kind, value) pairs by which signals find it, for example
    ("circuit", "CIR-4711"); `partner_id` is the external id of the redundant twin."""

    external_id: Key
    account_id: Key
    name: Key
    kind: Line = ""
    site_id: Line = ""
    partner_id: Line = ""
    identifiers: tuple[tuple[str, str], ...] = ()
    active: bool = True


@dataclass(frozen=True, slots=True)
class PersonRecord:
    """A human, or a function such as a NOC mailbox, in one account.

    `contact_points` are (kind, value): ("email", "..."), ("phone", "+49..."). `roles` are the membership
    roles `portal_admin, requester, approver, technical, billing, viewer`; `site_ids` and `service_ids` limit
    the membership.
    """

    external_id: Key
    account_id: Key
    name: Key
    is_function: bool = False
    contact_points: tuple[tuple[str, str], ...] = ()
    roles: tuple[str, ...] = ()
    site_ids: tuple[str, ...] = ()
    service_ids: tuple[str, ...] = ()
    language: Line = ""
    time_zone: Line = ""
    active: bool = True


@dataclass(frozen=True, slots=True)
class RecordProblem:
    """A row that was left out: where it stands (`people.csv line 7`), and what to do about it."""

    where: Line
    reason: Text


@dataclass(frozen=True, slots=True)
class DirectoryBatch:
    """One reading of the directory.

    `complete` true: these are all records, so one that the hub has linked and that is missing here has gone
    from the source. `cursor` lets the source answer only with what changed since; `more` asks the hub to call
    again at once.
    """

    accounts: tuple[AccountRecord, ...] = ()
    people: tuple[PersonRecord, ...] = ()
    sites: tuple[SiteRecord, ...] = ()
    services: tuple[ServiceRecord, ...] = ()
    problems: tuple[RecordProblem, ...] = ()
    cursor: Text = ""
    complete: bool = False
    more: bool = False
