"""The kinds of timeline entries, and the sentence each one says of its facts.

Messages are gettext ids with named values. Here a kind says one thing to everybody; where a reader is told it
in other words, those stand in `hub.web.sentences`.
"""

from collections.abc import Mapping
from enum import StrEnum
from gettext import NullTranslations
from typing import Any

from hub.base.text import N_, translations


class Kind(StrEnum):
    """Core kinds; a plugin's are `<plugin>.<kind>` and bring their sentence along."""

    ACCOUNT_CREATED = "account.created"
    ACCOUNT_CHANGED = "account.changed"
    SITE_ADDED = "site.added"
    SITE_CHANGED = "site.changed"
    SERVICE_ADDED = "service.added"
    SERVICE_CHANGED = "service.changed"
    IDENTIFIER_ADDED = "identifier.added"
    IDENTIFIER_ENDED = "identifier.ended"
    MEMBER_ADDED = "member.added"
    MEMBER_CHANGED = "member.changed"
    MEMBER_ENDED = "member.ended"
    ASSIGNED = "assignment.started"
    ASSIGNMENT_ENDED = "assignment.ended"
    DUTY_CHANGED = "duty.changed"
    NOBODY_REACHABLE = "duty.nobody_reachable"
    ALERT_RAISED = "alert.raised"
    ALERT_CLEARED = "alert.cleared"
    ALERT_STALE = "alert.stale"
    CASE_OPENED = "case.opened"
    CASE_REPORTED = "case.reported"
    CASE_SHARED = "case.shared"
    CASE_STATE = "case.state"
    CASE_CHANGED = "case.changed"
    CASE_RESOLVED = "case.resolved"
    CASE_CONFIRMED = "case.confirmed"
    CASE_REOPENED = "case.reopened"
    CASE_CLOSED = "case.closed"
    CASE_HANDLER = "case.handler"
    CASE_PRIORITY = "case.priority"
    CASE_NEXT = "case.next"
    CASE_REFERENCE = "case.reference"
    CASE_FOLLOWED = "case.followed"
    NOTE = "message.note"
    PUBLISHED = "message.published"
    CUSTOMER_WROTE = "message.customer"
    CALL_LOGGED = "message.call"
    ORDER_PLACED = "order.placed"
    ORDER_STATE = "order.state"
    ORDER_MESSAGE = "order.message"
    ORDER_UNMAPPED = "order.unmapped"
    ORDER_LINKED = "order.linked"
    NOTICE_SENT = "notice.sent"
    NOTICE_NOT_SENT = "notice.not_sent"
    DELIVERED = "delivery.done"
    DELIVERY_UNKNOWN = "delivery.unknown"
    DELIVERY_FAILED = "delivery.failed"
    ERASED = "entry.erased"
    CORRECTED = "entry.corrected"


SENTENCES: dict[str, str] = {
    Kind.ACCOUNT_CREATED: N_("Account %(name)s was created."),
    Kind.ACCOUNT_CHANGED: N_("The account was changed: %(what)s."),
    Kind.SITE_ADDED: N_("Site %(name)s was added."),
    Kind.SITE_CHANGED: N_("Site %(name)s was changed: %(what)s."),
    Kind.SERVICE_ADDED: N_("Service %(name)s was added."),
    Kind.SERVICE_CHANGED: N_("Service %(name)s was changed: %(what)s."),
    Kind.IDENTIFIER_ADDED: N_("%(service)s is now also known as %(kind)s %(value)s."),
    Kind.IDENTIFIER_ENDED: N_("%(service)s is no longer known as %(kind)s %(value)s."),
    Kind.MEMBER_ADDED: N_("%(person)s joined with the roles %(roles)s."),
    Kind.MEMBER_CHANGED: N_("What %(person)s may see or do was changed: %(what)s."),
    Kind.MEMBER_ENDED: N_("%(person)s left."),
    Kind.ASSIGNED: N_("%(person)s became %(role)s."),
    Kind.ASSIGNMENT_ENDED: N_("%(person)s is no longer %(role)s."),
    Kind.DUTY_CHANGED: N_("%(person)s is responsible now: %(why)s."),
    Kind.NOBODY_REACHABLE: N_("Nobody could be told (%(news)s): %(why)s."),
    Kind.ALERT_RAISED: N_("%(source)s reports: %(title)s (%(severity)s) on %(service)s."),
    Kind.ALERT_CLEARED: N_("%(source)s reports the end of: %(title)s on %(service)s."),
    Kind.ALERT_STALE: N_("A late report of %(source)s was kept and not applied: %(title)s on %(service)s."),
    Kind.CASE_OPENED: N_("%(number)s was opened: %(title)s."),
    Kind.CASE_REPORTED: N_("%(number)s was reported: %(title)s."),
    Kind.CASE_SHARED: N_("We opened %(number)s for you: %(title)s."),
    Kind.CASE_STATE: N_("%(number)s is now %(state)s."),
    Kind.CASE_CHANGED: N_("%(number)s was changed: %(what)s."),
    Kind.CASE_RESOLVED: N_("%(number)s is solved: %(title)s."),
    Kind.CASE_CONFIRMED: N_("The solution of %(number)s was confirmed."),
    Kind.CASE_REOPENED: N_("%(number)s was reopened: %(title)s."),
    Kind.CASE_CLOSED: N_("%(number)s was closed."),
    Kind.CASE_HANDLER: N_("%(person)s works on %(number)s."),
    Kind.CASE_PRIORITY: N_("The priority of %(number)s is %(priority)s now."),
    Kind.CASE_NEXT: N_("What comes next for %(number)s: %(next_step)s"),
    Kind.CASE_REFERENCE: N_("The customer's own reference of %(number)s is %(reference)s."),
    Kind.CASE_FOLLOWED: N_("%(number)s was opened; it follows %(follows)s, which is closed."),
    Kind.NOTE: N_("%(person)s noted."),
    Kind.PUBLISHED: N_("%(person)s wrote about %(number)s."),
    Kind.CUSTOMER_WROTE: N_("%(person)s wrote about %(number)s."),
    Kind.CALL_LOGGED: N_("%(person)s spoke with %(other)s by phone."),
    Kind.ORDER_PLACED: N_("%(order)s was placed with %(team)s: %(title)s."),
    Kind.ORDER_STATE: N_("%(team)s on %(order)s: %(state)s."),
    Kind.ORDER_MESSAGE: N_("%(person)s on %(order)s wrote."),
    Kind.ORDER_UNMAPPED: N_("%(team)s on %(order)s says \u201c%(status)s\u201d, which is not mapped."),
    Kind.ORDER_LINKED: N_("%(order)s is %(external)s in the tool of %(team)s."),
    Kind.NOTICE_SENT: N_("%(person)s is told %(way)s: %(news)s."),
    Kind.NOTICE_NOT_SENT: N_("%(person)s was not told (%(news)s): %(why)s."),
    Kind.DELIVERED: N_("%(what)s was handed over to %(to)s."),
    Kind.DELIVERY_UNKNOWN: N_("Nobody can tell whether %(what)s reached %(to)s; it was sent once more."),
    Kind.DELIVERY_FAILED: N_("%(what)s could not be delivered to %(to)s: %(why)s."),
    Kind.ERASED: N_("An entry was erased: %(why)s."),
    Kind.CORRECTED: N_("A correction: %(what)s."),
}


VARIANTS: dict[tuple[str, str], str] = {
    (Kind.CASE_RESOLVED, "alerts"): N_(
        "%(number)s is solved: %(title)s. Monitoring reports that the fault is over."
    ),
    (Kind.CASE_REOPENED, "alerts"): N_(
        "%(number)s was reopened: %(title)s. Monitoring reports a fault again."
    ),
    (Kind.NOTE, "machine"): N_("Automatic answer of %(sender)s: %(subject)s"),
    (Kind.ALERT_STALE, "return"): N_(
        "%(source)s reports %(title)s on %(service)s again after its end. It was not applied: it may be an "
        "old report that came late. If %(source)s can be asked, it is asked now."
    ),
}
"""What a kind says where the fact `by` has some value."""


NEWS: dict[str, str] = {
    "case-opened": N_("new case %(number)s"),
    "case-shared": N_("we look after %(number)s"),
    "case-wrote": N_("the customer wrote about %(number)s"),
    "published": N_("news on %(number)s"),
    "resolved": N_("%(number)s is solved"),
    "confirmed": N_("the solution of %(number)s is confirmed"),
    "reopened": N_("%(number)s is open again"),
    "cancelled": N_("%(number)s was cancelled"),
    "handler": N_("who works on %(number)s"),
    "order-said": N_("a team wrote about %(number)s"),
    "order-state": N_("a team\u2019s answer on %(number)s"),
}
"""What a notice is about, by the first word of its event."""

ANY_NEWS = N_("%(number)s")

WORDS: dict[str, str] = {
    "registered": N_("registered"),
    "in_progress": N_("in progress"),
    "waiting": N_("waiting"),
    "waiting_customer": N_("waiting for the customer's answer"),
    "waiting_supplier": N_("waiting for a supplier"),
    "waiting_provider_team": N_("waiting for a provider team"),
    "waiting_planned_date": N_("waiting for the planned date"),
    "waiting_approval": N_("waiting for an approval"),
    "resolved": N_("solved"),
    "closed": N_("closed"),
    "cancelled": N_("cancelled"),
    "placed": N_("placed"),
    "accepted": N_("accepted"),
    "question": N_("a question"),
    "done": N_("done"),
    "refused": N_("refused"),
    "low": N_("low"),
    "medium": N_("medium"),
    "high": N_("high"),
    "critical": N_("critical"),
    "major": N_("major"),
    "minor": N_("minor"),
    "warning": N_("warning"),
    "info": N_("information"),
    "unknown": N_("unknown"),
    "title": N_("title"),
    "customer_title": N_("title for the customer"),
    "category": N_("category"),
    "service": N_("service"),
    "site": N_("site"),
    "target": N_("target time"),
    "watchers": N_("who follows it"),
    "no_handler": N_("the responsible contact works on it again"),
    "named": N_("named contact"),
    "deputy": N_("deputy"),
    "escalation": N_("escalation"),
    "last_resort": N_("last resort"),
    "portal_admin": N_("portal admin"),
    "requester": N_("requester"),
    "approver": N_("approver"),
    "technical": N_("technical contact"),
    "billing": N_("billing contact"),
    "viewer": N_("viewer"),
    "name": N_("name"),
    "prefix": N_("prefix of case numbers"),
    "language": N_("language"),
    "zone": N_("time zone"),
    "address": N_("address"),
    "kind": N_("kind"),
    "parent": N_("parent account"),
    "restricted": N_("restricted to its own contacts"),
    "alert_threshold": N_("severity from which alerts open cases"),
    "share_severity": N_("severity from which cases are shared"),
    "share_after_minutes": N_("minutes until cases are shared"),
    "password_login": N_("sign-in with passwords"),
    "external_key": N_("key in the directory"),
    "closed_at": N_("end"),
    "site_id": N_("site"),
    "partner_id": N_("redundant partner"),
    "roles": N_("roles"),
    "limits": N_("limits"),
    "subscriptions": N_("news by mail"),
    "by_email": N_("by mail"),
}
"""Facts that are words of ours, not of people: stored as keys, said in the reader's language."""

NO_ADDRESS = N_("there is no e-mail address of theirs")
NO_VERIFIED_ADDRESS = N_("there is no verified e-mail address of theirs")
NO_LONGER_THEIRS = N_("the case is no longer theirs to see")
NOBODY_LEFT = N_("nobody of the escalation has an e-mail address that works")
REASONS = frozenset({NO_ADDRESS, NO_VERIFIED_ADDRESS, NO_LONGER_THEIRS, NOBODY_LEFT})
"""What stands in the fact `why` where the reason is ours; others are what people or far sides said."""

_SPOKEN = ("state", "priority", "severity", "what", "role", "roles", "way")


class _Facts(dict[str, Any]):
    """An old entry may lack a fact that today's sentence names."""

    def __missing__(self, key: str) -> str:
        return "\u2026"


def message_of(kind: str, facts: Mapping[str, Any]) -> str | None:
    """The untranslated sentence of a core kind; None for any other."""
    return VARIANTS.get((kind, str(facts.get("by", "")))) or SENTENCES.get(kind)


def sentence_of(kind: str, facts: Mapping[str, Any], language: str) -> str:
    """The plain sentence of an entry in one language; for a plugin's kind, what it gave as `sentence`."""
    message = message_of(kind, facts)
    if message is None:
        return str(facts.get("sentence", kind))
    words = translations(language)
    said = _Facts(facts)
    for name in _SPOKEN:
        if name in said:
            said[name] = _said(words, said[name])
    if said.get("why") in REASONS:
        said["why"] = words.gettext(said["why"])
    if "news" in said:
        said["news"] = words.gettext(NEWS.get(said["news"], ANY_NEWS)) % said
    return words.gettext(message) % said


def _said(words: NullTranslations, value: Any) -> Any:
    if isinstance(value, list):
        return ", ".join(str(_said(words, item)) for item in value)
    return words.gettext(WORDS[value]) if isinstance(value, str) and value in WORDS else value
