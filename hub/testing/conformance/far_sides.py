"""Far sides that misbehave, over HTTP or bare TCP."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

from hub.testing.peers.recorder import Answer, Request, recorder

RUBBISH: tuple[bytes, ...] = (
    b"",
    b"<html><body>Proxy login</body></html>",
    b"null",
    b"[]",
    b"{}",
    b"17",
    b'"text"',
    b"[null]",
    b"[{}]",
    b'{"id": null}',
    b'{"id": {}, "items": 3, "data": "x", "results": [1]}',
    b"[" * 5000,
    b"\x00\xff" * 100,
)


@dataclass(slots=True)
class FarSide:
    """A listening far side: its port, and every byte that it was sent."""

    port: int
    heard: list[bytes] = field(default_factory=list)

    def has_heard(self, texts: tuple[str, ...]) -> bool:
        """Whether any of these texts has arrived."""
        everything = b"".join(self.heard)
        return any(text.encode() in everything for text in texts)


@contextlib.contextmanager
def silent() -> Iterator[FarSide]:
    """Takes connections and whatever is sent, and never says a word."""
    with tcp(b"") as side:
        yield side


@contextlib.contextmanager
def babbling() -> Iterator[FarSide]:
    """Says something that belongs to no protocol, and hangs up."""
    with tcp(b"\x00\xff babble babble\r\n") as side:
        yield side


@contextlib.contextmanager
def tcp(greeting: bytes) -> Iterator[FarSide]:
    """Greets each connection and hangs up; an empty greeting means silence until the end of the block."""
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.02)
        side = FarSide(server.getsockname()[1])
        threads: list[threading.Thread] = []

        def serve(connection: socket.socket) -> None:
            with connection, contextlib.suppress(OSError):
                if greeting:
                    connection.sendall(greeting)
                    return
                connection.settimeout(0.02)
                while not over.is_set():
                    with contextlib.suppress(TimeoutError):
                        data = connection.recv(65536)
                        if not data:
                            return
                        side.heard.append(data)

        def accept() -> None:
            while not over.is_set():
                with contextlib.suppress(TimeoutError):
                    connection, _ = server.accept()
                    threads.append(threading.Thread(target=serve, args=(connection,)))
                    threads[-1].start()

        threads.append(threading.Thread(target=accept))
        threads[0].start()
        try:
            yield side
        finally:
            over.set()
            for thread in threads:
                thread.join()


@contextlib.contextmanager
def answering(status: int, body: bytes = b"{}") -> Iterator[FarSide]:
    """An HTTP far side that gives every request the same answer."""
    side = FarSide(0)

    def respond(request: Request) -> Answer:
        side.heard.append(request.body)
        return Answer(status, body)

    with recorder(respond) as peer:
        side.port = peer.port
        yield side
