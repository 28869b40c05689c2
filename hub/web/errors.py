"""One handler turns every error into a page or, for machines, into problem+json (RFC 9457)."""

from collections.abc import Mapping
from html import escape
from typing import Any, cast
from urllib.parse import SplitResult, urlsplit

import orjson
import structlog
from flask import Flask, Response, flash, redirect, render_template, request, url_for
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as AnyResponse

from hub.base import ids
from hub.base.db_errors import as_hub_error
from hub.base.errors import HubError, Invalid, TooMany, Unauthenticated, frames
from hub.web import bodies, csrf, doors
from hub.web.filters import size
from hub.web.words import _, language

log = structlog.get_logger()
PROBLEM = "application/problem+json"
_MACHINES = ("/in/", "/api/")
_WRITTEN = (
    "title",
    "body",
    "text",
    "solution",
    "reason",
    "next_step",
    "customer_title",
    "reference",
    "outcome",
)
"""Fields with words of people, which may be shown again; never those that may hold a secret."""


def install(app: Flask) -> None:
    """From here on no error leaves this app as a traceback."""
    app.register_error_handler(HubError, _hub_error)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _unexpected)


def _hub_error(error: HubError) -> AnyResponse:
    if isinstance(error, Unauthenticated) and not for_machine():
        return _to_sign_in()
    if error.status >= 500:
        _log(error, ids.short(ids.new_id())[-8:])
    headers = {"Retry-After": str(error.retry_after)} if error.retry_after else {}
    fields = error.told_fields(_) if isinstance(error, Invalid) else {}
    return answer(error.status, _title(error), error.told(_), fields=fields, headers=headers)


def _title(error: HubError) -> str:
    if isinstance(error, Unauthenticated) and for_machine():
        return _("Not known here")
    return _(error.title)


def _http_error(error: HTTPException) -> AnyResponse:
    status = error.code or 500
    if status < 400 and error.response is not None:
        return cast(AnyResponse, error.response)
    title, text = _http_words().get(status, (error.name, _("The request could not be answered.")))
    allowed = getattr(error, "valid_methods", None)
    return answer(status, title, text, headers={"Allow": ", ".join(sorted(allowed))} if allowed else {})


def _unexpected(error: Exception) -> AnyResponse:
    if isinstance(error, SQLAlchemyError) and (known := as_hub_error(error)):
        return _hub_error(known)
    reference = ids.short(ids.new_id())[-8:]
    _log(error, reference)
    text = _("Nothing was saved. Please try again; if it happens again, tell us this code: %(code)s")
    return answer(500, _("Something went wrong"), text % {"code": reference})


def _log(error: Exception, reference: str) -> None:
    # Messages of database and network errors quote values; the type and the frames are enough to find it.
    kind = type(error).__name__
    log.error("web.error", reference=reference, path=request.path, error=kind, frames=frames(error))


def _http_words() -> Mapping[int, tuple[str, str]]:
    return {
        400: (_("Please check what you entered"), _("The request could not be understood.")),
        404: (_("Not found"), _("There is nothing here.")),
        405: (_("Not like this"), _("This address does not take that kind of request.")),
        413: (_("Too large"), _too_large()),
        415: (_("Unknown kind of content"), _("The hub cannot read this kind of content.")),
    }


def _too_large() -> str:
    limit = size(doors.hub().settings.max_upload_bytes)
    return _(
        "What you sent is larger than the hub takes: files may have up to %(size)s together.", size=limit
    )


def for_machine() -> bool:
    """Whether a program reads the answer: told by the address, or by asking for JSON and not for HTML."""
    if request.path.startswith(_MACHINES):
        return True
    best = request.accept_mimetypes.best_match(["text/html", "application/json", PROBLEM])
    return best in ("application/json", PROBLEM)


def answer(
    status: int,
    title: str,
    text: str,
    *,
    fields: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """An error as this reader understands it."""
    if for_machine():
        response = problem(status, title, text, fields)
    else:
        response = Response(_page(status, title, text), status, mimetype="text/html")
    response.headers.extend(dict(headers or {}))
    return response


def problem(status: int, title: str, detail: str, fields: Mapping[str, str] | None = None) -> Response:
    """An answer in the form of RFC 9457; `errors` names the fields that are wrong."""
    body: dict[str, Any] = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    if fields:
        body["errors"] = [{"field": name, "detail": words} for name, words in fields.items()]
    return Response(orjson.dumps(body), status, mimetype=PROBLEM)


def _page(status: int, title: str, text: str) -> str:
    try:
        ways = {"again": _again(status), "back": _page_before("")}
        typed = _typed()
        return render_template(
            "errors/error.html", status=status, title=title, text=text, typed=typed, **ways
        )
    except Exception as error:  # the page of last resort must not depend on what just broke
        _log(error, ids.short(ids.new_id())[-8:])
        return (
            f'<!doctype html><html lang="{language()}"><meta charset="utf-8"><title>{escape(title)}</title>'
            f"<h1>{escape(title)}</h1><p>{escape(text)}</p></html>"
        )


def _to_sign_in() -> AnyResponse:
    if request.method in csrf.SAFE:
        back = request.full_path if request.query_string else request.path
        return redirect(url_for("auth.login", next=back))
    words, way = (
        _("You were signed out, and nothing was saved. Sign in and send it once more."),
        _page_before(),
    )
    if doors.was_signed_in():
        bodies.read_form(request, bodies.STRANGERS)
    if typed := _typed():
        title, sign_in = _("Please sign in"), url_for("auth.login", next=way)
        page = render_template(
            "errors/error.html", status=401, title=title, text=words, typed=typed, sign_in=sign_in
        )
        return Response(page, 401, mimetype="text/html")
    flash(words, "warn")
    return redirect(url_for("auth.login", next=way), 303)


def _typed() -> list[str]:
    """What somebody wrote on a page of ours, to be copied; never another site's form."""
    before = _came_from()
    site = request.headers.get("Sec-Fetch-Site", "same-origin")
    if not bodies.was_read(request) or before.netloc != request.host or site != "same-origin":
        return []
    return [text for name in _WRITTEN for text in request.form.getlist(name) if text.strip()]


def _again(status: int) -> str:
    """This very page, where asking once more may help."""
    passes = status == TooMany.status or status >= HubError.status
    return request.full_path.rstrip("?") if passes and request.method in csrf.SAFE else ""


def _page_before(otherwise: str = "/") -> str:
    """The page on which a form was filled in, or from which one came, if it is one of ours."""
    before = _came_from()
    if before.netloc != request.host:
        return otherwise
    path = "/" + before.path.lstrip("/")  # two slashes would lead to another site
    if path == request.path and request.method in csrf.SAFE:
        return otherwise
    return path + (f"?{before.query}" if before.query else "")


def _came_from() -> SplitResult:
    """The page before, as the browser names it; empty for what is no address."""
    try:
        return urlsplit(request.referrer or "")
    except ValueError:
        return urlsplit("")
