"""The reason chain as a sentence."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_datetime

from hub.base.text import N_, translate, translations

ROLES: dict[str, str] = {
    "named": N_("named contact"),
    "deputy": N_("deputy"),
    "escalation": N_("escalation level %(level)s"),
    "last_resort": N_("last resort"),
}

_SENTENCES: dict[str, str] = {
    "on_duty": N_("%(role)s, at any hour"),
    "on_duty_hours": N_("%(role)s, in agreed hours %(from)s\u2013%(to)s %(zone)s"),
    "last_resort": N_("answers when nobody else does"),
    "not_yet": N_("%(person)s (%(role)s) starts on %(since)s"),
    "ended": N_("%(person)s (%(role)s) left on %(since)s"),
    "disabled": N_("%(person)s (%(role)s) no longer works here since %(since)s"),
    "no_role": N_("%(person)s (%(role)s) has no role that works on accounts"),
    "away": N_("%(person)s (%(role)s) is away until %(until)s"),
    "off_hours": N_("%(person)s (%(role)s) is off duty until %(until)s"),
    "off_hours_for_good": N_("%(person)s (%(role)s) is off duty"),
}


def role_words(role: str, level: int, language: str) -> str:
    """What somebody is to an account, in one language."""
    return translate(language, ROLES[role], level=level)


def sentence(reasons: Sequence[Mapping[str, Any]], language: str) -> str:
    """The whole chain in one sentence without a full stop, times in the zone of whom they are about.

    It stands beside the name of the responsible: what they are comes first, without that name, then why each
    of those before them is not.
    """
    return "; ".join(_link(reason, language) for reason in (*reasons[-1:], *reasons[:-1]))


def _link(reason: Mapping[str, Any], language: str) -> str:
    code = str(reason["code"])
    if code == "off_hours" and "until" not in reason:
        code = "off_hours_for_good"
    if code == "on_duty" and "from" in reason:
        code = "on_duty_hours"
    zone = ZoneInfo(reason.get("zone", "UTC"))
    facts = {
        "person": reason["person"],
        "role": role_words(str(reason["role"]), int(reason.get("level", 0)), language),
        "zone": zone.key,
        **{name: reason[name] for name in ("from", "to") if name in reason},
    }
    for name in ("since", "until"):
        if name in reason:
            facts[name] = _moment(datetime.fromisoformat(reason[name]), zone, language)
    return translations(language).gettext(_SENTENCES[code]) % facts


def _moment(instant: datetime, zone: ZoneInfo, language: str) -> str:
    local = instant.astimezone(zone)
    return f"{format_datetime(local, 'EEE d MMM y HH:mm', locale=language)} {local:%Z}"
