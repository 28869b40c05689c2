"""What a secret key looks like; apart from the cryptography, which is slow to load."""

import base64

from hub.base.errors import Misconfigured
from hub.base.messages import N_

KEY_BYTES = 32


def raw_key(text: str) -> bytes:
    """The bytes of a secret key as the settings have it; `Misconfigured` says what to do about another."""
    try:
        raw = base64.b64decode(text.encode(), altchars=b"-_", validate=True)
    except ValueError:
        raw = b""
    if len(raw) != KEY_BYTES:
        raise Misconfigured(
            N_(
                "The secret key must be 32 random bytes in URL-safe base64. `hub key` prints a fresh one; "
                "set it as HUB_SECRET_KEY and keep a copy: without it stored secrets are lost."
            )
        )
    return raw
