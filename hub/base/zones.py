"""IANA zone names as people enter them."""

from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

from hub.base.errors import Invalid
from hub.base.text import N_


@lru_cache(maxsize=1)
def _names() -> frozenset[str]:
    return frozenset(available_timezones())


def zone(name: str, field: str = "zone") -> ZoneInfo:
    """The zone of a name such as "Europe/Berlin"; `Invalid` on `field` for any other text."""
    if name not in _names():
        raise Invalid.field(field, N_("This is no time zone. Names look like Europe/Berlin."))
    return ZoneInfo(name)
