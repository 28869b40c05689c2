"""What pydantic found wrong, as messages for the person who filled in the form."""

from collections.abc import Callable

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from hub.base.errors import Said
from hub.base.text import N_
from hub.plugin.contracts import clip

WORDS = {
    "missing": N_("Please fill this in."),
    "string_too_short": N_("At least %(min_length)s characters, please."),
    "string_too_long": N_("At most %(max_length)s characters, please."),
    "string_pattern_mismatch": N_("This does not have the expected form."),
    "int_parsing": N_("A whole number, please."),
    "int_type": N_("A whole number, please."),
    "int_from_float": N_("A whole number, please."),
    "float_parsing": N_("A number, please."),
    "float_type": N_("A number, please."),
    "greater_than": N_("More than %(gt)s, please."),
    "greater_than_equal": N_("At least %(ge)s, please."),
    "less_than": N_("Less than %(lt)s, please."),
    "less_than_equal": N_("At most %(le)s, please."),
    "literal_error": N_("Please choose one of the list."),
    "enum": N_("Please choose one of the list."),
    "url_parsing": N_("A whole address, please, such as https://tickets.example.com."),
    "url_scheme": N_("The address must start with %(expected_schemes)s."),
    "too_short": N_("At least %(min_length)s, please."),
    "too_long": N_("At most %(max_length)s, please."),
}
OTHER = N_("This value is not accepted.")
_OWN = ("value_error", "assertion_error")
"""What a validator of the model raised: its own sentence, in the catalogue only if it is one of the hub's."""


def in_plain_words(error: ValidationError, clean: Callable[[str], str] = str) -> dict[str, Said]:
    """{field: what is wrong with it}, the first complaint of each field; `""` stands for the form as a
    whole. `clean` takes out of what is quoted what must not be shown."""
    found: dict[str, Said] = {}
    for detail in error.errors(include_url=False, include_input=False):
        name = str(detail["loc"][0]) if detail["loc"] else ""
        found.setdefault(name, _words(detail, clean))
    return found


def _words(detail: ErrorDetails, clean: Callable[[str], str]) -> Said:
    facts = {name: clip(clean(str(value))) for name, value in detail.get("ctx", {}).items()}
    if detail["type"] in _OWN:
        return Said(facts.get("error") or OTHER)
    try:
        return Said(WORDS.get(detail["type"], OTHER), **facts)
    except KeyError:
        return Said(OTHER)
