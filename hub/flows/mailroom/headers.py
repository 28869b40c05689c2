"""Headers of a stranger's mail as text: whatever they hold, asking never fails.

The standard library's own accessors raise in many ways on hostile input, so this works on the raw lines.
"""

import re
from email.header import decode_header
from email.message import Message
from email.utils import parseaddr

LONGEST = 8_000
MOST_LINES = 1_000
_SEPARATORS = re.compile(r"[\s<>,;:\"()\[\]]+")


class Headers:
    """The header lines of one message, by lower-case name."""

    def __init__(self, message: "Message[str, str]") -> None:
        self._lines: dict[str, list[str]] = {}
        for name, value in list(message.raw_items())[:MOST_LINES]:
            self._lines.setdefault(name.lower(), []).append(as_text(str(value)))

    def raw(self, name: str) -> str:
        """The first line of a name, as it stands; empty where there is none."""
        return next(iter(self._lines.get(name, ())), "").strip()

    def all(self, *names: str) -> list[str]:
        """Every line of some names."""
        return [line for name in names for line in self._lines.get(name, ())]

    def has(self, name: str) -> bool:
        """Whether there is such a line, empty or not."""
        return name in self._lines

    def names(self) -> set[str]:
        """The names of all lines."""
        return set(self._lines)

    def text(self, name: str) -> str:
        """The first line of a name for people: encoded words decoded, on one line."""
        return " ".join(decoded(self.raw(name)).split())

    def word(self, name: str) -> str:
        """The first word of a header whose value is a keyword, in lower case."""
        return self.raw(name).split(";")[0].strip().lower()[:LONGEST]

    def address(self, name: str) -> tuple[str, str]:
        """(name for people, address in lower case) of a header that holds one; empty where it holds none."""
        try:
            shown, address = parseaddr(self.raw(name)[:LONGEST])
        except Exception:
            # The parser recurses into comments and runs out of stack on some of them.
            return "", ""
        return " ".join(decoded(shown).split()), address.strip().lower()

    def addresses(self, *names: str) -> list[str]:
        """Whatever looks like an address in some headers, in lower case, in their order."""
        words = (word for line in self.all(*names) for word in _SEPARATORS.split(line))
        return list(dict.fromkeys(word.lower() for word in words if "@" in word))


def as_text(value: str) -> str:
    """A header line as the parser keeps it: bytes that are no ASCII hide in it as surrogates."""
    raw = value.encode("utf-8", "surrogateescape")
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("cp1252", "replace")


def decoded(value: str) -> str:
    """A header value with its encoded words (RFC 2047) decoded; what cannot be is left as it stands."""
    value = value[:LONGEST]
    try:
        return "".join(
            chunk if isinstance(chunk, str) else in_charset(chunk, charset or "ascii")
            for chunk, charset in decode_header(value)
        )
    except Exception:
        # Broken base64 and worse; the words stay readable as they came.
        return value


def in_charset(raw: bytes, charset: str) -> str:
    """Text in the charset that is claimed; where that is unknown or wrong, UTF-8, else Windows' own."""
    for name in (charset, "utf-8"):
        try:
            return raw.decode(name)
        except (LookupError, ValueError):
            continue
    return raw.decode("cp1252", "replace")
