"""What pydantic found wrong, in words for the person who filled in the form."""

from pydantic import ValidationError
from pydantic_core import ErrorDetails

WORDS = {
    "missing": "Please fill this in.",
    "string_too_short": "At least {min_length} characters, please.",
    "string_too_long": "At most {max_length} characters, please.",
    "string_pattern_mismatch": "This does not have the expected form.",
    "int_parsing": "A whole number, please.",
    "int_type": "A whole number, please.",
    "int_from_float": "A whole number, please.",
    "float_parsing": "A number, please.",
    "float_type": "A number, please.",
    "greater_than": "More than {gt}, please.",
    "greater_than_equal": "At least {ge}, please.",
    "less_than": "Less than {lt}, please.",
    "less_than_equal": "At most {le}, please.",
    "literal_error": "Please choose one of the list.",
    "enum": "Please choose one of the list.",
    "url_parsing": "A whole address, please, such as https://tickets.example.com.",
    "url_scheme": "The address must start with {expected_schemes}.",
    "too_short": "At least {min_length}, please.",
    "too_long": "At most {max_length}, please.",
    "value_error": "{error}",
    "assertion_error": "{error}",
}
OTHER = "This value is not accepted."


def in_plain_words(error: ValidationError) -> dict[str, str]:
    """{field: what is wrong with it}, the first complaint of each field; `""` stands for the form as a
    whole."""
    found: dict[str, str] = {}
    for detail in error.errors(include_url=False, include_input=False):
        name = str(detail["loc"][0]) if detail["loc"] else ""
        found.setdefault(name, _words(detail))
    return found


def _words(detail: ErrorDetails) -> str:
    pattern = WORDS.get(detail["type"], OTHER)
    try:
        return pattern.format_map(detail.get("ctx", {}))
    except KeyError:
        return OTHER
