"""The sentence of a line in the words of its reader: staff or customer, beside its case or elsewhere.

An entry is kept once, with one sentence. Where it is read changes how it is said: "for you" is right for the
customer alone, and on the page of a case its number stands above and need not lead every line.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup, escape

from hub.base.text import N_, translations
from hub.domain.kinds import ANY_NEWS, NEWS, REASONS, WORDS, Kind, message_of
from hub.domain.reading import Line
from hub.web.state_words import DUTIES
from hub.web.words import _, language

CaseLink = Callable[[str], str]
_BOLD = frozenset({"person", "team", "source", "title", "name"})
_FACT_WORDS = frozenset({"state", "priority", "severity", "what", "way", "roles"})
_CUSTOMERS_WORDS = {"waiting_customer": N_("waiting for your answer")}

_Messages = Mapping[Any, str]
_BY_LENS: Mapping[str, _Messages] = {
    "staff": {Kind.CASE_SHARED: N_("%(number)s is shared with the customer: %(title)s.")},
    "customer": {Kind.CASE_REFERENCE: N_("Your own reference of %(number)s is %(reference)s.")},
}
_AT_HOME_BY_LENS: Mapping[str, _Messages] = {
    "staff": {
        Kind.CASE_SHARED: N_("Shared with the customer: %(title)s."),
        Kind.CASE_REFERENCE: N_("The customer's own reference is %(reference)s."),
    },
    "customer": {
        Kind.CASE_SHARED: N_("We opened this case for you: %(title)s."),
        Kind.CASE_REFERENCE: N_("Your own reference is %(reference)s."),
    },
}
_AT_HOME: _Messages = {
    Kind.CASE_OPENED: N_("Opened: %(title)s."),
    Kind.CASE_REPORTED: N_("Reported: %(title)s."),
    Kind.CASE_STATE: N_("It is %(state)s now."),
    Kind.CASE_CHANGED: N_("Changed: %(what)s."),
    Kind.CASE_RESOLVED: N_("It is solved."),
    (Kind.CASE_RESOLVED, "alerts"): N_("It is solved. Monitoring reports that the fault is over."),
    Kind.CASE_CONFIRMED: N_("The solution was confirmed."),
    Kind.CASE_REOPENED: N_("It was reopened."),
    (Kind.CASE_REOPENED, "alerts"): N_("It was reopened. Monitoring reports a fault again."),
    Kind.CASE_CLOSED: N_("It was closed."),
    Kind.CASE_HANDLER: N_("%(person)s works on it."),
    Kind.CASE_PRIORITY: N_("The priority is %(priority)s now."),
    Kind.CASE_NEXT: N_("What comes next: %(next_step)s"),
    Kind.CASE_FOLLOWED: N_("It was opened and follows %(follows)s, which is closed."),
    Kind.PUBLISHED: N_("%(person)s wrote."),
    Kind.CUSTOMER_WROTE: N_("%(person)s wrote."),
}
_NEWS_AT_HOME: Mapping[str, str] = {
    "case-opened": N_("the new case"),
    "case-shared": N_("that we look after it"),
    "case-wrote": N_("what the customer wrote"),
    "published": N_("what we wrote"),
    "resolved": N_("the solution"),
    "confirmed": N_("that the solution is confirmed"),
    "reopened": N_("that it is open again"),
    "cancelled": N_("that it was cancelled"),
    "handler": N_("who works on it"),
    "order-said": N_("what a team wrote"),
    "order-state": N_("a team\u2019s answer"),
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a line is read: through which lens, on the page of which case, and how cases are linked."""

    lens: str
    case_link: CaseLink
    own: str | None = None


class _Facts(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return "\u2026"


def sentence(line: Line, number: str | None, place: Place) -> Markup:
    """The sentence in the reader's language, its facts escaped, linked and in words."""
    message = _message(line, place)
    if line.erased or message is None:
        return escape(line.sentence)
    facts = _Facts({key: _fact(key, value, number, place) for key, value in line.data.items()})
    return Markup(escape(translations(language()).gettext(message))) % facts  # noqa: S704 - facts are escaped


def _message(line: Line, place: Place) -> str | None:
    by_case = line.data.get("number")
    tables = [_BY_LENS[place.lens]]
    if place.own is not None and by_case == place.own:
        tables = [_AT_HOME_BY_LENS[place.lens], _AT_HOME, *tables]
    for table in tables:
        for key in ((line.kind, str(line.data.get("by", ""))), line.kind):
            if key in table:
                return table[key]
    return message_of(line.kind, line.data)


def _fact(key: str, value: Any, number: str | None, place: Place) -> Any:
    if key == "role" and isinstance(value, str):
        return _(DUTIES.get(value, value))
    if key in _FACT_WORDS:
        return _in_words(value, place.lens)
    if key == "why" and value in REASONS:
        return _(value)
    if key == "news":
        return _news(str(value), number, place)
    if key == "number" and number == value:
        return Markup('<a class="case" href="{}">{}</a>').format(place.case_link(str(value)), value)
    if key == "order" and number is not None:
        link = f"{place.case_link(number)}#{value}"
        return Markup('<a class="case" href="{}">{}</a>').format(link, value)
    if key in _BOLD:
        return Markup("<b>{}</b>").format(value)
    return value


def _news(event: str, number: str | None, place: Place) -> Markup:
    """What somebody was told of, in words, with the case as a link."""
    if number is not None and number == place.own and event in _NEWS_AT_HOME:
        return escape(_(_NEWS_AT_HOME[event]))
    message = escape(translations(language()).gettext(NEWS.get(event, ANY_NEWS)))
    case = _fact("number", number, number, place) if number else ""
    return Markup(message) % {"number": case}  # noqa: S704 - the message is escaped, the number by `_fact`


def _in_words(value: Any, lens: str) -> str:
    if isinstance(value, list):
        return ", ".join(_in_words(item, lens) for item in value)
    if lens == "customer" and value in _CUSTOMERS_WORDS:
        return _(_CUSTOMERS_WORDS[value])
    return _(WORDS.get(str(value), str(value)))
