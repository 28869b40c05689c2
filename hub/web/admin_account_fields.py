"""What is asked about an account, its places, services and people."""

import uuid
from collections.abc import Mapping, Sequence

from hub.domain.accounts import Service, Site
from hub.domain.people import Person
from hub.web.sheets import Field
from hub.web.state_words import MEMBER_ROLES, NEWS_WISHES, SEVERITIES, choices, place_name
from hub.web.words import LANGUAGE_NAMES, _


def severities() -> list[tuple[str, str]]:
    """The severities that a threshold may name."""
    return [pair for pair in choices(SEVERITIES) if pair[0] != "unknown"]


def fields_of(*, new: bool) -> list[Field]:
    """What is asked about an account; its address is chosen once, its first contact in `contact_fields`."""
    never = [("", _("Never by itself")), *severities()]
    address = Field("slug", _("Address"), help=_("Small letters, digits, dashes; empty: made of the name."))
    prefix_help = _("Heads the numbers of its cases, like NORD in NORD-10427.")
    return [
        Field("name", _("Name"), required=True),
        Field("prefix", _("Prefix"), required=True, help=prefix_help),
        *([address] if new else []),
        Field("language", _("Language"), "select", True, options=list(LANGUAGE_NAMES.items())),
        Field("zone", _("Time zone"), required=True, help=_("For example Europe/Berlin.")),
        Field("alert_threshold", _("Alerts open a case from"), "select", True, options=severities()),
        Field("share_severity", _("Such cases are shown to the customer from"), "select", options=never),
        _minutes(),
        Field("restricted", _("Restricted: only its own contacts and leads see it"), "check"),
        Field("password_login", _("Its people may sign in with a password of the hub"), "check"),
    ]


def _minutes() -> Field:
    help_text = _("How long a case of that severity stays open before the customer sees it. 0: at once.")
    return Field(
        "share_after_minutes",
        _("Minutes until they are shown"),
        "number",
        help=help_text,
        attrs={"min": 0},
    )


def contact_fields(staff: Sequence[Person]) -> list[Field]:
    """Who is asked to be the contact of a new account."""
    choices_of = some({person.id: person.name for person in staff})
    help_text = _("A restricted account needs one, any other may get one later.")
    return [
        Field("contact", _("Named contact"), "select", options=choices_of, help=help_text),
        *reach_fields(required=False),
    ]


def reach_fields(*, required: bool) -> list[Field]:
    """What customers see of who is responsible."""
    return [
        Field("reach_name", _("Name that customers see"), required=required),
        Field("reach_phone", _("Telephone that customers see"), "tel"),
        Field("reach_email", _("Mail address that customers see"), "email"),
    ]


def parent_fields() -> list[Field]:
    """What is asked about an account's place among others."""
    help_text = _(
        "The address of the account above it, like acme-group; empty: none. Contacts and people of the "
        "parent are those of this account too, where it has none of its own."
    )
    return [Field("parent", _("Parent account"), help=help_text)]


def site_fields() -> list[Field]:
    """What is asked about a site."""
    return [
        Field("name", _("Name"), required=True),
        Field("address", _("Address"), "textarea"),
        Field("zone", _("Time zone"), required=True),
    ]


def service_fields(sites: Sequence[Site], services: Sequence[Service]) -> list[Field]:
    """What is asked about a service, with the sites and the partners that it may have."""
    policy = [("", _("As the account says")), *severities()]
    return [
        Field("name", _("Name"), required=True),
        Field("kind", _("Kind"), required=True, help=_("Any word of yours: circuit, rack, host, desk …")),
        Field("site", _("Site"), "select", options=some({site.id: place_name(site) for site in sites})),
        Field(
            "partner",
            _("Takes over when it fails"),
            "select",
            options=some({service.id: place_name(service) for service in services}),
        ),
        Field("share_severity", _("Its cases are shown to the customer from"), "select", options=policy),
        _minutes(),
    ]


def member_fields(sites: Sequence[Site], services: Sequence[Service]) -> list[Field]:
    """What is asked about a person of the customer: what they may do, and what they see."""
    places = [(str(site.id), place_name(site)) for site in sites]
    bought = [(str(service.id), place_name(service)) for service in services]
    sees = [("everything", _("Everything of the account")), ("some", _("Only what is ticked here"))]
    return [
        Field("roles", _("Roles"), "checks", options=choices(MEMBER_ROLES)),
        Field("sees", _("What they see"), "radios", True, options=sees),
        Field("sites", _("Only these sites"), "checks", options=places),
        Field("services", _("Only these services"), "checks", options=bought),
    ]


def news_fields() -> list[Field]:
    """Of what a person of the customer is told, and how."""
    help_text = _("Of what they reported or follow themselves they are told unless it says never.")
    wishes = choices(NEWS_WISHES)
    return [Field("case_update", _("News of cases"), "select", options=wishes, help=help_text)]


def some(names: Mapping[uuid.UUID, str]) -> list[tuple[str, str]]:
    """Choices of which none need be made."""
    return [("", "\u2013")] + [(str(key), name) for key, name in names.items()]
