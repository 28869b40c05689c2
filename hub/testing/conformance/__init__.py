"""The conformance suites: one class per kind of connector, to be subclassed by a plugin's test.

What a connector must stand is written here once, for the hub's own plugins and for foreign ones.
`docs/plugins.md` shows a connector in one file and its one test.
"""

from hub.testing.conformance.base import ITEM, LOCALHOST, MAIL, SENTINEL, UPDATE
from hub.testing.conformance.far_sides import FarSide, tcp
from hub.testing.conformance.kinds import (
    ChannelConformance,
    CrmConformance,
    ItsmConformance,
    MonitoringConformance,
    ProviderConformance,
    Sink,
    Tool,
)

__all__ = [
    "ITEM",
    "LOCALHOST",
    "MAIL",
    "SENTINEL",
    "UPDATE",
    "ChannelConformance",
    "CrmConformance",
    "FarSide",
    "ItsmConformance",
    "MonitoringConformance",
    "ProviderConformance",
    "Sink",
    "Tool",
    "tcp",
]
