"""Mail servers in private networks are refused like HTTP ones, on the address that is then connected to."""

import socket
from typing import Any

import pytest
from mail_peers import context, settings_of

from hub.plugin.addresses import connector_to, parse_networks
from hub.plugin.contracts import Rejected, RetryLater
from hub.testing.conformance import MAIL
from hub.testing.peers.smtp_sink import smtp_sink
from plugins.channels.mail import Mail


@pytest.mark.parametrize("networks", [(), ("10.0.0.0/8",)], ids=["none allowed", "another allowed"])
@pytest.mark.parametrize("security", ["none", "starttls", "tls"])
def test_an_smtp_server_in_a_network_that_nobody_allowed_hears_nothing(networks, security):
    with smtp_sink() as sink:
        settings = settings_of(sink.port).model_copy(update={"smtp_security": security})
        with pytest.raises(RetryLater, match="an admin can allow its network"):
            Mail().send(context(settings, networks=networks), MAIL)
        assert sink.received == []


@pytest.mark.parametrize("security", ["none", "starttls", "tls"])
def test_an_imap_server_in_a_network_that_nobody_allowed_is_not_read(security):
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0)
        settings = settings_of(imap_port=server.getsockname()[1]).model_copy(
            update={"imap_security": security}
        )
        with pytest.raises(RetryLater, match="an admin can allow its network"):
            Mail().pull_mail(context(settings, networks=()), "")
        with pytest.raises(BlockingIOError):
            server.accept()


def test_an_allowed_network_lets_the_mail_through():
    with smtp_sink() as sink:
        receipt = Mail().send(context(settings_of(sink.port), networks=("127.0.0.0/8",)), MAIL)
        assert receipt.accepted == MAIL.to
        assert len(sink.received) == 1


def test_a_name_is_resolved_once_and_the_address_that_was_checked_is_connected_to(monkeypatch):
    """A name server that changes its answer after the check gains nothing."""
    asked: list[str] = []
    dialled: list[Any] = []

    def lookup(host: str, port: int, **_more: Any) -> list[Any]:
        asked.append(host)
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))
            for address in ("10.0.0.9", "127.0.0.1")
        ]

    def dial(address: Any, timeout: float) -> Any:
        dialled.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr("hub.plugin.addresses.socket.getaddrinfo", lookup)
    monkeypatch.setattr("hub.plugin.addresses.socket.create_connection", dial)
    connect = connector_to(parse_networks(["127.0.0.0/8"]))
    with pytest.raises(ConnectionRefusedError):
        connect("mail.example.net", 25, 2.0)
    assert (asked, dialled) == (["mail.example.net"], [("127.0.0.1", 25)])
    with pytest.raises(Rejected):
        connector_to(())("mail.example.net", 25, 2.0)
    assert len(dialled) == 1
