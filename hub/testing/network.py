"""No test may speak to the world: only to programs that it started on this machine.

Register the fixture in `conftest.py` by importing it: `from hub.testing.network import loopback_only`.
"""

import contextlib
import ipaddress
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest

# A peer of a test never listens below this, but the machine's own mail server does.
FIRST_UNPRIVILEGED_PORT = 1024


@contextlib.contextmanager
def forbidding_network() -> Iterator[list[str]]:
    """Raise `AssertionError` where Python code connects or resolves beyond loopback; yield the attempts.

    Programs in other processes and C libraries with sockets of their own (libpq) are out of reach.
    """
    attempts: list[str] = []

    def refuse(what: str) -> None:
        attempts.append(what)
        raise AssertionError(f"a test tried to reach {what}; only peers on 127.0.0.1 may be spoken to")

    def guarded_connect(connect: Callable[[socket.socket, Any], Any]) -> Callable[[socket.socket, Any], Any]:
        def guarded(self: socket.socket, address: Any) -> Any:
            if self.family in (socket.AF_INET, socket.AF_INET6) and not _is_loopback(*address[:2]):
                refuse(f"{address[0]}:{address[1]}")
            return connect(self, address)

        return guarded

    def guarded_lookup(lookup: Callable[..., Any]) -> Callable[..., Any]:
        def guarded(host: Any, *args: Any, **kwargs: Any) -> Any:
            if not _needs_no_dns(host):
                refuse(f"the name server, about {host!r}")
            return lookup(host, *args, **kwargs)

        return guarded

    with pytest.MonkeyPatch.context() as patch:
        for name in ("connect", "connect_ex"):
            patch.setattr(socket.socket, name, guarded_connect(getattr(socket.socket, name)))
        for name in ("getaddrinfo", "gethostbyname", "gethostbyname_ex"):
            patch.setattr(socket, name, guarded_lookup(getattr(socket, name)))
        yield attempts


@pytest.fixture(autouse=True)
def loopback_only() -> Iterator[None]:
    """Forbid the network, and fail the test even where the code under test swallowed the refusal."""
    with forbidding_network() as attempts:
        yield
    assert not attempts, f"reached for the network: {attempts}"


def _is_loopback(host: Any, port: int) -> bool:
    return _needs_no_dns(host) and _address_is_loopback(host) and port >= FIRST_UNPRIVILEGED_PORT


def _address_is_loopback(host: str) -> bool:
    # "localhost" and its subdomains stand for this machine (RFC 6761, 6.3).
    address = _literal(host)
    return address.is_loopback if address else True


def _needs_no_dns(host: Any) -> bool:
    if host is None:  # "any address", asked for by servers
        return True
    name = host.decode() if isinstance(host, bytes) else str(host)
    return name in ("", "localhost") or name.endswith(".localhost") or _literal(name) is not None


def _literal(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None
