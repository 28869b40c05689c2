"""Clients of both protocols that reach only what the connection may: the hub dials, the library speaks."""

import imaplib
import smtplib
import socket
import ssl

from hub.plugin.contracts import Ctx, Rejected, RetryLater
from plugins.channels.mail.settings import MailSettings

LEAST_SECONDS = 0.05


def dial(ctx: Ctx[MailSettings], host: str, port: int, tls: ssl.SSLContext | None) -> socket.socket:
    """A socket to a mail server, under TLS where `tls` is given; the certificate must bear the name.

    A private network that nobody allowed is RetryLater: nothing of the mail is wrong, and once an admin
    allows the network it goes.
    """
    try:
        plain = ctx.connect(host, port, max(ctx.deadline.left(), LEAST_SECONDS))
    except Rejected as error:
        raise RetryLater(error.reason) from error
    return tls.wrap_socket(plain, server_hostname=host) if tls else plain


class SmtpClient(smtplib.SMTP):
    """An SMTP client that has been greeted."""

    def __init__(self, ctx: Ctx[MailSettings], own_name: str, tls: ssl.SSLContext | None) -> None:
        self._ctx, self._tls = ctx, tls
        super().__init__(local_hostname=own_name, timeout=max(ctx.deadline.left(), LEAST_SECONDS))
        self._host = ctx.settings.smtp_host  # what STARTTLS compares the certificate with
        code, text = self.connect(ctx.settings.smtp_host, ctx.settings.smtp_port)
        if code != 220:
            self.close()
            raise smtplib.SMTPConnectError(code, text)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        return dial(self._ctx, host, port, self._tls)


class ImapClient(imaplib.IMAP4):
    """An IMAP client that has been greeted."""

    def __init__(self, ctx: Ctx[MailSettings], tls: ssl.SSLContext | None) -> None:
        self._ctx, self._tls = ctx, tls
        timeout = max(ctx.deadline.left(), LEAST_SECONDS)
        super().__init__(ctx.settings.imap_host, ctx.settings.imap_port, timeout)

    def _create_socket(self, timeout: float | None) -> socket.socket:
        return dial(self._ctx, self.host, self.port, self._tls)
