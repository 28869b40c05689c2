"""What mails say, by what happened. All of it goes through gettext, in the reader's language."""

from collections.abc import Mapping
from dataclasses import dataclass

from hub.base.text import N_


@dataclass(frozen=True, slots=True)
class Wording:
    """One sort of mail. Without a `heading` the sentence of the entry is the heading.

    `action` is the text of the one link.
    """

    heading: str = ""
    lead: str = ""
    action: str = N_("Open the case")


STAFF: Mapping[str, Wording] = {
    "case-opened": Wording(N_("New case of %(account)s"), "", N_("Take it up")),
    "reopened": Wording(N_("%(number)s was reopened"), N_("The solution did not hold.")),
    "confirmed": Wording(
        N_("The solution of %(number)s was confirmed"), N_("The case is closed; there is nothing to do.")
    ),
    "handler": Wording(N_("%(number)s is yours to work on")),
    "case-wrote": Wording("", N_("Answer on the case: what you publish there reaches them by mail.")),
}
"""For our own people. What is not named here is told by the sentence of its entry."""

CUSTOMER: Mapping[str, Wording] = {
    "case-shared": Wording(
        N_("We are looking after this"),
        N_("%(number)s is open for you. You can follow it on the portal and answer this mail."),
    ),
    "published": Wording(N_("News on %(number)s"), N_("%(person)s wrote:")),
    "resolved": Wording(
        N_("%(number)s is solved"),
        N_(
            "Please confirm that it works, or tell us what is still wrong. "
            "Without a word from you it closes on %(closes)s."
        ),
        N_("Confirm or reopen"),
    ),
    "reopened": Wording(N_("%(number)s is open again"), N_("We go on working on it.")),
    "cancelled": Wording(N_("%(number)s was cancelled"), N_("This is the reason:")),
    "confirmed": Wording(
        N_("The solution of %(number)s was confirmed"), N_("The case is closed; there is nothing to do.")
    ),
}
"""For customers."""

BY_MONITORING: Mapping[str, str] = {
    "resolved": N_("Monitoring reports that the fault is over."),
    "reopened": N_("Monitoring reports a fault again."),
}
"""Why something happened to a case, where nobody did it: the event then names no entry."""

ANY_CUSTOMER = Wording(N_("News on %(number)s"))
ANY_STAFF = Wording()

PRIORITIES: Mapping[str, str] = {
    "critical": N_("critical"),
    "high": N_("high"),
    "medium": N_("medium"),
    "low": N_("low"),
}


def kind_of(event: str) -> str:
    """What sort of event it is, e.g. `published`."""
    return event.partition(":")[0]


def wording_of(event: str, *, staff: bool) -> Wording:
    """How the mail about an event speaks; `event` is a notice's, e.g. `published:<case id>:<seq>`."""
    kind = kind_of(event)
    return STAFF.get(kind, ANY_STAFF) if staff else CUSTOMER.get(kind, ANY_CUSTOMER)
