"""The reader's language and zone during a request, and the words of the pages in that language."""

from zoneinfo import ZoneInfo

from flask import g, has_request_context, request

from hub.base.text import LANGUAGES, translations

LANGUAGE_NAMES = {"en": "English", "de": "Deutsch", "ru": "Русский", "pl": "Polski", "nl": "Nederlands"}


def language() -> str:
    """The signed-in person's language, else the best that the browser asks for."""
    if not has_request_context():
        return LANGUAGES[0]
    if (viewer := g.get("viewer")) is not None:
        return str(viewer.language)
    return request.accept_languages.best_match(LANGUAGES) or LANGUAGES[0]


def zone() -> ZoneInfo:
    """The zone in which this reader sees every time; UTC while nobody is signed in."""
    viewer = g.get("viewer") if has_request_context() else None
    return ZoneInfo(viewer.zone) if viewer is not None else ZoneInfo("UTC")


def _(message: str, **values: object) -> str:
    """One message in the reader's language, with its named values filled in."""
    text = translations(language()).gettext(message)
    return text % values if values else text


def ngettext(one: str, many: str, num: int, **values: object) -> str:
    """A message that counts, in the reader's language; `%(num)d` stands for the count."""
    return translations(language()).ngettext(one, many, num) % {"num": num, **values}


def gettext_plain(message: str) -> str:
    """What templates call: Jinja fills in the values itself."""
    return translations(language()).gettext(message)


def ngettext_plain(one: str, many: str, num: int) -> str:
    """What templates call for messages that count."""
    return translations(language()).ngettext(one, many, num)
