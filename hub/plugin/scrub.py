"""Keeping secrets out of everything that is written down: error texts and log lines of plugins."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import quote, quote_plus

from pydantic import BaseModel, SecretBytes, SecretStr

from hub.plugin.contracts import Log

MASK = "[secret]"
SHORTEST = 4
"""Shorter values are left alone: masking every "a" would make a text unreadable and hide nothing."""


def secrets_of(value: object) -> Iterator[str]:
    """Every secret inside a settings object, nested models and collections included."""
    if isinstance(value, SecretStr):
        yield value.get_secret_value()
    elif isinstance(value, SecretBytes):
        yield value.get_secret_value().decode("utf-8", "replace")
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from secrets_of(getattr(value, name))
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from secrets_of(item)
    elif isinstance(value, list | tuple | set | frozenset):
        for item in value:
            yield from secrets_of(item)


class Scrubber:
    """Replaces known secrets in texts, also in the spellings of an address, of JSON and of `repr`."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        spellings = {form for secret in secrets if len(secret) >= SHORTEST for form in _spellings(secret)}
        self._spellings = sorted(spellings, key=len, reverse=True)

    def __call__(self, text: str) -> str:
        """The text with every secret masked."""
        for spelling in self._spellings:
            text = text.replace(spelling, MASK)
        return text

    def data(self, value: Any) -> Any:
        """Data with every text in it masked; what is neither text, number nor collection becomes text."""
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, int | float):
            return value if self(str(value)) == str(value) else MASK
        if isinstance(value, Mapping):
            return {self(str(name)): self.data(item) for name, item in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self.data(item) for item in value]
        return self(str(value))


def _spellings(secret: str) -> Iterator[str]:
    yield secret
    yield quote(secret)
    yield quote(secret, safe="")
    yield quote_plus(secret)
    yield repr(secret)[1:-1]
    yield secret.replace("\\", "\\\\").replace('"', '\\"')


class ScrubbedLog:
    """The log that a connector is given: passes on to the hub's log what is left after scrubbing."""

    def __init__(self, log: Log, scrubber: Scrubber) -> None:
        self._log = log
        self._scrubber = scrubber

    def info(self, event: str, **fields: Any) -> None:
        """Something worth knowing later."""
        self._log.info(self._scrubber(event), **self._scrubber.data(fields))

    def warning(self, event: str, **fields: Any) -> None:
        """Something odd that was dealt with."""
        self._log.warning(self._scrubber(event), **self._scrubber.data(fields))
