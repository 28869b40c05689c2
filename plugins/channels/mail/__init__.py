"""Mail as a channel: out by SMTP, in by IMAP. Any mail server will do."""

from collections.abc import Callable
from typing import Any, ClassVar

from hub import hookimpl
from hub.plugin.contracts import Connector, Ctx, OutMail, PulledMail, Receipt
from hub.plugin.contracts.connector import Kind
from plugins.channels.mail import imap, smtp
from plugins.channels.mail.settings import MailSettings


class Mail(Connector[MailSettings]):
    """Carries the hub's mails and fetches what people answer."""

    name: ClassVar[str] = "mail"
    kind: ClassVar[Kind] = "channel"
    title: ClassVar[str] = "Mail (SMTP and IMAP)"
    capabilities: ClassVar[frozenset[str]] = frozenset({"send", "pull_mail"})
    settings_model = MailSettings

    def send(self, ctx: Ctx[MailSettings], mail: OutMail) -> Receipt:
        """Hand one mail to the SMTP server."""
        return smtp.send(ctx, mail)

    def pull_mail(self, ctx: Ctx[MailSettings], cursor: str) -> PulledMail:
        """The next page of the mailbox; nothing where no IMAP server is set."""
        if not ctx.settings.imap_host:
            return PulledMail((), cursor)
        return imap.pull(ctx, cursor)


@hookimpl
def hub_connectors(register: Callable[[Connector[Any]], None]) -> None:
    """One connector."""
    register(Mail())
