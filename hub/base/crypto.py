"""Secrets at rest and signatures, all from one key of the environment."""

import base64
import hashlib
import hmac
import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from hub.base.errors import Misconfigured
from hub.base.secret_key import KEY_BYTES, raw_key
from hub.base.text import N_

SHORTEST_SIGNATURE = 8
_NONCE_BYTES = 12


def new_key() -> str:
    """A fresh master key in the form that the setting `secret_key` takes."""
    return base64.urlsafe_b64encode(secrets.token_bytes(KEY_BYTES)).decode()


class Keyring:
    """Seals secrets and signs short texts. Each purpose has a key of its own, derived by HKDF."""

    def __init__(self, master: str) -> None:
        self._master = raw_key(master)

    def __repr__(self) -> str:
        return "Keyring(...)"

    def _key(self, purpose: str) -> bytes:
        return HKDF(SHA256(), KEY_BYTES, salt=None, info=purpose.encode()).derive(self._master)

    def seal(self, plain: bytes, owner: str) -> bytes:
        """Encrypt with AES-256-GCM, bound to `owner` (the row), so that it cannot be moved to another row."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + AESGCM(self._key("seal")).encrypt(nonce, plain, owner.encode())

    def open(self, sealed: bytes, owner: str) -> bytes:
        """The plain bytes of `seal`; `Misconfigured` when key or owner do not match."""
        try:
            return AESGCM(self._key("seal")).decrypt(
                sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], owner.encode()
            )
        except InvalidTag:
            raise Misconfigured(
                N_(
                    "A stored secret does not open with this HUB_SECRET_KEY. Set the key it was stored with, "
                    "or enter the secret again."
                )
            ) from None

    def sign(self, purpose: str, message: bytes, size: int = 16) -> bytes:
        """A keyed digest of `size` bytes (HMAC-SHA256, cut) that only this hub can make."""
        return hmac.new(self._key(purpose), message, hashlib.sha256).digest()[:size]

    def verify(self, purpose: str, message: bytes, signature: bytes) -> bool:
        """Whether `signature` is ours, compared in constant time. One too short to mean anything never is."""
        if len(signature) < SHORTEST_SIGNATURE:
            return False
        return hmac.compare_digest(self.sign(purpose, message, len(signature)), signature)
