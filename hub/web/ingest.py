"""The door for machines: `/in/<connection>` takes what monitoring and ticket tools send."""

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Request, Response, request
from flask.typing import ResponseReturnValue

from hub.base import clock
from hub.base.errors import TooLarge
from hub.domain.connections import Configured
from hub.flows import intake
from hub.plugin.contracts import Incoming
from hub.web import bodies, doors
from hub.web.words import _

ingest = Blueprint("ingest", __name__)


@ingest.route("/in/<connection>", methods=["POST", "PUT"])
@ingest.route("/in/<connection>/<path:rest>", methods=["POST", "PUT"])
def receive(connection: str, rest: str = "") -> ResponseReturnValue:
    """Authenticate, read no more than the limit, and answer once what came in is durable."""
    asked: Request = request._get_current_object()  # type: ignore[attr-defined]
    headers = _headers(asked.environ)
    admitted = intake.admit(doors.hub(), connection, headers)
    incoming = Incoming(
        method=asked.method,
        path=f"/{rest}" if rest else "",
        headers=headers,
        query={name: values[-1] for name, values in asked.args.lists()} if asked.query_string else {},
        body=_body(asked, admitted),
        received_at=clock.now(),
    )
    reply = intake.receive(doors.hub(), admitted, incoming)
    return Response(reply.body, reply.status, content_type=reply.content_type)


def _headers(environ: Mapping[str, Any]) -> dict[str, str]:
    """What the request carried, by names in lower case."""
    found = {
        name[5:].replace("_", "-").lower(): value
        for name, value in environ.items()
        if name.startswith("HTTP_")
    }
    for name in ("CONTENT_TYPE", "CONTENT_LENGTH"):  # CGI's own names for these two
        if environ.get(name):
            found[name.replace("_", "-").lower()] = environ[name]
    return found


def _body(asked: Request, connection: Configured) -> bytes:
    """The whole body; `TooLarge`, noted for the operator, as soon as it is over the connection's limit."""
    limit, said = connection.body_limit, asked.content_length
    asked.max_content_length = None  # this door has a limit of its own, per connection
    body = b""
    if said is None or said <= limit:
        with bodies.MACHINES.one() if connection.token_digest else bodies.STRANGERS.one():
            body = asked.stream.read(limit + 1)
    if (said or 0) > limit or len(body) > limit:
        intake.note_too_large(doors.hub(), connection, said)
        raise TooLarge(_("The body is larger than this connection takes."))
    return body
