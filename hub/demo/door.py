"""How the played outside speaks to the hub: over HTTP, at its public addresses, like everybody else."""

import http.client
import json
from collections.abc import Mapping
from typing import Any

from hub.config import Settings


class Door:
    """The hub's public addresses; `patience` is in seconds."""

    def __init__(self, settings: Settings, patience: float = 10) -> None:
        self._host, self._port, self._patience = settings.host, settings.port, patience

    def is_open(self) -> bool:
        """Whether the pages answer."""
        try:
            return self._request("GET", "/healthz", None, {}) == 200
        except OSError:
            return False

    def post(self, path: str, token: str, body: Mapping[str, Any]) -> str:
        """Post JSON with a connection's token; what went wrong, or nothing."""
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        try:
            status = self._request("POST", path, json.dumps(body).encode(), headers)
        except OSError as error:
            return f"the hub does not answer ({error})"
        return "" if status < 300 else f"the hub answered {status}"

    def _request(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> int:
        connection = http.client.HTTPConnection(self._host, self._port, timeout=self._patience)
        try:
            connection.request(method, path, body, dict(headers))
            answer = connection.getresponse()
            answer.read()
            return answer.status
        finally:
            connection.close()
