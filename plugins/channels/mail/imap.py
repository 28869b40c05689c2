"""Reading a mailbox without changing it: by UIDVALIDITY and UID, so that no mail is lost or taken twice.

The cursor is `<uidvalidity>.<last uid read>`. A mailbox that was made anew has another UIDVALIDITY and is
read from its start; mails that the hub knows are recognised there by their Message-ID.
"""

import imaplib
import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from hub.plugin.contracts import AuthFailed, Ctx, InMail, PulledMail, Rejected, RetryLater, clip
from plugins.channels.mail.dialing import ImapClient
from plugins.channels.mail.settings import MIB, MailSettings
from plugins.channels.mail.tls import trust

PAGE = 50
PAGE_BYTES = 8 * MIB
CHUNK = MIB
BEGINNING = 64 * 1024
WINDOW = 20_000
"""UIDs asked for at once: imaplib refuses an answer of more than a million bytes on one line."""

RESERVE = 2.0
"""Seconds of the deadline that are kept for coming back with what was read."""

_CURSOR = re.compile(r"(\d{1,10})\.(\d{1,10})")
_BUSY = ("[UNAVAILABLE]", "[INUSE]", "[SERVERBUG]", "[LIMIT]")


def pull(ctx: Ctx[MailSettings], cursor: str) -> PulledMail:
    """The next mails of the mailbox; see `Connector.pull_mail`."""
    with _connected(ctx) as client:
        validity, following = _examine(ctx, client)
        read = _CURSOR.fullmatch(cursor)
        last = int(read[2]) if read and int(read[1]) == validity else 0
        uids, end, more = _search(ctx, client, last, following)
        mails: list[InMail] = []
        for uid in uids:
            if mails and _is_full(ctx, mails):
                return PulledMail(tuple(mails), f"{validity}.{last}", more=True)
            if (mail := _fetch(ctx, client, validity, uid)) is not None:
                mails.append(mail)
            last = uid
    return PulledMail(tuple(mails), f"{validity}.{max(last, end)}", more=more)


def _is_full(ctx: Ctx[MailSettings], mails: list[InMail]) -> bool:
    return sum(len(mail.raw) for mail in mails) >= PAGE_BYTES or ctx.deadline.left() < RESERVE


@contextmanager
def _connected(ctx: Ctx[MailSettings]) -> Iterator[imaplib.IMAP4]:
    client: imaplib.IMAP4 | None = None
    try:
        client = _connect(ctx)
        _sign_in(ctx, client)
        yield client
    except ssl.SSLCertVerificationError as error:
        reason = f"The certificate of the IMAP server is not trusted: {error.verify_message}."
        raise RetryLater(reason) from error
    except (OSError, imaplib.IMAP4.error, UnicodeError) as error:
        raise RetryLater(f"The IMAP server cannot be spoken to: {_in_words(error)}.") from error
    finally:
        if client is not None:
            with suppress(OSError, imaplib.IMAP4.error):
                # Nothing was changed there; how the conversation ends does not matter.
                client.shutdown()


def _connect(ctx: Ctx[MailSettings]) -> imaplib.IMAP4:
    settings = ctx.settings
    client = ImapClient(ctx, trust(settings.ca_file) if settings.imap_security == "tls" else None)
    if settings.imap_security == "starttls":
        if "STARTTLS" not in client.capabilities:
            client.shutdown()
            raise RetryLater("The IMAP server offers no STARTTLS; the password is not sent in the open.")
        client.starttls(trust(settings.ca_file))
    return client


def _sign_in(ctx: Ctx[MailSettings], client: imaplib.IMAP4) -> None:
    user, password = ctx.settings.imap_user, ctx.settings.imap_password.get_secret_value()
    _hurry(ctx, client)
    try:
        if "AUTH=PLAIN" in client.capabilities:
            client.authenticate("PLAIN", lambda _: f"\0{user}\0{password}".encode())
        else:
            client.login(user, password)
    except imaplib.IMAP4.abort:
        raise
    except UnicodeEncodeError:
        # Not chained: the error quotes what it could not encode.
        raise AuthFailed("The IMAP user or password holds characters that IMAP cannot carry.") from None
    except imaplib.IMAP4.error as error:
        reason = f"The IMAP server refused the sign-in: {_in_words(error)}"
        busy = any(word in reason for word in _BUSY)
        raise (RetryLater if busy else AuthFailed)(reason) from error


def _examine(ctx: Ctx[MailSettings], client: imaplib.IMAP4) -> tuple[int, int]:
    """Open the mailbox read-only: its UIDVALIDITY and the UID that the next mail will get."""
    mailbox = ctx.settings.imap_mailbox.strip() or "INBOX"
    name = mailbox.replace("\\", "\\\\").replace('"', '\\"')
    _hurry(ctx, client)
    state, answer = client.select(f'"{name}"', readonly=True)
    if state != "OK":
        said = answer[0].decode("utf-8", "replace") if answer and answer[0] else ""
        raise Rejected(clip(f"The mailbox {mailbox} cannot be opened: {said}"))
    validity, following = (_number(client.response(code)[1]) for code in ("UIDVALIDITY", "UIDNEXT"))
    return validity, following


def _number(answer: list[Any]) -> int:
    found = re.search(rb"\d+", answer[0]) if answer and isinstance(answer[0], bytes) else None
    return int(found[0]) if found else 0


def _search(
    ctx: Ctx[MailSettings], client: imaplib.IMAP4, last: int, following: int
) -> tuple[list[int], int, bool]:
    """Up to a page of UIDs after `last`; then, where all of a window was seen, its end; then whether more is
    there."""
    end = last
    while True:
        first, end = end + 1, end + WINDOW
        final = end + 1 >= following
        _hurry(ctx, client)
        _, answer = client.uid("SEARCH", "UID", f"{first}:{'*' if final else end}")
        words = b" ".join(line for line in answer if isinstance(line, bytes)).split()
        # "n:*" always answers with the newest mail, also when it is older than n (RFC 3501, 6.4.8).
        uids = sorted(uid for uid in map(int, words) if uid >= first)
        if len(uids) > PAGE:
            return uids[:PAGE], last, True
        if final:
            return uids, last, False
        if uids:
            return uids, end, True


def _fetch(ctx: Ctx[MailSettings], client: imaplib.IMAP4, validity: int, uid: int) -> InMail | None:
    """One mail, piece by piece, so that neither its size nor a slow line can take the worker down.

    None when it has been deleted meanwhile.
    """
    limit, raw, name = ctx.settings.largest_mail_mib * MIB, bytearray(), f"{validity}.{uid}"
    while len(raw) <= limit:
        if raw and ctx.deadline.left() < RESERVE:
            return InMail(name, bytes(raw[:BEGINNING]), "The mail could not be fetched in time.")
        piece = _piece(ctx, client, uid, len(raw))
        if piece is None:
            return None
        raw += piece
        if len(piece) < CHUNK:
            return InMail(name, bytes(raw))
    reason = f"The mail is larger than {ctx.settings.largest_mail_mib} MiB."
    return InMail(name, bytes(raw[:BEGINNING]), reason)


def _piece(ctx: Ctx[MailSettings], client: imaplib.IMAP4, uid: int, offset: int) -> bytes | None:
    _hurry(ctx, client)
    _, answer = client.uid("FETCH", str(uid), f"(BODY.PEEK[]<{offset}.{CHUNK}>)")
    if not answer or answer[0] is None:
        return None
    return next((item[1] for item in answer if isinstance(item, tuple)), b"")


def _in_words(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "it did not answer in time"
    said = error.args[0] if error.args else ""
    return clip(said.decode("utf-8", "replace") if isinstance(said, bytes) else str(error))


def _hurry(ctx: Ctx[MailSettings], client: imaplib.IMAP4) -> None:
    """Give the next command no more than what the call's deadline leaves."""
    client.sock.settimeout(max(ctx.deadline.left(), 0.05))
