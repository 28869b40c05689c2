"""The two scripted far sides misbehave exactly as told, and the network guard lets nobody else be reached."""

import http.client
import smtplib
import socket
import threading
import time

import pytest
import requests

from hub.testing.network import forbidding_network
from hub.testing.peers.recorder import Answer, recorder
from hub.testing.peers.smtp_sink import smtp_sink

RAW = b"Subject: Line down\r\n\r\nHelp\r\n"


def test_requests_are_recorded_whole_and_answered_by_script_then_by_rule():
    with recorder(lambda request: Answer(status=404, body=request.body)) as far:
        far.script(Answer(503, headers={"Retry-After": "7"}))
        first = requests.put(far.url("/a?b=1"), data=b"one", headers={"X-Id": "7"}, timeout=5)
        second = requests.post(far.url("/c"), json={"n": 2}, timeout=5)
    assert (first.status_code, first.headers["Retry-After"]) == (503, "7")
    assert (second.status_code, second.json()) == (404, {"n": 2})
    [one, two] = far.requests
    assert (one.method, one.target, one.body, one.headers["x-id"]) == ("PUT", "/a?b=1", b"one", "7")
    assert two.json() == {"n": 2}


def test_a_chunked_body_is_put_together():
    with recorder() as far:
        requests.post(far.url(), data=iter([b"a" * 70_000, b"b"]), timeout=5)
        assert far.wait_for(1)[0].body == b"a" * 70_000 + b"b"


@pytest.mark.parametrize(
    ("fault", "error", "recorded"),
    [
        ("close", requests.ConnectionError, 1),
        ("reset", requests.ConnectionError, 1),
        ("hang", requests.Timeout, 1),
    ],
)
def test_a_fault_comes_after_the_request_was_read(fault, error, recorded):
    with recorder() as far:
        far.script(Answer(fault=fault))
        with pytest.raises(error):
            requests.post(far.url(), data=b"{}", timeout=0.3)
        assert len(far.wait_for(recorded)) == recorded
        assert requests.post(far.url(), data=b"{}", timeout=5).ok


def test_an_unread_request_leaves_no_record():
    with recorder() as far:
        far.script(Answer(fault="unread"))
        with pytest.raises(requests.ConnectionError):
            requests.post(far.url(), data=b"{}", timeout=5)
        assert far.requests == []


def test_an_answer_can_be_late():
    with recorder() as far:
        far.script(Answer(delay=0.2))
        started = time.monotonic()
        assert requests.get(far.url(), timeout=5).ok
        assert time.monotonic() - started >= 0.2


def test_waiting_for_requests_counts_only_those_that_match():
    with recorder() as far:
        later = threading.Timer(0.1, lambda: requests.get(far.url("/wanted"), timeout=5))
        requests.get(far.url("/other"), timeout=5)
        later.start()
        assert [request.target for request in far.wait_for(matching=lambda r: r.target == "/wanted")] == [
            "/wanted"
        ]
        with pytest.raises(AssertionError, match="1 of 3"):
            far.wait_for(3, timeout=0.1, matching=lambda r: r.target == "/wanted")
        later.join()


def test_the_recorder_ends_although_a_client_keeps_its_connection():
    with recorder() as far:
        client = http.client.HTTPConnection("127.0.0.1", far.port, timeout=5)
        client.request("GET", "/")
        client.getresponse().read()
    with pytest.raises(OSError):
        requests.get(far.url(), timeout=1)
    client.close()


def send(port: int, *recipients: str, timeout: float = 5) -> dict:
    with smtplib.SMTP("127.0.0.1", port, local_hostname="localhost", timeout=timeout) as client:
        return client.sendmail("hub@hub.example", recipients, RAW)


def test_mail_is_taken_and_one_recipient_refused():
    with smtp_sink() as sink:
        sink.refuse("Gone@team.example")
        refused = send(sink.port, "gone@team.example", "anna@team.example")
        [mail] = sink.wait_for()
    assert refused == {"gone@team.example": (550, b"5.1.1 no such person")}
    assert (mail.sender, mail.recipients, mail.raw) == ("hub@hub.example", ("anna@team.example",), RAW)


def test_mail_fails_as_scripted_and_then_works_again():
    with smtp_sink() as sink:
        sink.script("busy", "reject", "drop", "hang")
        for code in (451, 554):
            with pytest.raises(smtplib.SMTPDataError, match=str(code)):
                send(sink.port, "anna@team.example")
        for _ in ("drop", "hang"):
            with pytest.raises(smtplib.SMTPServerDisconnected):
                send(sink.port, "anna@team.example", timeout=0.5)
        send(sink.port, "anna@team.example")
        assert [mail.outcome for mail in sink.wait_for(5)] == ["busy", "reject", "drop", "hang", "accept"]


@pytest.mark.parametrize("address", [("192.0.2.1", 443), ("127.0.0.1", 25), ("example.com", 443)])
def test_the_world_and_the_mail_server_of_this_machine_are_out_of_reach(address):
    with forbidding_network() as attempts:
        with pytest.raises(AssertionError, match="only peers"):
            socket.create_connection(address, timeout=1)
        with pytest.raises(AssertionError, match="only peers"), socket.socket() as client:
            client.connect(address)
    assert len(attempts) == 2


def test_ipv6_and_the_name_server_are_out_of_reach():
    with forbidding_network():
        with pytest.raises(AssertionError), socket.socket(socket.AF_INET6) as client:
            client.connect_ex(("2001:db8::1", 443, 0, 0))
        with pytest.raises(AssertionError):
            socket.getaddrinfo("alertmanager.example.net", 443)


def test_peers_on_this_machine_may_be_spoken_to():
    with recorder() as far, forbidding_network() as attempts:
        assert requests.get(far.url(), timeout=5).ok
        assert requests.get(f"http://localhost:{far.port}/", timeout=5).ok
        assert socket.getaddrinfo(None, 80)
    assert attempts == []
