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
    with tcp() as side:
        yield side


@contextlib.contextmanager
def babbling() -> Iterator[FarSide]:
    """Says something that belongs to no protocol, and hangs up."""
    with tcp(b"\x00\xff babble babble\r\n") as side:
        yield side


@contextlib.contextmanager
def tcp(*says: bytes) -> Iterator[FarSide]:
    """Says the first of these to each connection, each further one after hearing something, and hangs up.

    With `tcp(b"220 hi\\r\\n", b"250 AUTH PLAIN\\r\\n", b"535 no\\r\\n")` a mail server refuses a password.
    Without any it stays silent until the end of the block.
    """
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.02)
        side = FarSide(server.getsockname()[1])
        threads: list[threading.Thread] = []

        def accept() -> None:
            while not over.is_set():
                with contextlib.suppress(TimeoutError):
                    connection, _ = server.accept()
                    threads.append(threading.Thread(target=_converse, args=(connection, says, side, over)))
                    threads[-1].start()

        threads.append(threading.Thread(target=accept))
        threads[0].start()
        try:
            yield side
        finally:
            over.set()
            for thread in threads:
                thread.join()


def _converse(
    connection: socket.socket, says: tuple[bytes, ...], side: FarSide, over: threading.Event
) -> None:
    with connection, contextlib.suppress(OSError):
        for number, line in enumerate(says):
            if number and not _hear(connection, side, over):
                return
            connection.sendall(line)
        while not says and _hear(connection, side, over):
            pass


def _hear(connection: socket.socket, side: FarSide, over: threading.Event) -> bool:
    """Wait for something to be said; false when the peer hung up or the block is over."""
    connection.settimeout(0.02)
    while not over.is_set():
        with contextlib.suppress(TimeoutError):
            data = connection.recv(65536)
            side.heard.append(data)
            return bool(data)
    return False


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
