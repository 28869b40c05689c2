"""Identifiers: UUIDv7 made by us (so that row-level security never needs RETURNING), case numbers, tokens."""

import base64
import hashlib
import secrets
import time
import uuid


def new_id() -> uuid.UUID:
    """A UUIDv7 (RFC 9562, method 3): milliseconds, then the fraction of the millisecond, then randomness.

    Ids made one after the other by one process sort in that order, which the outbox relies on.
    """
    milliseconds, rest = divmod(time.time_ns(), 1_000_000)
    value = milliseconds << 80 | 0x7 << 76 | (rest * 4096 // 1_000_000) << 64 | 0x2 << 62
    return uuid.UUID(int=value | secrets.randbits(62))


def new_token(prefix: str) -> str:
    """A secret with a visible prefix that says what it is for; 256 bits."""
    return f"{prefix}_{secrets.token_urlsafe(32)}"


def token_digest(token: str) -> str:
    """What we store of a token. Tokens are long and random, so a plain SHA-256 is enough."""
    return hashlib.sha256(token.encode()).hexdigest()


def short(value: uuid.UUID) -> str:
    """A UUID in 26 lower-case letters and digits, for addresses."""
    return base64.b32encode(value.bytes).decode().rstrip("=").lower()


def from_short(text: str) -> uuid.UUID | None:
    """The UUID of `short`, or None for anything else."""
    if len(text) != 26:
        return None
    try:
        value = uuid.UUID(bytes=base64.b32decode(text.upper() + "======"))
    except ValueError:
        return None
    return value if short(value) == text.lower() else None  # several texts would decode to it
