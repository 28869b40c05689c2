"""Anti-forgery: a token bound to the browser's session, and where a request says that it comes from."""

import base64
import binascii
import secrets
from urllib.parse import urlsplit

from flask import Request

from hub.base.crypto import Keyring
from hub.base.errors import Forbidden
from hub.base.text import N_
from hub.web.words import _

FIELD = "csrf_token"
HEADER = "X-CSRF-Token"
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_NONCE = 12
_PURPOSE = "csrf"


class TooOld(Forbidden):
    """A form without a token of this very session."""

    title = N_("Please send it once more")


def token_for(keyring: Keyring, bound_to: str) -> str:
    """A fresh token for one form; `bound_to` is the session's token, or the visitor's before sign-in."""
    nonce = secrets.token_bytes(_NONCE)
    return base64.urlsafe_b64encode(nonce + keyring.sign(_PURPOSE, nonce + bound_to.encode())).decode()


def check(request: Request, keyring: Keyring, bound_to: str, own_origin: str) -> None:
    """Raise `Forbidden` unless an unsafe request comes from a page of ours that this browser was given."""
    if request.method in SAFE:
        return
    _check_origin(request, own_origin)
    sent = request.headers.get(HEADER) or request.form.get(FIELD, "")
    if not bound_to or not _genuine(keyring, sent, bound_to):
        raise TooOld(
            _(
                "This page is older than your sign-in, or it was opened elsewhere. "
                "Nothing was saved. Copy what you typed, open the page again and send it once more."
            )
        )


def _check_origin(request: Request, own_origin: str) -> None:
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None and site not in ("same-origin", "none"):
        raise Forbidden(_("This was sent from a page that is not ours."))
    origin = request.headers.get("Origin")
    if origin is None:
        return
    here = urlsplit(request.host_url)
    if origin not in (f"{here.scheme}://{here.netloc}", own_origin.rstrip("/")):
        raise Forbidden(_("This was sent from a page that is not ours."))


def _genuine(keyring: Keyring, sent: str, bound_to: str) -> bool:
    try:
        raw = base64.urlsafe_b64decode(sent.encode())
    except (binascii.Error, ValueError):
        return False
    nonce, signature = raw[:_NONCE], raw[_NONCE:]
    return len(signature) == 16 and keyring.verify(_PURPOSE, nonce + bound_to.encode(), signature)
