"""Requests to REST2 and what may be believed of the answers."""

import hashlib
from collections.abc import Mapping
from typing import Any

from hub.plugin.contracts import Answer, Ctx, ExternalRef, OutcomeUnknown, Rejected, clip
from plugins.itsm.request_tracker.settings import RequestTrackerSettings

RtCtx = Ctx[RequestTrackerSettings]
URN = "urn:contact-hub:"
PAGE = 50


def call(
    ctx: RtCtx,
    method: str,
    path: str,
    *,
    params: Mapping[str, str] | None = None,
    json: Any = None,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """One request below /REST/2.0 with our token."""
    return ctx.http.request(
        method,
        f"{ctx.settings.url}/REST/2.0{path}",
        headers={"authorization": f"token {ctx.settings.token.get_secret_value()}", **(headers or {})},
        params=params,
        json=json,
    )


def read(ctx: RtCtx, path: str, **params: str) -> dict[str, Any]:
    """A JSON object; Rejected for anything else."""
    answer = call(ctx, "GET", path, params=params).checked()
    found = answer.json()
    if not isinstance(found, dict):
        raise Rejected("Request Tracker answered something else than an object.")
    return found


def items(ctx: RtCtx, path: str, **params: str) -> list[dict[str, Any]]:
    """The items of a collection's page, each an object with an id."""
    found = read(ctx, path, per_page=str(PAGE), **params).get("items")
    if not isinstance(found, list) or not all(isinstance(item, dict) and "id" in item for item in found):
        raise Rejected("Request Tracker answered something else than a list of items.")
    return found


def ticket(ctx: RtCtx, external_id: str) -> tuple[dict[str, Any], str]:
    """A ticket and its ETag; Rejected when it is gone or hidden from us."""
    answer = call(ctx, "GET", f"/ticket/{number(external_id)}")
    if answer.status in (403, 404):
        raise Rejected(f"Ticket {external_id} is gone, or our login may not see it.")
    found = answer.checked().json()
    if not isinstance(found, dict) or not isinstance(found.get("Status"), str):
        raise Rejected("Request Tracker answered something else than a ticket.")
    return found, answer.headers.get("etag", "")


def accepted(answer: Answer, status: int) -> Answer:
    """The answer of a write that has worked. Rejected where RT says no, OutcomeUnknown where it says neither.

    A proxy's page with a 200 says neither: what we sent may have passed it.
    """
    if 300 <= answer.status < 500:
        raise Rejected(f"Request Tracker refused it ({answer.status}): {_message(answer)}")
    if answer.status != status:
        raise OutcomeUnknown(f"Request Tracker answered {answer.status} where {status} means that it worked.")
    return answer


def location(answer: Answer) -> str:
    """The number at the end of the Location header: the ticket or transaction that was made."""
    last = answer.headers.get("location", "").rpartition("/")[2]
    if not last.isdecimal():
        raise OutcomeUnknown("Request Tracker does not say what it made.")
    return last


def number(external_id: str) -> str:
    """A ticket's number, which goes into addresses and queries; Rejected for anything else."""
    if not (external_id.isascii() and external_id.isdecimal()):
        raise Rejected(f"{clip(external_id, 40)} is no ticket number.")
    return external_id


def quoted(text: str) -> str:
    """A text as a literal of RT's search language."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def mark(delivery_id: str) -> str:
    """What stands in the subject of a message of ours: short for people, and unique enough to search for."""
    return f"hub-{hashlib.sha256(delivery_id.encode()).hexdigest()[:12]}"


def ref(ctx: RtCtx, external_id: str, version: str | None = None) -> ExternalRef:
    """A ticket as the hub keeps it; RT's ETag is the number of the last transaction."""
    return ExternalRef(external_id, f"{ctx.settings.url}/Ticket/Display.html?id={external_id}", version)


def _message(answer: Answer) -> str:
    try:
        said = answer.json()
    except Rejected:
        return "no reason given"
    message = said.get("message") if isinstance(said, dict) else None
    return clip(message, 300) if isinstance(message, str) else "no reason given"
