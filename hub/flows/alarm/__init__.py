"""From signals to alerts to cases."""

from hub.flows.alarm.batch import Source
from hub.flows.alarm.sounding import sound

__all__ = ["Source", "sound"]
