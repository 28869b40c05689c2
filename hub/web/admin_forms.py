"""What administrators type."""

import uuid
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator

from hub.base.errors import Invalid
from hub.base.text import N_
from hub.domain.accounts import CASE_NEWS, Limits, check_prefix
from hub.domain.connections import check_networks
from hub.domain.people import PointKind, normalise
from hub.web.forms import (
    ClockText,
    Fields,
    FutureMoment,
    Language,
    Line,
    Moment,
    NeededMoment,
    Optional,
    OptionalText,
    Zone,
    chosen,
    maybe,
    ruled,
)

Severity = Literal["critical", "major", "minor", "warning", "info"]


MaybeId = Annotated[uuid.UUID | None, BeforeValidator(maybe)]
Id = Annotated[uuid.UUID, BeforeValidator(chosen)]
MaybeNumber = Annotated[int | None, BeforeValidator(maybe)]
MaybeSeverity = Annotated[Severity | None, BeforeValidator(maybe)]
Duty = Literal["named", "deputy", "escalation"]
Prefix = Annotated[Line, ruled(check_prefix)]
Phone = Annotated[Optional, ruled(partial(normalise, PointKind.PHONE))]
Mail = Annotated[Optional, ruled(partial(normalise, PointKind.EMAIL))]


class Reach(Fields):
    """What customers see of one of us."""

    reach_name: Line
    reach_phone: Phone = ""
    reach_email: Mail = ""


class LastResort(Reach):
    """Who answers when nobody else does, and what customers see of them."""

    person: Id


class AccountForm(Fields):
    """An account's own data."""

    name: Line
    prefix: Prefix
    language: Language
    zone: Zone
    alert_threshold: Severity = "major"
    share_severity: MaybeSeverity = None
    share_after_minutes: MaybeNumber = None
    restricted: bool = False
    password_login: bool = False


class NewAccountForm(AccountForm):
    """A new account, with who is responsible for it and what customers see of them."""

    slug: Optional = ""
    contact: MaybeId = None
    reach_name: Optional = ""
    reach_phone: Phone = ""
    reach_email: Mail = ""


class SiteForm(Fields):
    """A place of an account."""

    name: Line
    address: OptionalText = ""
    zone: Zone


class ServiceForm(Fields):
    """What the account buys."""

    kind: Line
    name: Line
    site: MaybeId = None
    partner: MaybeId = None
    share_severity: MaybeSeverity = None
    share_after_minutes: MaybeNumber = None

    def values(self) -> dict[str, Any]:
        """By the names of the verbs."""
        named = self.model_dump(exclude={"site", "partner"})
        return {**named, "site_id": self.site, "partner_id": self.partner}


class IdentifierForm(Fields):
    """A name by which signals find a service."""

    service: Id
    kind: Line
    value: Line
    audience: Literal["staff", "customer"] = "staff"


class MemberRights(Fields):
    """What a person of the customer may do in an account, and to which part of it that is limited."""

    roles: list[str] = []
    sees: Literal["everything", "some"]
    sites: list[uuid.UUID] = []
    services: list[uuid.UUID] = []

    def limits(self) -> Limits:
        """No limit is a choice of its own: boxes that nobody ticked, or ticked in vain, must not give it."""
        ticked = bool(self.sites or self.services)
        if self.sees == "everything":
            if ticked:
                raise Invalid.field("sees", N_("Some are ticked: choose those, or untick them."))
            return Limits()
        if not ticked:
            raise Invalid.field("sites", N_("Please tick at least one site or service."))
        return Limits(frozenset(self.sites) or None, frozenset(self.services) or None)


class MemberForm(MemberRights):
    """A person of the customer is let in."""

    person: Id


class ChangeMemberForm(MemberRights):
    """What a person of the customer may do and is told of."""

    case_update: Literal["", "email", "none"] = ""

    def subscriptions(self, kept: Mapping[str, Sequence[str]]) -> dict[str, Sequence[str]]:
        """Their wishes with this one changed; no wish: their roles decide."""
        others = {news: channels for news, channels in kept.items() if news != CASE_NEWS}
        if not self.case_update:
            return others
        return {**others, CASE_NEWS: ["email"] if self.case_update == "email" else []}


class ParentForm(Fields):
    """The account above an account, by its address."""

    parent: Optional = ""


class AssignmentForm(Reach):
    """Who of us is responsible, when, and what customers see of them."""

    role: Duty
    person: Id
    level: MaybeNumber = None
    position: MaybeNumber = None
    days: list[int] = []
    begins: ClockText = ""
    ends: ClockText = ""
    zone: Zone
    valid_from: Moment = None
    valid_until: FutureMoment = None

    def hours(self) -> list[dict[str, Any]]:
        """Weekly hours as an assignment keeps them; none for always."""
        if not self.days:
            return []
        return [{"days": self.days, "from": self.begins or "00:00", "until": self.ends or "24:00"}]


class PersonForm(Fields):
    """A human or a function."""

    name: Line
    kind: Literal["human", "function"] = "human"
    language: Language
    zone: Zone
    email: Optional = ""
    phone: Optional = ""


class PointForm(Fields):
    """One more way to reach a person."""

    kind: Literal["email", "phone", "sms"]
    value: Line


class PasswordForm(Fields):
    """How a person signs in; set by an administrator, changed by the person."""

    login: Line
    password: str


class RolesForm(Fields):
    """What one of us may do."""

    roles: list[str] = []


class AbsenceForm(Fields):
    """When one of us is away."""

    starts_at: NeededMoment
    ends_at: NeededMoment
    reason: Optional = ""


class TeamForm(Fields):
    """Who solves, and how they are reached."""

    name: Line
    kind: Literal["internal", "supplier"]
    connection: MaybeId = None
    email: Optional = ""
    options: OptionalText = ""
    language: Language
    zone: Zone


STATES = ("accepted", "in_progress", "question", "done", "refused", "cancelled")


def lines(text: str) -> list[str]:
    """One thing a line; empty lines are none."""
    return [line.strip() for line in text.splitlines() if line.strip()]


def pairs(text: str) -> dict[str, str]:
    """What words of a tool mean, one `word = state` a line; `Invalid` for another state."""
    parted = [
        (word.strip(), state.strip())
        for word, _equals, state in (line.partition("=") for line in lines(text))
    ]
    if any(not word or state not in STATES for word, state in parted):
        raise Invalid.field("status_map", N_("Each line needs a word, = and one of the states."))
    return dict(parted)


class ConnectionForm(Fields):
    """What every connection has beside the settings that its connector declares."""

    name: Line
    side: Literal["own", "team", "supplier", "customer"] = "own"
    body_limit: MaybeNumber = None
    allowed_networks: Annotated[OptionalText, ruled(lambda text: check_networks(lines(text)))] = ""
    status_map: Annotated[OptionalText, ruled(pairs)] = ""
    enabled: bool = False

    def common(self) -> dict[str, Any]:
        """By the names of the verbs: what any connection may have."""
        return {
            "allowed_networks": lines(self.allowed_networks),
            "status_map": pairs(self.status_map),
            "body_limit": self.body_limit,
        }


class RowForm(Fields):
    """A button in a row of a table."""

    id: Id
