"""The network under the guarded client: connects only to addresses that were checked, and keeps to the
deadline.

One backend serves the connection pool of one client. Each thread announces its call's deadline with `until`;
every read, write and connect of that thread then gets at most the time that is left, so that a peer which
sends one byte every few seconds cannot outlast it.
"""

import ssl
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import httpcore2

from hub.plugin.addresses import Network, resolve
from hub.plugin.contracts import Deadline

SocketOption = tuple[int, int, int] | tuple[int, int, bytes | bytearray] | tuple[int, int, None, int]
SocketOptions = Iterable[SocketOption]


class _Local(threading.local):
    deadline: Deadline | None = None


class GuardedNetwork(httpcore2.NetworkBackend):
    """Resolves once, refuses what is not allowed, connects to the very address that was checked."""

    def __init__(self, networks: Iterable[Network]) -> None:
        self._networks = tuple(networks)
        self._plain = httpcore2.SyncBackend()
        self._local = _Local()

    @contextmanager
    def until(self, deadline: Deadline) -> Iterator[None]:
        """Bound all network operations of this thread by a deadline inside the block."""
        before = self._local.deadline
        self._local.deadline = deadline
        try:
            yield
        finally:
            self._local.deadline = before

    def time_left(self, timeout: float | None, late: type[Exception]) -> float | None:
        """`timeout` cut to what the deadline of this thread leaves; raises `late` when that is nothing."""
        if self._local.deadline is None:
            return timeout
        left = self._local.deadline.left()
        if left <= 0:
            raise late("the call's deadline has passed")
        return left if timeout is None else min(timeout, left)

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: SocketOptions | None = None,
    ) -> httpcore2.NetworkStream:
        """Connect to the first allowed address that answers."""
        failure: Exception = httpcore2.ConnectError("no address")
        for address in resolve(host, port, self._networks):
            left = self.time_left(timeout, httpcore2.ConnectTimeout)
            try:
                stream = self._plain.connect_tcp(address, port, left, local_address, socket_options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failure = error
            else:
                return _BoundedStream(stream, self)
        raise failure

    def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: SocketOptions | None = None
    ) -> httpcore2.NetworkStream:
        """Refused: a local socket is nothing that a connection may speak to."""
        raise httpcore2.ConnectError("local sockets are not allowed")


class _BoundedStream(httpcore2.NetworkStream):
    def __init__(self, stream: httpcore2.NetworkStream, network: GuardedNetwork) -> None:
        self._stream = stream
        self._network = network

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._network.time_left(timeout, httpcore2.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._network.time_left(timeout, httpcore2.WriteTimeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore2.NetworkStream:
        left = self._network.time_left(timeout, httpcore2.ConnectTimeout)
        return _BoundedStream(self._stream.start_tls(ssl_context, server_hostname, left), self._network)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
