"""The part of Request Tracker's REST 2 that its connector uses, over the played team's tickets."""

import base64
import json
import re
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from hub.demo.tickets import HUB, Conflict, Ticket, Tickets, Transaction

TOKEN = "demo-team-token"  # noqa: S105 (a stand-in on loopback)
PAGE = 50


class TicketTool(ThreadingHTTPServer):
    """Listens on loopback; each request is answered from the tickets alone."""

    daemon_threads = True

    def __init__(self, port: int, tickets: Tickets) -> None:
        try:
            super().__init__(("127.0.0.1", port), _Handler)
        except OSError:
            # Somebody else has taken the port meanwhile; any other does too.
            super().__init__(("127.0.0.1", 0), _Handler)
        self.tickets = tickets


class _Refused(Exception):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class _Handler(BaseHTTPRequestHandler):
    server: TicketTool
    protocol_version = "HTTP/1.1"
    # Head and body are two writes; without this the second waits 40 ms for the client's delayed ACK.
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        self._serve()

    do_POST = do_PUT = do_GET

    def log_message(self, format: str, *args: Any) -> None:
        """The demo prints what the team does, not each request."""

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            if self.headers.get("Authorization") != f"token {TOKEN}":
                raise _Refused(401, "Unauthorized")
            parts = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            path = parts.path.removeprefix("/REST/2.0/").split("/")
            status, answer, headers = self._answer(path, query, json.loads(body) if body else {})
        except _Refused as refusal:
            status, answer, headers = refusal.status, {"message": str(refusal)}, {}
        self._send(status, answer, headers)

    def _send(self, status: int, answer: Any, headers: Mapping[str, str]) -> None:
        raw = json.dumps(answer).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def _answer(
        self, path: list[str], query: Mapping[str, str], body: Mapping[str, Any]
    ) -> tuple[int, Any, Mapping[str, str]]:
        match (self.command, path):
            case ("POST", ["ticket"]):
                return self._open(body)
            case ("GET", ["tickets"]):
                wanted = _literal(query["query"], "RefersTo = ")
                found = [t for t in self.server.tickets.tickets() if t.refers_to == wanted]
                return 200, {"items": [{"id": ticket.id} for ticket in found]}, {}
            case ("GET", ["ticket", number]):
                return self._ticket(self._found(number))
            case ("PUT", ["ticket", number]):
                return self._change(self._found(number), body)
            case ("POST", ["ticket", number, "correspond"]):
                made = self.server.tickets.write(
                    self._found(number), HUB, body["Content"], body.get("Subject", "")
                )
                return 201, [], {"Location": f"/REST/2.0/transaction/{made.id}"}
            case ("GET", ["transactions"]):
                asked = [t for t in self.server.tickets.transactions() if _asked_for(t, query["query"])]
                return 200, {"items": [_item(transaction) for transaction in asked[:PAGE]]}, {}
            case ("GET", ["transaction", number, "attachments"]):
                return 200, {"items": [{"id": int(number), "ContentType": "text/plain"}]}, {}
            case ("GET", ["attachment", number]):
                return 200, {"Content": self._content(int(number))}, {}
        raise _Refused(404, "Not played here")

    def _open(self, body: Mapping[str, Any]) -> tuple[int, Any, Mapping[str, str]]:
        ticket = self.server.tickets.open(
            body["Queue"], body["Subject"], body.get("Content", ""), body.get("RefersTo", "")
        )
        return 201, {"id": ticket.id}, {"Location": f"/REST/2.0/ticket/{ticket.id}"}

    def _ticket(self, ticket: Ticket) -> tuple[int, Any, Mapping[str, str]]:
        shown = {
            "id": ticket.id,
            "Status": ticket.status,
            "Subject": ticket.subject,
            "_hyperlinks": [{"ref": "refers-to", "_url": ticket.refers_to}],
        }
        return 200, shown, {"ETag": f'"{ticket.version}"'}

    def _change(self, ticket: Ticket, body: Mapping[str, Any]) -> tuple[int, Any, Mapping[str, str]]:
        try:
            self.server.tickets.set_status(ticket, HUB, body["Status"], self.headers.get("If-Match", ""))
        except Conflict:
            raise _Refused(412, "Precondition Failed") from None
        return 200, [f"Status changed to {body['Status']}"], {}

    def _found(self, number: str) -> Ticket:
        ticket = self.server.tickets.ticket(int(number))
        if ticket is None:
            raise _Refused(404, "No such ticket")
        return ticket

    def _content(self, number: int) -> str:
        written = next(t.content for t in self.server.tickets.transactions() if t.id == number)
        return base64.b64encode(written.encode()).decode()


def _literal(query: str, before: str) -> str:
    found = re.search(re.escape(before) + r"'((?:[^'\\]|\\.)*)'", query)
    return re.sub(r"\\(.)", r"\1", found[1]) if found else ""


def _asked_for(transaction: Transaction, query: str) -> bool:
    """Whether one of the connector's two searches means this transaction."""
    if mark := _literal(query, "Subject LIKE "):
        on = re.search(r"ObjectId = (\d+)", query)
        return on is not None and transaction.ticket == int(on[1]) and mark in transaction.subject
    after = re.search(r"id > (\d+)", query)
    types = re.findall(r"Type = '(\w+)'", query)
    return transaction.id > int(after[1] if after else 0) and transaction.type in types


def _item(transaction: Transaction) -> dict[str, Any]:
    return {
        "id": transaction.id,
        "Type": transaction.type,
        "ObjectId": transaction.ticket,
        "Created": transaction.created,
        "Creator": {"id": transaction.creator, "type": "user"},
        "NewValue": transaction.new_value,
    }
