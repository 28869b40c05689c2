"""A small imitation of Request Tracker's REST2, for what does not need the real one."""

import base64
import json
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from hub.testing.peers.recorder import Answer, Request

START = "2026-11-24T08:00:00Z"


def answer(data: Any, status: int = 200, **headers: str) -> Answer:
    return Answer(status, json.dumps(data).encode(), headers)


@dataclass
class ImitatedRt:
    """Tickets, transactions with a text, and the searches that the connector sends."""

    tickets: dict[int, dict[str, Any]] = field(default_factory=dict)
    transactions: list[dict[str, Any]] = field(default_factory=list)
    before_put: list[Any] = field(default_factory=list)

    def __call__(self, request: Request) -> Answer:
        url = urlsplit(request.target)
        path = url.path.removeprefix("/REST/2.0")
        query = {name: values[-1] for name, values in parse_qs(url.query).items()}
        if request.method == "GET":
            return self._get(path, query)
        return self._write(request, path, request.json())

    def add(self, ticket: int, kind: str, by: str = "anna", at: str = START, **more: Any) -> int:
        """One transaction; `number` places it where its number says, however late it comes."""
        number = more.pop("number", 0) or 1 + max((t["id"] for t in self.transactions), default=100)
        self.transactions.append(
            {"id": number, "ObjectId": str(ticket), "Type": kind, "Created": at, "by": by, **more}
        )
        return int(number)

    def etag(self, ticket: int) -> str:
        return f'"{max(t["id"] for t in self.transactions if t["ObjectId"] == str(ticket))}"'

    def _get(self, path: str, query: dict[str, str]) -> Answer:
        if match := re.fullmatch(r"/ticket/(\d+)", path):
            ticket = self.tickets.get(int(match[1]))
            return answer(ticket, etag=self.etag(int(match[1]))) if ticket else answer({}, 404)
        if match := re.fullmatch(r"/transaction/(\d+)/attachments", path):
            return answer({"items": self._parts(int(match[1]))})
        if match := re.fullmatch(r"/attachment/(\d+)-(\d+)", path):
            text = self._transaction(int(match[1]))["parts"][int(match[2])][2]
            return answer({"Content": base64.encodebytes(text.encode()).decode()})
        if path == "/tickets":
            return answer({"items": self._tickets(query["query"])})
        return answer({"items": self._search(query["query"], int(query["per_page"]))})

    def _transaction(self, number: int) -> dict[str, Any]:
        return next(t for t in self.transactions if t["id"] == number)

    def _parts(self, number: int) -> list[dict[str, Any]]:
        return [
            {"id": f"{number}-{place}", "ContentType": kind, "Filename": name}
            for place, (kind, name, _) in enumerate(self._transaction(number).get("parts", []))
        ]

    def _tickets(self, query: str) -> list[dict[str, Any]]:
        [wanted] = re.findall(r"RefersTo = '(.*)'", query)
        return [
            {"id": str(number)}
            for number, ticket in self.tickets.items()
            if any(link["_url"] == wanted for link in ticket["_hyperlinks"])
        ]

    def _search(self, query: str, size: int) -> list[dict[str, Any]]:
        found = sorted(self.transactions, key=lambda t: t["id"])
        if mark := re.search(r"ObjectId = (\d+) .* Subject LIKE '(.*)'", query):
            return [t for t in found if t["ObjectId"] == mark[1] and mark[2] in t.get("Subject", "")]
        [after] = re.findall(r"id > (\d+)", query)
        types = re.findall(r"Type = '(\w+)'", query)
        return [
            {**t, "id": str(t["id"]), "Creator": {"id": t["by"]}}
            for t in found
            if t["id"] > int(after) and t["Type"] in types
        ][:size]

    def _write(self, request: Request, path: str, body: dict[str, Any]) -> Answer:
        if path == "/ticket":
            return self._create(body)
        number = int(path.split("/")[2])
        if path.endswith(("/correspond", "/comment")):
            part = ("text/plain", "", body["Content"])
            kind = path.rpartition("/")[2].capitalize()
            made = self.add(number, kind, "hub", Subject=body["Subject"], parts=[part])
            return answer(["Correspondence added"], 201, Location=f"/REST/2.0/transaction/{made}")
        if self.before_put:
            self.before_put.pop(0)()
        if request.headers.get("if-match") != self.etag(number):
            return answer({"message": "Precondition Failed"}, 412)
        self.set_status(number, body["Status"], "hub")
        return answer([f"Ticket {number}: Status changed"])

    def _create(self, body: dict[str, Any]) -> Answer:
        number = len(self.tickets) + 1
        links = [{"ref": "refers-to", "_url": body["RefersTo"]}]
        self.tickets[number] = {**body, "id": number, "Status": "new", "_hyperlinks": links}
        self.add(number, "Create", "hub", parts=[("text/plain", "", body["Content"])])
        return answer({"id": str(number)}, 201, Location=f"/REST/2.0/ticket/{number}")

    def set_status(self, ticket: int, status: str, by: str = "anna") -> int:
        self.tickets[ticket]["Status"] = status
        return self.add(ticket, "Status", by, NewValue=status)

    def say(self, ticket: int, text: str, by: str = "anna", kind: str = "Correspond", **more: Any) -> int:
        return self.add(ticket, kind, by, parts=[("text/plain", "", text)], **more)
