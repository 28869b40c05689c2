"""Request Tracker 5 with its REST2 API: a private instance on a copy of a prepared SQLite database."""

import base64
import contextlib
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from hub.testing.peers.process import free_port, require, scratch, service
from hub.testing.peers.rt_instance import USER, create_instance, environment, run_script

SERVER = "/usr/share/request-tracker5/libexec/rt-server"
# A request may have to wait for a scrip that is pushing to the hub.
TIMEOUT = 30


@dataclass
class RequestTracker:
    """A running Request Tracker.

    Its people: `root`, `hub` (the hub's own API user, an ordinary privileged one) and whom `create_user`
    adds.  Methods act `by` one of them.  A comment is internal, a correspondence goes to the requestor.
    """

    url: str
    directory: Path
    credentials: dict[str, str] = field(repr=False)

    @property
    def token(self) -> str:
        """The API token of `hub`, to be sent as `Authorization: token ...`."""
        return self.credentials["hub"].removeprefix("token ")

    def create_queue(self, name: str) -> int:
        """Make a queue that every privileged user may read and write."""
        return int(self.call("POST", "/queue", json={"Name": name})["id"])

    def create_user(self, name: str, email: str | None = None, *, privileged: bool = True) -> None:
        """Make a person: privileged as a member of the team is, or one who can only be a requestor."""
        password = secrets.token_hex(8)
        user = {"Name": name, "EmailAddress": email or f"{name}@team.example", "Privileged": int(privileged)}
        self.call("POST", "/user", json={**user, "Password": password})
        self.credentials[name] = f"Basic {base64.b64encode(f'{name}:{password}'.encode()).decode()}"

    def create_token(self, name: str) -> str:
        """Make a new API token for a user, to be sent as `Authorization: token ...` (takes about 1.5 s)."""
        return run_script(self.directory, "token.pl", name).strip()

    def push_to(self, url: str, headers: Mapping[str, str]) -> None:
        """From now on post every ticket transaction to `url` with these headers.

        The post leaves inside Request Tracker's own transaction, as it does in real life: whoever asks
        back at once still gets the old state (or a 404 for a ticket that is being made).
        """
        run_script(self.directory, "push.pl", url, *(part for header in headers.items() for part in header))

    def create_ticket(
        self, queue: str, subject: str, text: str = "", requestor: str = "", by: str = "root"
    ) -> int:
        """Open a ticket and return its number."""
        ticket = {"Queue": queue, "Subject": subject, "Requestor": requestor, **_plain(text)}
        return int(self.call("POST", "/ticket", by, json=ticket)["id"])

    def correspond(self, ticket: int, text: str, by: str = "root") -> None:
        """Answer on a ticket for everybody to read."""
        self.call("POST", f"/ticket/{ticket}/correspond", by, json=_plain(text))

    def comment(self, ticket: int, text: str, by: str = "root") -> None:
        """Write an internal note on a ticket."""
        self.call("POST", f"/ticket/{ticket}/comment", by, json=_plain(text))

    def set_status(self, ticket: int, status: str, by: str = "root") -> None:
        """Set `new`, `open`, `stalled`, `resolved`, `rejected` or `deleted`."""
        self.update(ticket, {"Status": status}, by)

    def update(self, ticket: int, values: Mapping[str, Any], by: str = "root") -> None:
        """Set any fields of a ticket, such as `Owner`, `Queue` or `Subject`."""
        self.call("PUT", f"/ticket/{ticket}", by, json=dict(values))

    def ticket(self, ticket: int) -> dict[str, Any]:
        """What the API tells of a ticket."""
        found: dict[str, Any] = self.call("GET", f"/ticket/{ticket}")
        return found

    def history(self, ticket: int) -> list[dict[str, Any]]:
        """The transactions of a ticket in their order, with the text (`Content`) of those that have one."""
        fields = "Type,Field,OldValue,NewValue,Created,Creator,Data"
        items = self.call("GET", f"/ticket/{ticket}/history?per_page=100&fields={fields}")["items"]
        for item in items:
            if item["Type"] in ("Create", "Correspond", "Comment"):
                item["Content"] = self._text(item["id"])
        return sorted(items, key=lambda item: int(item["id"]))

    def call(self, method: str, path: str, by: str = "root", json: Any = None) -> Any:
        """Any call below `/REST/2.0`, for what has no method here; raises on an error answer."""
        headers = {"Authorization": self.credentials[by]}
        answer = requests.request(
            method, f"{self.url}/REST/2.0{path}", headers=headers, json=json, timeout=TIMEOUT
        )
        assert answer.ok, f"{method} {path} as {by}: {answer.status_code} {answer.text}"
        return answer.json()

    @property
    def log(self) -> Path:
        """Where the server writes what it has to say."""
        return self.directory / "log"

    def _text(self, transaction: str) -> str:
        parts = self.call("GET", f"/transaction/{transaction}/attachments?fields=ContentType,Content")[
            "items"
        ]
        # In a list the content is plain text; only a single attachment comes in base64.
        return "\n".join(part["Content"] for part in parts if part["ContentType"] == "text/plain")


@contextlib.contextmanager
def request_tracker() -> Iterator[RequestTracker]:
    """Run an instance with the default queue `General` until the end of the block; starts in about 3 s."""
    require(SERVER, "rt-setup-database-5", "starman", "perl", "setpriv")
    with scratch("rt") as directory:
        port, marker = free_port(), secrets.token_hex(8)
        tokens = create_instance(directory, port, marker)
        credentials = {name: f"token {token}" for name, token in tokens.items()}
        peer = RequestTracker(f"http://127.0.0.1:{port}", directory, credentials)
        argv = [SERVER, "--server", "Starman", "--workers", "2", "--host", "127.0.0.1", "--port", str(port)]

        def ready() -> bool:
            return _is_ours(peer, marker)

        with service(argv, ready, peer.log, user=USER, env=environment(directory), timeout=60):
            yield peer


def _plain(text: str) -> dict[str, str]:
    # As JSON, because a bare text/plain body is taken for Latin-1.
    return {"Content": text, "ContentType": "text/plain"}


def _is_ours(peer: RequestTracker, marker: str) -> bool:
    root = requests.get(
        f"{peer.url}/REST/2.0/user/root", headers={"Authorization": peer.credentials["root"]}, timeout=TIMEOUT
    )
    return root.ok and root.json().get("NickName") == marker
