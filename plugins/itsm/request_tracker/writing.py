"""Tickets opened, messages and statuses written, and how an earlier attempt is found again."""

from typing import Any

from hub.plugin.contracts import ExternalRef, ItemUpdate, Rejected, RetryLater, WorkItem
from plugins.itsm.request_tracker import api
from plugins.itsm.request_tracker.api import RtCtx
from plugins.itsm.request_tracker.settings import FINAL, STATUSES

PRIORITIES = {1: 100, 2: 75, 3: 50, 4: 0}
"""The hub's 1 (critical) to 4 (low) on RT's scale, on which 0, 50 and 100 are Low, Medium and High."""
CONFLICTS = 3


def open_ticket(ctx: RtCtx, item: WorkItem) -> ExternalRef:
    """Create the ticket. Nothing is asked afterwards: an error then would look like one of the creation."""
    body: dict[str, Any] = {
        "Queue": ctx.settings.queue,
        "Subject": f"[{item.reference}] {' '.join(item.title.split())}",
        "Content": _text(item),
        "ContentType": "text/plain",
        "Priority": PRIORITIES.get(item.priority, 50),
        "RefersTo": api.URN + item.delivery_id,
    }
    if ctx.settings.requestor:
        body["Requestor"] = ctx.settings.requestor
    if item.due_at:
        body["Due"] = item.due_at.strftime("%Y-%m-%dT%H:%M:%SZ")
    answer = api.accepted(api.call(ctx, "POST", "/ticket", json=body), 201)
    return api.ref(ctx, api.location(answer))


def find(ctx: RtCtx, delivery_id: str, within: ExternalRef | None) -> ExternalRef | None:
    """The ticket that an earlier attempt opened, or the ticket on which its message stands."""
    if within is None:
        query = f"RefersTo = {api.quoted(api.URN + delivery_id)}"
        found = api.items(ctx, "/tickets", query=query)
        return api.ref(ctx, str(found[0]["id"])) if found else None
    query = (
        f"ObjectType = 'RT::Ticket' AND ObjectId = {api.number(within.external_id)} "
        f"AND (Type = 'Correspond' OR Type = 'Comment') AND Subject LIKE {api.quoted(api.mark(delivery_id))}"
    )
    found = api.items(ctx, "/transactions", query=query)
    return api.ref(ctx, within.external_id, str(found[0]["id"])) if found else None


def push(ctx: RtCtx, update: ItemUpdate) -> ExternalRef:
    """Write a message, a status, or a status with the words that belong to it."""
    if update.kind == "message":
        return _say(ctx, update, "correspond")
    if update.text and find(ctx, update.delivery_id, update.external) is None:
        # Correspondence would open the ticket again; words that come with a status are a comment.
        _say(ctx, update, "comment")
    return _set_status(ctx, update)


def _say(ctx: RtCtx, update: ItemUpdate, how: str) -> ExternalRef:
    ticket = api.number(update.external.external_id)
    body = {
        "Subject": f"{update.author or 'Contact Hub'} ({api.mark(update.delivery_id)})",
        "Content": update.text,
        "ContentType": "text/plain",
    }
    answer = api.accepted(api.call(ctx, "POST", f"/ticket/{ticket}/{how}", json=body), 201)
    return api.ref(ctx, ticket, api.location(answer))


def _set_status(ctx: RtCtx, update: ItemUpdate) -> ExternalRef:
    """Set a status on the ticket as it is now; when someone was faster (412), look again and decide anew."""
    external_id = update.external.external_id
    wanted = {**STATUSES, **ctx.settings.statuses}.get(update.status or "")
    if not wanted:
        raise Rejected(f"The connection's settings name no status for \u201c{update.status}\u201d.")
    final = FINAL.union(ctx.settings.final)
    for attempt in range(CONFLICTS):
        ticket, etag = api.ticket(ctx, external_id)
        now = ticket["Status"]
        if now == wanted or (now in final and wanted in final):
            return api.ref(ctx, external_id, etag.strip('"') or None)
        if attempt and now in final:
            raise Rejected(f"The team has set it to \u201c{now}\u201d meanwhile.")
        answer = api.call(
            ctx,
            "PUT",
            f"/ticket/{external_id}",
            json={"Status": wanted},
            headers={"if-match": etag} if etag else {},
        )
        if answer.status != 412:
            return _checked_status(ctx, external_id, wanted, api.accepted(answer, 200).json())
    raise RetryLater(f"Ticket {external_id} keeps changing.")


def _checked_status(ctx: RtCtx, external_id: str, wanted: str, said: Any) -> ExternalRef:
    # RT answers 200 to a status that it does not set, with the reason as a text in the reader's language.
    ticket, etag = api.ticket(ctx, external_id)
    if ticket["Status"] == wanted:
        return api.ref(ctx, external_id, etag.strip('"') or None)
    reason = "; ".join(str(line) for line in said) if isinstance(said, list) else ""
    raise Rejected(f"Request Tracker did not set the status to \u201c{wanted}\u201d: {reason[:300]}")


def _text(item: WorkItem) -> str:
    place = [f"{label}: {name}" for label, name in (("Service", item.service), ("Site", item.site)) if name]
    return "\n\n".join(part for part in (item.text, "\n".join(place)) if part)
