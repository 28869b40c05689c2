"""A far side that writes down every request and answers, or misbehaves, as the test says."""

import contextlib
import json
import socket
import struct
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

Fault = Literal["hang", "close", "reset", "unread"]


@dataclass(frozen=True, slots=True)
class Request:
    """What arrived: the target as sent (path and query) and header names in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The body as JSON; raises `ValueError` when it is none."""
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Answer:
    """What to send back after `delay` seconds, or the `fault` to commit instead.

    - `hang`: read and record the request, then stay silent until the caller gives up;
    - `close`: read and record it, then end the connection without a word;
    - `reset`: the same, but with a TCP reset;
    - `unread`: hang up at once, before the body was read; nothing is recorded.
    """

    status: int = 200
    body: bytes = b"{}"
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0.0
    fault: Fault | None = None


class Recorder:
    """The state shared by the server's threads and the test; every method may be called at any time."""

    def __init__(self, port: int, respond: Callable[[Request], Answer]) -> None:
        self.port = port
        self.respond = respond
        self.closing = threading.Event()
        self._requests: list[Request] = []
        self._script: deque[Answer] = deque()
        self._arrival = threading.Condition()

    def url(self, path: str = "/") -> str:
        """The address to give to the system under test."""
        return f"http://127.0.0.1:{self.port}{path}"

    def script(self, *answers: Answer) -> None:
        """Answer the next requests so, in this order; after that `respond` decides again."""
        with self._arrival:
            self._script.extend(answers)

    @property
    def requests(self) -> list[Request]:
        """Everything that arrived so far, in the order of arrival."""
        with self._arrival:
            return list(self._requests)

    def wait_for(
        self, count: int = 1, timeout: float = 10, matching: Callable[[Request], bool] = lambda _: True
    ) -> list[Request]:
        """Wait until `count` requests that match have arrived since the start, and return those."""
        with self._arrival:
            found = self._arrival.wait_for(lambda: len(self._matching(matching)) >= count, timeout)
            assert found, f"{len(self._matching(matching))} of {count} requests came; all: {self._requests}"
            return self._matching(matching)

    def next_scripted(self) -> Answer | None:
        """Take the next answer off the script."""
        with self._arrival:
            return self._script.popleft() if self._script else None

    def record(self, request: Request) -> None:
        """Keep a request and wake whoever waits for it."""
        with self._arrival:
            self._requests.append(request)
            self._arrival.notify_all()

    def _matching(self, matching: Callable[[Request], bool]) -> list[Request]:
        return [request for request in self._requests if matching(request)]


class _Server(ThreadingHTTPServer):
    daemon_threads = False

    def __init__(self) -> None:
        self.connections: set[socket.socket] = set()
        super().__init__(("127.0.0.1", 0), _Handler)
        self.recorder = Recorder(self.server_port, lambda _: Answer())

    def process_request(self, request: Any, client_address: Any) -> None:
        self.connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self.connections.discard(request)
        super().shutdown_request(request)

    def hang_up(self) -> None:
        """End the connections that clients keep open, or their threads would never come home."""
        for connection in list(self.connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Head and body are two writes; without this the second waits 40 ms for the client's delayed ACK.
    disable_nagle_algorithm = True
    server: _Server

    def handle(self) -> None:
        # The client may give up at any moment, which is often the very point of the test.
        with contextlib.suppress(ConnectionError):
            super().handle()

    def do_POST(self) -> None:
        recorder = self.server.recorder
        scripted = recorder.next_scripted()
        if scripted and scripted.fault == "unread":
            self._hang_up(reset=False)
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.command, self.path, headers, self._body())
        recorder.record(request)
        self._answer(scripted or recorder.respond(request))

    do_GET = do_PUT = do_PATCH = do_DELETE = do_HEAD = (
        do_POST  # one handler under the names that http.server looks for
    )

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: what arrived is in `Recorder.requests`."""

    def _answer(self, answer: Answer) -> None:
        self.server.recorder.closing.wait(None if answer.fault == "hang" else answer.delay)
        if answer.fault:
            self._hang_up(reset=answer.fault == "reset")
            return
        body = b"" if answer.status in (204, 304) else answer.body
        self.send_response(answer.status)
        for name, value in {"Content-Type": "application/json", **answer.headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _hang_up(self, reset: bool) -> None:
        if reset:
            # Closing with "linger 0 seconds" is how one sends a reset.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        else:
            self.connection.shutdown(socket.SHUT_RDWR)
        self.close_connection = True

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            return b"".join(self._chunks())
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def _chunks(self) -> Iterator[bytes]:
        while size := int(self.rfile.readline().partition(b";")[0], 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        while self.rfile.readline().strip():  # trailers
            pass


@contextlib.contextmanager
def recorder(respond: Callable[[Request], Answer] = lambda _: Answer()) -> Iterator[Recorder]:
    """Listen on a free port until the end of the block; `respond` answers what the script does not."""
    with _Server() as server:
        server.recorder.respond = respond
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield server.recorder
        finally:
            server.recorder.closing.set()
            server.shutdown()
            thread.join()
            server.hang_up()
