"""The one outgoing HTTP client of the hub and its plugins.

It refuses private addresses unless the connection's operator allowed them, checking the address that it then
connects to; follows redirects by hand through the same check; ignores the environment's proxies; bounds
connect, read, the whole call and the size of the answer, packed and unpacked; keeps connections alive per
connection; keeps no cookies; and writes nothing about a request to any log. Its errors name the host and
never the path, query, headers or body, because tokens stand there.

How failures are told apart: what was surely never sent, and what was sent but cannot have changed anything
(GET, HEAD, OPTIONS), is `RetryLater`; what was sent with any other method and not answered properly is
`OutcomeUnknown`.
"""

import functools
import logging
import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx2
import orjson

from hub import __version__
from hub.plugin.addresses import Network
from hub.plugin.contracts import Answer, Deadline, Rejected
from hub.plugin.decompress import ACCEPTED, NotUnpackable, TooLong, read_body
from hub.plugin.guarded_network import GuardedNetwork
from hub.plugin.http_rules import Hop, basic, checked_url, next_hop, raise_for_status, unanswered

# At DEBUG the library below writes down the headers of answers, session cookies and all.
logging.getLogger("httpcore2").setLevel(logging.INFO)

MIB = 1024 * 1024
KEEP_ALIVE_SECONDS = 30


@dataclass(frozen=True, slots=True)
class HttpOptions:
    """What an operator may set per connection. Times in seconds.

    `networks` are private networks that this connection may reach. `ca_file` names a PEM file that takes the
    place of the system's certificate authorities, and `takes_ca_file` says whether the settings have a field
    for it; certificates are always verified. `total` bounds one call with all its redirects, `read` the
    silence between two pieces of an answer.
    """

    networks: tuple[Network, ...] = ()
    ca_file: str | None = None
    takes_ca_file: bool = False
    connect: float = 5.0
    read: float = 20.0
    total: float = 30.0
    max_bytes: int = 16 * MIB
    max_redirects: int = 5
    connections: int = 4


class GuardedClient:
    """The client of one connection: a pool of kept-alive connections, usable from several threads.

    It satisfies `hub.plugin.contracts.Http`; `bounded` gives a view of it that also keeps to a call's
    deadline.
    """

    def __init__(self, options: HttpOptions) -> None:
        self._options = options
        self._network = GuardedNetwork(options.networks)
        self._transport = httpx2.HTTPTransport(
            verify=_tls(options.ca_file),
            trust_env=False,
            limits=httpx2.Limits(
                max_connections=options.connections,
                max_keepalive_connections=options.connections,
                keepalive_expiry=KEEP_ALIVE_SECONDS,
            ),
        )
        # httpx2 offers no public way to give a transport a network of its own. The version is pinned, and
        # tests/plugin/test_http.py fails where a new one ignores this.
        self._transport._pool._network_backend = self._network

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        json: Any = None,
        content: bytes | None = None,
        auth: tuple[str, str] | None = None,
    ) -> Answer:
        """Send one request and read the whole answer.

        `json` (or else `content`) is the body, `auth` is (user, password) for Basic, `params` are added to
        the query. Raises AuthFailed for 401; RetryLater for 429, for 503 with Retry-After, and where
        nothing can have happened; OutcomeUnknown for other 5xx and lost answers; Rejected for addresses that
        are refused. All other statuses are answered. Redirects are followed for GET and HEAD, and for 307 and
        308 on the same host; another redirect is answered as it is.
        """
        return self._request(
            Deadline(self._options.total), _hop(method, url, headers, params, json, content, auth)
        )

    def bounded(self, deadline: Deadline) -> "BoundedHttp":
        """This client for one outward call, which ends with `deadline` at the latest."""
        return BoundedHttp(self, deadline, self._options.total)

    def close(self) -> None:
        """Close the kept-alive connections; calls under way break."""
        self._transport.close()

    def _request(self, deadline: Deadline, hop: Hop) -> Answer:
        for _ in range(self._options.max_redirects + 1):
            answer = self._send(hop, deadline)
            following = next_hop(hop, answer)
            if following is None:
                raise_for_status(hop, answer)
                return answer
            hop = following
        raise Rejected(f"{hop.host} redirects too often.")

    def _send(self, hop: Hop, deadline: Deadline) -> Answer:
        times = {
            "connect": self._options.connect,
            "read": self._options.read,
            "write": self._options.read,
            "pool": deadline.left(),
        }
        request = httpx2.Request(
            hop.method,
            hop.url,
            headers={**_OWN_HEADERS, **hop.headers},
            content=hop.content,
            extensions={"timeout": times},
        )
        try:
            with self._network.until(deadline):
                return self._exchange(request, hop)
        except httpx2.HTTPError as error:
            raise unanswered(hop, error, self._options.takes_ca_file) from None

    def _exchange(self, request: httpx2.Request, hop: Hop) -> Answer:
        response = self._transport.handle_request(request)
        limit = self._options.max_bytes
        try:
            stream = response.stream
            assert isinstance(stream, httpx2.SyncByteStream)
            body = read_body(stream, response.headers.get("content-encoding", ""), limit)
        except TooLong:
            raise hop.spoiled(f"{hop.host} answered with more than {limit // MIB} MiB.") from None
        except NotUnpackable as error:
            raise hop.spoiled(f"{hop.host} answered with a body that cannot be read: {error}.") from None
        finally:
            response.close()
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Answer(response.status_code, headers, body, str(request.url))


_OWN_HEADERS = {"user-agent": f"contact-hub/{__version__}", "accept-encoding": ACCEPTED}


@dataclass(frozen=True, slots=True)
class BoundedHttp:
    """What a connector gets as `ctx.http`."""

    _client: GuardedClient
    _deadline: Deadline
    _total: float

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        json: Any = None,
        content: bytes | None = None,
        auth: tuple[str, str] | None = None,
    ) -> Answer:
        """As `GuardedClient.request`, within the call's deadline."""
        deadline = Deadline(min(self._total, self._deadline.left()))
        return self._client._request(deadline, _hop(method, url, headers, params, json, content, auth))


class HttpClients:
    """One kept client per connection of this process; a connection whose options changed gets a new one."""

    def __init__(self) -> None:
        self._clients: dict[str, tuple[HttpOptions, GuardedClient]] = {}
        self._guard = threading.Lock()

    def get(self, connection_key: str, options: HttpOptions) -> GuardedClient:
        """The client of a connection. Raises Rejected when the CA file cannot be read."""
        with self._guard:
            known = self._clients.get(connection_key)
            if known is None or known[0] != options:
                # The old client is let go, not closed: calls under way may end on it.
                known = (options, GuardedClient(options))
                self._clients[connection_key] = known
            return known[1]

    def close(self) -> None:
        """Close every client, at the end of the process or of a test."""
        with self._guard:
            clients, self._clients = self._clients, {}
        for _, client in clients.values():
            client.close()


def _tls(ca_file: str | None) -> ssl.SSLContext:
    if ca_file is None:
        return _system_tls()
    try:
        return ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError) as error:
        raise Rejected(f"The CA file {ca_file} cannot be read: {error}.") from None


@functools.cache
def _system_tls() -> ssl.SSLContext:
    # Reading all authorities takes 40 ms, and every client without a CA file wants the same.
    return httpx2.create_ssl_context(trust_env=False)


def _hop(
    method: str,
    url: str,
    headers: Mapping[str, str] | None,
    params: Mapping[str, str] | None,
    json: Any,
    content: bytes | None,
    auth: tuple[str, str] | None,
) -> Hop:
    sent = {name.lower(): value for name, value in (headers or {}).items()}
    if not all(f"{name}{value}".isascii() for name, value in sent.items()):
        raise Rejected("A header holds characters that HTTP does not allow; look at the token.")
    if auth is not None:
        sent["authorization"] = basic(*auth)
    if json is not None:
        content = orjson.dumps(json)
        sent.setdefault("content-type", "application/json")
    return Hop(method.upper(), checked_url(url, params), sent, content)
