"""What every answer tells the browser: what the page may load, who may frame it, how long to keep it."""

import hashlib
from pathlib import Path

from flask import Flask, Response, current_app, g, request

from hub.web import doors

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
FEATURES = "camera=(), geolocation=(), microphone=(), payment=(), usb=(), interest-cohort=()"
YEAR = 365 * 24 * 3600
_SHORT = "public, max-age=300"


def install(app: Flask) -> None:
    """Add the headers to every answer, errors too, and the visitor cookie that a form needs."""
    app.after_request(_protect)
    app.after_request(_keep_visitor)


def static_version(folder: Path) -> str:
    """A name for the present content of the static files: it changes when any of them does."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            digest.update(path.relative_to(folder).as_posix().encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def _protect(response: Response) -> Response:
    headers = response.headers
    headers.setdefault("Content-Security-Policy", POLICY)
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Referrer-Policy"] = "same-origin"
    headers["Permissions-Policy"] = FEATURES
    headers["Cross-Origin-Opener-Policy"] = "same-origin"
    headers["Cross-Origin-Resource-Policy"] = "same-origin"
    if doors.hub().settings.secure_cookies:
        headers["Strict-Transport-Security"] = f"max-age={YEAR}"
    headers["Cache-Control"] = _caching(response)
    return response


def _caching(response: Response) -> str:
    if request.endpoint == "static" and response.status_code in (200, 304):
        fresh = request.args.get("v") == current_app.extensions["asset_version"]
        return f"public, max-age={YEAR}, immutable" if fresh else _SHORT
    if request.endpoint == "front.brand":
        return _SHORT
    return "no-store"


def _keep_visitor(response: Response) -> Response:
    if visitor := g.get("new_visitor"):
        doors.set_cookie(response, doors.VISITOR, visitor, None)
    return response
