"""The smallest sound connector of each kind but itsm (that one is the guide's), to try the suites on."""

import smtplib
import socket
from datetime import datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from pydantic import AnyHttpUrl, AwareDatetime, BaseModel, SecretStr, ValidationError

from hub.plugin.contracts import (
    AccountRecord,
    AuthFailed,
    Connector,
    Ctx,
    DirectoryBatch,
    Incoming,
    MailMessage,
    OutcomeUnknown,
    OutMail,
    Parsed,
    Placed,
    Receipt,
    Reconciled,
    Rejected,
    RetryLater,
    SignalEvent,
    SiteRecord,
    Unparsed,
    WorkItem,
    clip,
    has_bearer,
)


class Probe(BaseModel):
    """An alert of the sample monitoring system."""

    id: str
    since: AwareDatetime
    until: AwareDatetime | None = None
    text: str = ""


class MonitorSettings(BaseModel):
    """Where it is, and its tokens."""

    url: AnyHttpUrl
    token: SecretStr


class Monitor(Connector[MonitorSettings]):
    """A webhook of probes, and a list of those that fail."""

    name = "monitor"
    kind = "monitoring"
    title = "Monitor"
    capabilities = frozenset({"verify", "parse", "reconcile"})
    settings_model = MonitorSettings

    def verify(self, settings: MonitorSettings, incoming: Incoming) -> bool:
        return has_bearer(incoming, settings.token)

    def parse(self, settings: MonitorSettings, incoming: Incoming) -> Parsed:
        body = incoming.json()
        signals, unparsed = [], []
        for item in body if isinstance(body, list) else [body]:
            try:
                signals.append(self._signal(Probe.model_validate(item)))
            except ValidationError:
                unparsed.append(Unparsed("no probe", item if isinstance(item, dict) else str(item)[:100]))
        return Parsed(tuple(signals), unparsed=tuple(unparsed))

    def reconcile(self, ctx: Ctx[MonitorSettings], cursor: str) -> Reconciled:
        token = f"Bearer {ctx.settings.token.get_secret_value()}"
        answer = ctx.http.request("GET", str(ctx.settings.url), headers={"Authorization": token}).checked()
        try:
            found = tuple(self._signal(Probe.model_validate(item)) for item in _list(answer.json()))
        except ValidationError:
            raise Rejected("That is no list of probes.") from None
        return Reconciled(found, ctx.now, complete=True)

    def _signal(self, probe: Probe) -> SignalEvent:
        state, at = ("clear", probe.until) if probe.until else ("firing", probe.since)
        title = clip(probe.text) or "Probe failed"
        return SignalEvent(probe.id, probe.since, state, at, "major", "down", title)  # type: ignore[arg-type]


def _list(data: Any) -> list[Any]:
    if not isinstance(data, list):
        raise Rejected("That is no list.")
    return data


class FolderSettings(BaseModel):
    """A file of accounts, one a line."""

    file: Path


class Folder(Connector[FolderSettings]):
    """Accounts from a file: id and name, and a site each."""

    name = "folder"
    kind = "crm"
    title = "Folder"
    capabilities = frozenset({"accounts"})
    settings_model = FolderSettings

    def accounts(self, ctx: Ctx[FolderSettings], cursor: str) -> DirectoryBatch:
        lines = [line.partition(";") for line in ctx.settings.file.read_text().splitlines()]
        accounts = tuple(AccountRecord(key, name) for key, _, name in lines)
        sites = tuple(SiteRecord(f"{key}-1", key, "Main site") for key, _, _ in lines)
        return DirectoryBatch(accounts, sites=sites, complete=True)


class DeskSettings(BaseModel):
    """Where orders go."""

    address: str


class Desk(Connector[DeskSettings]):
    """Orders by mail."""

    name = "desk"
    kind = "provider"
    title = "Desk"
    capabilities = frozenset({"place"})
    settings_model = DeskSettings

    def place(self, ctx: Ctx[DeskSettings], order: WorkItem) -> Placed:
        subject = f"[{order.reference}] {order.title}"
        return Placed(message=MailMessage((ctx.settings.address,), subject, order.text))


class SmtpSettings(BaseModel):
    """A mail server."""

    host: str
    port: int
    password: SecretStr


class Smtp(Connector[SmtpSettings]):
    """Mail by SMTP, with sockets of its own."""

    name = "smtp"
    kind = "channel"
    title = "SMTP"
    capabilities = frozenset({"send"})
    settings_model = SmtpSettings

    def send(self, ctx: Ctx[SmtpSettings], mail: OutMail) -> Receipt:
        try:
            own = ctx.settings
            server = smtplib.SMTP(own.host, own.port, "hub.example.net", timeout=ctx.deadline.left())
        except (OSError, smtplib.SMTPException):
            raise RetryLater("The mail server cannot be reached.") from None
        with server:
            try:
                server.ehlo_or_helo_if_needed()
                if server.has_extn("auth"):
                    server.login("hub", ctx.settings.password.get_secret_value())
                refused = server.send_message(_message(mail), mail.sender, list(mail.to))
            except smtplib.SMTPAuthenticationError:
                raise AuthFailed("The mail server refused the password.") from None
            except (OSError, smtplib.SMTPException):
                raise OutcomeUnknown("The mail server went away.") from None
        accepted = tuple(address for address in mail.to if address not in refused)
        return Receipt(accepted=accepted, refused=tuple((a, str(why)) for a, why in refused.items()))


def _message(mail: OutMail) -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = mail.sender, ", ".join(mail.to), mail.subject
    message["Message-ID"] = mail.message_id
    message.set_content(mail.text)
    return message


class Forgetful(Monitor):
    """Takes its keys from the time of arrival."""

    def parse(self, settings: MonitorSettings, incoming: Incoming) -> Parsed:
        return Parsed(
            (SignalEvent("k", incoming.received_at, "firing", incoming.received_at, "major", "x", "t"),)
        )


class Counting(Monitor):
    """Keeps something between two bodies."""

    _seen = 0

    def parse(self, settings: MonitorSettings, incoming: Incoming) -> Parsed:
        self._seen += 1
        at = datetime.fromisoformat("2026-11-24T12:00:00+00:00")
        return Parsed((SignalEvent(str(self._seen), at, "firing", at, "major", "x", "t"),))


class Trusting(Monitor):
    """Believes that every body looks like the documentation."""

    def parse(self, settings: MonitorSettings, incoming: Incoming) -> Parsed:
        return Parsed(tuple(self._signal(Probe(**item)) for item in incoming.json()))


class Open(Monitor):
    """Lets everybody in."""

    def verify(self, settings: MonitorSettings, incoming: Incoming) -> bool:
        return True


class Doubting(Monitor):
    """Looks in `parse` too at who sends."""

    def parse(self, settings: MonitorSettings, incoming: Incoming) -> Parsed:
        if "authorization" not in incoming.headers:
            return Parsed(unparsed=(Unparsed("Nobody knows who says so.", incoming.body.decode()),))
        return super().parse(settings, incoming)


class Talkative(Monitor):
    """Puts the body and the token into its errors."""

    def parse(self, settings: MonitorSettings, incoming: Incoming) -> Parsed:
        raise Rejected(f"{settings.token.get_secret_value()} got {incoming.body!r}")


class Curious(Monitor):
    """Looks something up while it parses."""

    def parse(self, settings: MonitorSettings, incoming: Incoming) -> Parsed:
        socket.create_connection(("127.0.0.1", 9), 0.1)
        return super().parse(settings, incoming)


class Renaming(Monitor):
    """Calls signals one thing in the webhook and another when it reconciles."""

    def reconcile(self, ctx: Ctx[MonitorSettings], cursor: str) -> Reconciled:
        found = super().reconcile(ctx, cursor)
        renamed = (
            SignalEvent(s.natural_key.upper(), s.episode_start, s.state, s.at, s.severity, "x", "t")
            for s in found.signals
        )
        return Reconciled(tuple(renamed), found.as_of)


class Greedy(Smtp):
    """Claims that every recipient was taken."""

    def send(self, ctx: Ctx[SmtpSettings], mail: OutMail) -> Receipt:
        super().send(ctx, mail)
        return Receipt(accepted=mail.to)
