"""A small internet of mail: Postfix takes it, Dovecot keeps it, and nothing leaves the machine."""

import contextlib
import email
import email.policy
import imaplib
import os
import secrets
import shutil
import smtplib
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from hub.testing.peers.process import Command, free_port, require, scratch, service, tail, unavailable

DOMAINS = ("hub.example", "team.example", "customer.example")
MASTER = "/usr/lib/postfix/sbin/master"
# The directories that `postfix start` would make, in three slow seconds of checks.
QUEUES = "active,bounce,corrupt,defer,deferred,flush,hold,incoming,maildrop,private,public,saved,trace"
TIMEOUT = 10
MAIN_CF = """\
compatibility_level = 3.6
queue_directory = {directory}/spool
data_directory = {directory}/state
maillog_file = /dev/stdout
mail_owner = postfix
setgid_group = postdrop
myhostname = {marker}.hub.example
mydestination =
alias_maps =
mynetworks = 192.0.2.0/32
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
smtpd_peername_lookup = no
smtpd_relay_restrictions = reject_unauth_destination
smtpd_recipient_restrictions = check_recipient_access regexp:{directory}/postfix/refused
recipient_delimiter = +
virtual_mailbox_domains = {domains}
virtual_transport = lmtp:unix:{directory}/run/lmtp
default_transport = error:5.7.1 no mail leaves this test
relay_transport = error:5.7.1 no mail leaves this test
lmtp_destination_recipient_limit = 1
notify_classes =
"""
# No service here speaks SMTP to others, so even a wrong setting above cannot send mail away.
MASTER_CF = """\
127.0.0.1:{port} inet n - n - - smtpd
pickup    unix  n - n 60    1 pickup
cleanup   unix  n - n -     0 cleanup
qmgr      unix  n - n 300   1 qmgr
rewrite   unix  - - n -     - trivial-rewrite
bounce    unix  - - n -     0 bounce
defer     unix  - - n -     0 bounce
trace     unix  - - n -     0 bounce
verify    unix  - - n -     1 verify
flush     unix  n - n 1000? 0 flush
proxymap  unix  - - n -     - proxymap
tlsmgr    unix  - - n 1000? 1 tlsmgr
error     unix  - - n -     - error
retry     unix  - - n -     - error
lmtp      unix  - - n -     - lmtp
anvil     unix  - - n -     1 anvil
postlog   unix-dgram n - n - 1 postlogd
"""
DOVECOT_CONF = """\
base_dir = {directory}/run
state_dir = {directory}/state
log_path = /dev/stderr
protocols = imap lmtp
listen = 127.0.0.1
login_greeting = {marker}
ssl = no
disable_plaintext_auth = no
recipient_delimiter = +
first_valid_uid = 1
mail_location = maildir:~/Maildir
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid=nobody gid=nogroup home={directory}/mail/%d/%n
}}
service imap-login {{
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service lmtp {{
  unix_listener lmtp {{
    mode = 0666
  }}
}}
service stats {{
  unix_listener stats-writer {{
    mode = 0666
  }}
}}
"""


@dataclass(frozen=True, slots=True)
class MailSystem:
    """A mailbox for every address of `DOMAINS`, made when it is first used.

    The login name is the whole address, without the detail after `+`.  `nobody@` each domain is refused
    with 550, and so is every other domain.
    """

    smtp_port: int
    imap_port: int
    directory: Path
    password: str = field(repr=False)

    def send(self, raw: bytes, sender: str, *recipients: str) -> None:
        """Hand a message to the server; raises `smtplib.SMTPRecipientsRefused` if no recipient is taken."""
        with smtplib.SMTP("127.0.0.1", self.smtp_port, local_hostname="localhost", timeout=TIMEOUT) as client:
            client.sendmail(sender, recipients, raw)

    def messages(self, user: str) -> list[EmailMessage]:
        """All messages in somebody's inbox (such as `anna@team.example`), oldest first."""
        with imaplib.IMAP4("127.0.0.1", self.imap_port, timeout=TIMEOUT) as client:
            client.login(user, self.password)
            client.select("INBOX", readonly=True)
            numbers = client.search(None, "ALL")[1][0].split()
            return [_parsed(client.fetch(number, "(RFC822)")[1]) for number in numbers]

    def wait_for(self, user: str, count: int = 1, timeout: float = TIMEOUT) -> list[EmailMessage]:
        """Wait until somebody has at least `count` messages, and return them all."""
        end = time.monotonic() + timeout
        while len(found := self.messages(user)) < count:
            assert time.monotonic() < end, f"{user} has {len(found)} of {count} messages{tail(self.log)}"
            time.sleep(0.05)
        return found

    @property
    def log(self) -> Path:
        """What Postfix did with each message."""
        return self.directory / "postfix.log"


@contextlib.contextmanager
def mail_system() -> Iterator[MailSystem]:
    """Run Postfix and Dovecot until the end of the block.  Both need root, to become several users."""
    require("postfix", MASTER, "dovecot", "setpriv")
    if os.geteuid() != 0:
        unavailable("Postfix and Dovecot can only be started by root")
    with scratch("mail") as directory:
        peer = MailSystem(free_port(), free_port(), directory, secrets.token_hex(8))
        marker = secrets.token_hex(8)
        _configure(peer, marker)
        dovecot: Command = ["dovecot", "-F", "-c", directory / "dovecot.conf"]
        # The daemon itself instead of `postfix start`, which would put it into a process group out of reach.
        postfix: Command = [MASTER, "-s", "-c", directory / "postfix"]
        with (
            service(dovecot, lambda: _greets(peer.imap_port, marker), directory / "dovecot.log"),
            service(postfix, lambda: _greets(peer.smtp_port, marker), peer.log),
        ):
            yield peer


def _configure(peer: MailSystem, marker: str) -> None:
    directory = peer.directory
    for name in ("postfix", "spool", "state", "mail"):
        (directory / name).mkdir()
    shutil.chown(directory / "state", "postfix")
    shutil.chown(directory / "mail", "nobody", "nogroup")
    (directory / "spool/pid").mkdir()
    for name in QUEUES.split(","):
        (directory / "spool" / name).mkdir()
        shutil.chown(directory / "spool" / name, "postfix", "postdrop")
    values = {"directory": directory, "marker": marker, "domains": ", ".join(DOMAINS)}
    (directory / "postfix/main.cf").write_text(MAIN_CF.format(**values))
    (directory / "postfix/master.cf").write_text(MASTER_CF.format(port=peer.smtp_port))
    (directory / "postfix/refused").write_text(r"/^nobody(\+.*)?@/ 550 5.1.1 There is nobody here" + "\n")
    dovecot = DOVECOT_CONF.format(**values, port=peer.imap_port, password=peer.password)
    (directory / "dovecot.conf").write_text(dovecot)


def _greets(port: int, marker: str) -> bool:
    with socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT) as connection:
        return marker.encode() in connection.recv(500)


def _parsed(fetched: list[Any]) -> EmailMessage:
    [(_envelope, raw), _end] = fetched
    return email.message_from_bytes(raw, policy=email.policy.default)
