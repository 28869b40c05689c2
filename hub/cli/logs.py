"""Log lines of the running hub, on standard error: readable text, or JSON for a collector."""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

from hub.config import Settings


def configure(settings: Settings) -> None:
    """Set level and shape for our own log lines and for those of libraries."""
    level = logging.getLevelName(settings.log_level.upper())
    shape: Any = structlog.processors.JSONRenderer()
    if settings.log_format == "text":
        shape = _Text()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _printable,
            shape,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=max(level, logging.WARNING), format="%(levelname)s %(name)s: %(message)s")


class _Text:
    """One line for a person, and below it where an error arose, call by call."""

    def __init__(self) -> None:
        self._line = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())

    def __call__(self, logger: Any, method: str, event: MutableMapping[str, Any]) -> str:
        """The text of one event."""
        frames = event.pop("frames", ())
        return "\n    ".join([str(self._line(logger, method, event)), *frames])


def _printable(logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Foreign text in a value must not forge a second line."""
    for key, value in event.items():
        if isinstance(value, str) and key != "exception":
            event[key] = value.replace("\n", "\\n").replace("\r", "\\r")
    return event
