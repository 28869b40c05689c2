"""What every answer tells the browser: what the page may load, who may frame it, how long to keep it."""

import hashlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flask import Flask, Response, current_app, g, request

from hub.web import doors

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
FEATURES = "camera=(), geolocation=(), microphone=(), payment=(), usb=(), interest-cohort=()"
YEAR = 365 * 24 * 3600
_CSP = "Content-Security-Policy"
_SHORT = "public, max-age=300"


def install(app: Flask) -> None:
    """Add the headers to every answer, errors too, and the visitor cookie that a form needs."""
    secure = app.extensions["hub"].settings.secure_cookies
    app.after_request(_cached)
    app.after_request(_keep_visitor)
    app.wsgi_app = Protection(app.wsgi_app, secure=secure)  # type: ignore[method-assign]


class Protection:
    """What is the same for every answer, added to the finished list: a machine's answers are many.

    `secure`: browsers are told to come by https alone from now on.
    """

    def __init__(self, app: "WSGIApplication", *, secure: bool) -> None:
        self._app = app
        self._own = [
            ("X-Content-Type-Options", "nosniff"),
            ("Referrer-Policy", "same-origin"),
            ("Permissions-Policy", FEATURES),
            ("Cross-Origin-Opener-Policy", "same-origin"),
            ("Cross-Origin-Resource-Policy", "same-origin"),
        ]
        if secure:
            self._own.append(("Strict-Transport-Security", f"max-age={YEAR}"))

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """The application's answer, protected; a page may have a stricter policy of its own."""

        def start(
            status: str, headers: list[tuple[str, str]], error: Any = None, /
        ) -> Callable[[bytes], object]:
            headers += self._own
            if not any(name == _CSP for name, _value in headers):
                headers.append((_CSP, POLICY))
            return start_response(status, headers, error)

        return self._app(environ, start)


def static_version(folder: Path) -> str:
    """A name for the present content of the static files: it changes when any of them does."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            digest.update(path.relative_to(folder).as_posix().encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def _cached(response: Response) -> Response:
    response.headers["Cache-Control"] = _caching(response)
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
