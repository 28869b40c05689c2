"""The guarded client: what it refuses, and what it makes of a far side that misbehaves."""

import _socket
import gzip
import logging
import socket
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest

from hub.base import clock
from hub.plugin import contracts
from hub.plugin.addresses import parse_networks
from hub.plugin.contracts import AuthFailed, ConnectorError, Deadline, OutcomeUnknown, Rejected, RetryLater
from hub.plugin.http import GuardedClient, HttpClients, HttpOptions
from hub.plugin.http_rules import Hop, next_hop
from hub.testing.peers.recorder import Answer, Recorder, recorder

LOOPBACK = parse_networks(["127.0.0.0/8", "::1"])

SECRET = "s3cr3t-sentinel-0451"
PRIVATE = [
    "127.0.0.1",
    "localhost",
    "[::1]",
    "[::ffff:127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "[2002:7f00:1::]",
    "0x7f000001",
    "2130706433",
    "0.0.0.0",
    "169.254.169.254",
    "192.0.0.9",
    "192.88.99.1",
    "[64:ff9b:1::1]",
    "10.0.0.1",
    "172.16.3.4",
    "192.168.1.1",
    "100.64.0.1",
    "[fe80::1]",
    "[fd00::1]",
    "[fec0::1]",
    "224.0.0.1",
]


def numeric_only(host: str, port: int, *_: object, **__: object) -> list[Any]:
    """The resolver, asked in a way that never sends a packet but still knows the odd spellings of an
    address."""
    return _socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM, 0, socket.AI_NUMERICHOST)


@pytest.mark.parametrize("host", PRIVATE)
def test_a_private_address_is_refused_however_it_is_written(
    host: str, peer: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also the test of the pin: it fails where a new httpx2 no longer uses the network that we give it."""
    if host != "localhost":
        monkeypatch.setattr(socket, "getaddrinfo", numeric_only)
    with pytest.raises(Rejected, match="not a public address"):
        GuardedClient(HttpOptions()).request("POST", f"http://{host}:{peer.port}/")
    assert peer.requests == []


def test_a_network_that_the_operator_allowed_is_reached(client: GuardedClient, peer: Recorder) -> None:
    answer = client.request("POST", peer.url("/t"), json={"a": 1}, params={"q": "x y"}, auth=("u", "p"))
    assert (answer.status, answer.json()) == (200, {})
    [request] = peer.requests
    assert (request.method, request.target, request.json()) == ("POST", "/t?q=x+y", {"a": 1})
    assert request.headers["authorization"] == "Basic dTpw"


def test_the_address_that_was_checked_is_the_one_that_is_connected_to(
    client: GuardedClient, peer: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that changes between look-ups (DNS rebinding) gains nothing: there is one look-up per
    connection."""
    lookups = []

    def lookup(host: str, port: int, *_: object, **__: object) -> list[Any]:
        if host == "127.0.0.1":
            return numeric_only(host, port)
        lookups.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (a, port)) for a in ("10.0.0.1", "127.0.0.1")]

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    assert client.request("GET", f"http://rt.example.com:{peer.port}/").ok
    assert client.request("GET", f"http://rt.example.com:{peer.port}/").ok
    # The forbidden one of the two addresses was left out, and the second request found the connection alive.
    assert lookups == ["rt.example.com"]
    assert peer.requests[0].headers["host"] == f"rt.example.com:{peer.port}"


def test_a_name_that_cannot_be_resolved_is_tried_again_later(
    client: GuardedClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lookup(*_: object, **__: object) -> list[object]:
        raise socket.gaierror(-3, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    with pytest.raises(RetryLater, match=r"rt\.example\.com cannot be resolved"):
        client.request("POST", "https://rt.example.com/")


NO_ADDRESSES = [
    "ftp://127.0.0.1/",
    "file:///etc/passwd",
    "//x",
    "http://",
    "http://u:p@127.0.0.1/",
    "ht!tp",
    "http://[::1",
]


@pytest.mark.parametrize("url", NO_ADDRESSES)
def test_an_address_that_is_none_is_refused(url: str, client: GuardedClient) -> None:
    with pytest.raises(Rejected, match="address of the far side"):
        client.request("GET", url)


def test_a_refused_connection_means_that_nothing_was_sent(client: GuardedClient) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        with pytest.raises(RetryLater, match="cannot be reached"):
            client.request("POST", f"http://127.0.0.1:{unused.getsockname()[1]}/")


UNANSWERED = [("POST", OutcomeUnknown), ("PUT", OutcomeUnknown), ("GET", RetryLater)]


@pytest.mark.parametrize("fault", ["hang", "close", "reset"])
@pytest.mark.parametrize(("method", "error"), UNANSWERED)
def test_a_request_without_an_answer_may_have_arrived(
    fault: str, method: str, error: type[ConnectorError], impatient: GuardedClient, peer: Recorder
) -> None:
    peer.script(Answer(fault=fault))  # type: ignore[arg-type]
    with pytest.raises(error, match="did not answer properly"):
        impatient.request(method, peer.url())
    assert len(peer.wait_for(1)) == 1


def test_a_far_side_that_drips_is_bounded_by_the_deadline(client: GuardedClient) -> None:
    """Each byte comes within the read timeout; the answer as a whole never would."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        gone = threading.Event()

        def drip() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 200 OK\r\n")
                while not gone.wait(0.02):
                    connection.sendall(b"x")

        thread = threading.Thread(target=drip)
        thread.start()
        deadline = Deadline(0.8)
        with pytest.raises(OutcomeUnknown):
            client.bounded(deadline).request("POST", f"http://127.0.0.1:{server.getsockname()[1]}/")
        assert deadline.left() == 0
        gone.set()
        thread.join()


STATUSES = [
    (401, {}, AuthFailed, AuthFailed),
    (408, {}, RetryLater, RetryLater),
    (429, {}, RetryLater, RetryLater),
    (503, {"Retry-After": "7"}, RetryLater, RetryLater),
    (503, {}, OutcomeUnknown, RetryLater),
    (500, {}, OutcomeUnknown, RetryLater),
    (502, {}, OutcomeUnknown, RetryLater),
]


@pytest.mark.parametrize(("status", "headers", "for_post", "for_get"), STATUSES)
def test_what_a_status_means(
    status: int,
    headers: dict[str, str],
    for_post: type[ConnectorError],
    for_get: type[ConnectorError],
    client: GuardedClient,
    peer: Recorder,
) -> None:
    peer.script(Answer(status, headers=headers), Answer(status, headers=headers))
    for method, kind in (("POST", for_post), ("GET", for_get)):
        with pytest.raises(kind) as caught:
            client.request(method, peer.url())
        if headers:
            assert isinstance(caught.value, RetryLater)
            assert caught.value.after == timedelta(seconds=7)


def test_a_retry_after_date_is_counted_from_now(client: GuardedClient, peer: Recorder) -> None:
    peer.script(Answer(429, headers={"Retry-After": "Tue, 24 Nov 2026 10:00:30 GMT"}))
    with clock.at(datetime(2026, 11, 24, 10, 0, tzinfo=UTC)), pytest.raises(RetryLater) as caught:
        client.request("GET", peer.url())
    assert caught.value.after == timedelta(seconds=30)


@pytest.mark.parametrize("status", [201, 204, 400, 403, 404, 409, 412, 422])
def test_other_statuses_are_left_to_the_connector(status: int, client: GuardedClient, peer: Recorder) -> None:
    peer.script(Answer(status))
    answer = client.request("POST", peer.url())
    assert answer.status == status
    if status == 403:
        with pytest.raises(AuthFailed):
            answer.checked()
    elif status >= 400:
        with pytest.raises(Rejected, match=str(status)):
            answer.checked()
    else:
        assert answer.checked() is answer


def test_a_redirect_is_followed_through_the_guard(client: GuardedClient, peer: Recorder) -> None:
    peer.script(Answer(302, headers={"Location": "/there"}))
    assert client.request("GET", peer.url("/here"), headers={"Authorization": "x"}).ok
    assert [(r.target, r.headers["authorization"]) for r in peer.requests] == [
        ("/here", "x"),
        ("/there", "x"),
    ]
    peer.script(Answer(302, headers={"Location": f"http://10.0.0.1:{peer.port}/"}))
    with pytest.raises(Rejected, match="not a public address"):
        client.request("GET", peer.url())


def test_no_credentials_go_to_another_host(client: GuardedClient, peer: Recorder) -> None:
    with recorder() as other:
        peer.script(Answer(307, headers={"Location": other.url("/taken")}))
        headers = {"X-Api-Key": SECRET, "Cookie": SECRET, "Accept": "text/plain"}
        client.request("GET", peer.url(), headers=headers, auth=("u", SECRET))
        [request] = other.requests
        assert SECRET not in str(request.headers)
        assert "authorization" not in request.headers
        assert request.headers["accept"] == "text/plain"
        peer.script(Answer(307, headers={"Location": other.url("/taken")}))
        with pytest.raises(Rejected, match="sends the request on"):
            client.request("POST", peer.url(), json={"key": SECRET})
        assert len(other.requests) == 1


def test_a_post_is_only_repeated_where_the_server_says_that_it_did_nothing(
    client: GuardedClient, peer: Recorder
) -> None:
    peer.script(Answer(302, headers={"Location": "/done"}))
    assert client.request("POST", peer.url("/a")).status == 302
    peer.script(Answer(308, headers={"Location": "/b"}))
    assert client.request("POST", peer.url("/a"), content=b"body").status == 200
    assert [(r.target, r.body) for r in peer.requests] == [("/a", b""), ("/a", b"body"), ("/b", b"body")]


def redirect(status: int, location: str) -> contracts.Answer:
    return contracts.Answer(status, {"location": location}, b"", "")


@pytest.mark.parametrize("host", ["tool.example", "other.example"])
@pytest.mark.parametrize("status", [302, 307])
def test_what_was_sealed_is_not_sent_on_in_the_clear(host: str, status: int) -> None:
    hop = Hop("GET", httpx2.URL("https://tool.example/a"), {"authorization": SECRET}, None)
    with pytest.raises(Rejected, match="from https to http"):
        next_hop(hop, redirect(status, f"http://{host}/a"))
    followed = next_hop(hop, redirect(status, "https://tool.example/b"))
    assert followed is not None
    assert followed.headers == hop.headers


def test_endless_redirects_end(client: GuardedClient, peer: Recorder) -> None:
    peer.respond = lambda _: Answer(302, headers={"Location": "/again"})
    with pytest.raises(Rejected, match="too often"):
        client.request("GET", peer.url())
    assert len(peer.requests) == 6


BOMB = gzip.compress(b"0" * 50_000_000)
GZIP = {"Content-Encoding": "gzip"}
UNUSABLE = {
    "too large": Answer(200, b"x" * 100_001),
    "bomb": Answer(200, BOMB, GZIP),
    "not asked for": Answer(200, b"x", {"Content-Encoding": "br"}),
    "broken": Answer(200, b"x", GZIP),
    "cut off": Answer(200, gzip.compress(b"cut off" * 50)[:-9], GZIP),
}


@pytest.mark.parametrize("name", UNUSABLE)
def test_an_unusable_body_is_an_error_that_says_whether_to_look_first(
    name: str, client: GuardedClient, peer: Recorder
) -> None:
    peer.script(UNUSABLE[name], UNUSABLE[name])
    with pytest.raises(Rejected):
        client.request("GET", peer.url())
    with pytest.raises(OutcomeUnknown):
        client.request("POST", peer.url())


def test_a_compressed_body_within_the_limit_is_unpacked(client: GuardedClient, peer: Recorder) -> None:
    peer.script(Answer(200, gzip.compress(b'{"a": "' + b"x" * 90_000 + b'"}'), {"Content-Encoding": "gzip"}))
    assert client.request("GET", peer.url()).json() == {"a": "x" * 90_000}


def test_the_environment_and_cookies_are_ignored(
    client: GuardedClient, peer: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    with recorder() as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url())
        monkeypatch.setenv("ALL_PROXY", proxy.url())
        fresh = GuardedClient(HttpOptions(networks=LOOPBACK))
        peer.script(Answer(200, headers={"Set-Cookie": "session=abc; Path=/"}))
        fresh.request("GET", peer.url())
        fresh.request("GET", peer.url())
        fresh.close()
        assert proxy.requests == []
    assert len(peer.requests) == 2
    assert "cookie" not in peer.requests[1].headers


def test_errors_and_logs_name_the_host_alone(
    client: GuardedClient, peer: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    peer.script(
        Answer(500), Answer(fault="reset"), Answer(401), Answer(302, headers={"Location": f"ftp://{SECRET}"})
    )
    for _ in range(4):
        with pytest.raises(ConnectorError) as caught:
            client.request(
                "GET",
                peer.url(f"/{SECRET}"),
                params={"token": SECRET},
                headers={"X-Token": SECRET},
                auth=("u", SECRET),
            )
        assert SECRET not in repr(caught.value)
        assert caught.value.__cause__ is None
    answer = client.request("GET", peer.url(f"/{SECRET}"))
    assert SECRET not in repr(answer)
    assert SECRET not in caplog.text


def test_a_header_that_http_cannot_carry_is_refused(client: GuardedClient, peer: Recorder) -> None:
    for value in ("schlüssel", "a\r\nX-Injected: 1"):
        with pytest.raises(Rejected):
            client.request("GET", peer.url(), headers={"X-Token": value})
    assert peer.requests == []


def test_refused_addresses_and_broken_answers_do_not_use_up_the_connections(
    client: GuardedClient, peer: Recorder
) -> None:
    for _ in range(6):
        with pytest.raises(Rejected, match="not a public address"):
            client.request("GET", "http://10.0.0.1/")
        peer.script(UNUSABLE["too large"], Answer(fault="reset"))
        for _ in range(2):
            with pytest.raises(OutcomeUnknown):
                client.request("POST", peer.url())
    assert client.request("GET", peer.url()).ok


def test_a_client_is_kept_until_the_options_change() -> None:
    clients = HttpClients()
    first = clients.get("rt", HttpOptions())
    assert clients.get("rt", HttpOptions()) is first
    assert clients.get("rt", HttpOptions(networks=LOOPBACK)) is not first
    with pytest.raises(Rejected, match="CA file"):
        clients.get("rt", HttpOptions(ca_file="/nowhere/ca.pem"))
    clients.close()
