"""Limits on text that crosses the border, so that a database or a page never meets what it cannot hold."""

from dataclasses import dataclass
from typing import Annotated


@dataclass(frozen=True, slots=True)
class Length:
    """Allowed lengths of a text in characters, both ends included."""

    least: int
    most: int


Key = Annotated[str, Length(1, 200)]
"""An id of the far side; never empty."""

Line = Annotated[str, Length(0, 500)]
"""Something that stands on one line: a title, a name, a status."""

Text = Annotated[str, Length(0, 1_000_000)]
"""Whatever someone wrote."""


def clip(text: str, most: int = 500) -> str:
    """A foreign text cut to fit, ending in an ellipsis where it was cut; for titles. Cut nothing that is a
    key.

    Characters that no database takes (NUL, lone surrogates) are replaced.
    """
    if not text.isascii() or "\0" in text:
        text = text.encode("utf-8", "replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")
    return text if len(text) <= most else text[: most - 1] + "…"
