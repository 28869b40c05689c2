"""Words of states, roles and the like, as sentences and choices use them (the design system draws chips)."""

from collections.abc import Mapping

from hub.base.text import N_
from hub.domain.accounts import Service, Site
from hub.web.words import _

WAIT_REASONS = {
    "customer": N_("waiting for the customer"),
    "supplier": N_("waiting for a supplier"),
    "provider_team": N_("waiting for a team"),
    "planned_date": N_("waiting for a date"),
    "approval": N_("waiting for approval"),
}
CASE_TYPES = {
    "incident": N_("Incident"),
    "service_request": N_("Service request"),
    "question": N_("Question"),
    "planned_work": N_("Planned work"),
    "problem": N_("Problem"),
    "complaint": N_("Complaint"),
}
LEVELS = {"high": N_("high"), "medium": N_("medium"), "low": N_("low")}
PRIORITIES = {"critical": N_("critical"), **LEVELS}
SEVERITIES = {
    "critical": N_("critical"),
    "major": N_("major"),
    "minor": N_("minor"),
    "warning": N_("warning"),
    "info": N_("info"),
    "unknown": N_("severity unknown"),
}
NEWS_WISHES = {
    "": N_("as their roles say"),
    "email": N_("by mail"),
    "none": N_("never"),
}
DUTIES = {
    "named": N_("named contact"),
    "deputy": N_("deputy"),
    "rotation": N_("on-call rotation"),
    "escalation": N_("escalation"),
    "last_resort": N_("last resort"),
}
STAFF_ROLES = {
    "contact": N_("Contact"),
    "oncall": N_("On call"),
    "lead": N_("Lead"),
    "admin": N_("Administrator"),
    "auditor": N_("Auditor"),
}
MEMBER_ROLES = {
    "portal_admin": N_("Portal administrator"),
    "requester": N_("Requester"),
    "approver": N_("Approver"),
    "technical": N_("Technical"),
    "billing": N_("Billing"),
    "viewer": N_("Viewer"),
}
SIDES = {
    "own": N_("Ours"),
    "team": N_("A team of ours"),
    "supplier": N_("A supplier"),
    "customer": N_("A customer"),
}
CHANNELS = {
    "portal": N_("on the portal"),
    "email": N_("by mail"),
    "mail": N_("by mail"),
    "phone": N_("by phone"),
}
CONNECTOR_KINDS = {
    "monitoring": N_("Monitoring"),
    "itsm": N_("Ticket tool"),
    "crm": N_("Directory of customers"),
    "provider": N_("Work orders"),
    "channel": N_("Mail and messages"),
}
TEAM_KINDS = {"internal": N_("A team of ours"), "supplier": N_("A supplier")}
PERSON_KINDS = {"human": N_("A human"), "function": N_("A function (gets mail, cannot sign in)")}


def place_name(place: Site | Service) -> str:
    """What a site or service is called in a list: a closed one stands there only because it was chosen."""
    return _("%(name)s (closed)", name=place.name) if place.closed_at else place.name


def choices(words: Mapping[str, str]) -> list[tuple[str, str]]:
    """Words as options of a field, in the reader's language."""
    return [(value, _(word)) for value, word in words.items()]
