"""TLS: an own certificate authority is enough, and nothing less is."""

import contextlib
import datetime
import ipaddress
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from hub.plugin.addresses import parse_networks
from hub.plugin.contracts import RetryLater
from hub.plugin.http import GuardedClient, HttpOptions

LOOPBACK = parse_networks(["127.0.0.0/8", "::1"])


def _certificate(directory: Path, address: str, days: int = 0) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "tickets")])
    today = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=days)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(today - datetime.timedelta(days=1))
        .not_valid_after(today + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate_file, key_file = directory / "cert.pem", directory / "key.pem"
    certificate_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return certificate_file, key_file


class _Hello(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'"hello"')

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


class _Quiet(HTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """A client that refuses our certificate is the very point."""


@contextlib.contextmanager
def https_server(certificate: Path, key: Path) -> Iterator[int]:
    """A server that speaks TLS with this certificate; yields its port."""
    server = _Quiet(("127.0.0.1", 0), _Hello)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _get(port: int, ca_file: Path | None, takes_ca_file: bool = True) -> object:
    options = HttpOptions(
        networks=LOOPBACK, ca_file=str(ca_file) if ca_file else None, takes_ca_file=takes_ca_file
    )
    client = GuardedClient(options)
    try:
        return client.request("GET", f"https://127.0.0.1:{port}/").json()
    finally:
        client.close()


def test_an_own_authority_is_trusted_and_an_unknown_one_is_not(tmp_path: Path) -> None:
    certificate, key = _certificate(tmp_path, "127.0.0.1")
    with https_server(certificate, key) as port:
        assert _get(port, certificate) == "hello"
        with pytest.raises(RetryLater, match=r"certificate is not trusted; .* CA file"):
            _get(port, None)
        with pytest.raises(RetryLater, match=r"certificate is not trusted\)"):
            _get(port, None, takes_ca_file=False)


def test_a_certificate_for_another_name_is_told_apart(tmp_path: Path) -> None:
    certificate, key = _certificate(tmp_path, "127.0.0.9")
    with https_server(certificate, key) as port, pytest.raises(RetryLater, match="is for another name"):
        _get(port, certificate)


def test_a_certificate_that_is_over_is_told_apart(tmp_path: Path) -> None:
    certificate, key = _certificate(tmp_path, "127.0.0.1", days=-30)
    with https_server(certificate, key) as port, pytest.raises(RetryLater, match="has expired"):
        _get(port, certificate)
