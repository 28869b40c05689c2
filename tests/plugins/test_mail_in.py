"""Reading a mailbox: every mail once, whatever its size, and nothing in the mailbox changed."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
from mail_peers import context, scripted, settings_of

from plugins.channels.mail import Mail
from plugins.channels.mail.settings import MIB, MailSettings


@dataclass
class ImapBox:
    """A scripted IMAP server with mails by UID, for what a real one cannot be talked into."""

    mails: dict[int, bytes]
    validity: int = 7
    following: int | None = None
    commands: list[str] = field(default_factory=list)

    def answer(self, line: bytes) -> bytes:
        tag, command, *rest = line.decode().split()
        self.commands.append(" ".join([command, *rest]))
        return getattr(self, command.lower())(*rest) + f"{tag} OK done\r\n".encode()

    def capability(self) -> bytes:
        return b"* CAPABILITY IMAP4rev1\r\n"

    def login(self, *_: str) -> bytes:
        return b""

    def examine(self, *_: str) -> bytes:
        following = self.following or max(self.mails, default=0) + 1
        return f"* OK [UIDVALIDITY {self.validity}] x\r\n* OK [UIDNEXT {following}] x\r\n".encode()

    def uid(self, command: str, *rest: str) -> bytes:
        return self.search(rest[1]) if command == "SEARCH" else self.fetch(int(rest[0]), rest[1])

    def search(self, wanted: str) -> bytes:
        low, high = wanted.split(":")
        newest = max(self.mails, default=0)
        top = newest if high == "*" else int(high)
        found = [uid for uid in self.mails if min(int(low), top) <= uid <= max(int(low), top)]
        return f"* SEARCH {' '.join(map(str, found))}\r\n".encode()

    def fetch(self, uid: int, what: str) -> bytes:
        if uid not in self.mails:
            return b""
        start, _, size = what[what.index("<") + 1 : what.index(">")].partition(".")
        piece = self.mails[uid][int(start) : int(start) + int(size)]
        return f"* 1 FETCH (UID {uid} BODY[]<{start}> {{{len(piece)}}}\r\n".encode() + piece + b")\r\n"


@contextmanager
def serving(box: ImapBox) -> Iterator[MailSettings]:
    with scripted(box.answer, b"* OK there\r\n") as side:
        yield settings_of(imap_port=side.port)


def pull_all(settings: MailSettings, cursor: str = "") -> tuple[list[str], str]:
    uids: list[str] = []
    while True:
        page = Mail().pull_mail(context(settings), cursor)
        uids += [mail.uid for mail in page.mails]
        cursor = page.cursor
        if not page.more:
            return uids, cursor


def test_every_mail_is_read_once_over_many_pages():
    box = ImapBox({uid: b"Subject: %d\r\n\r\n" % uid for uid in range(1, 2 * 50 + 8)})
    with serving(box) as settings:
        uids, cursor = pull_all(settings)
        assert uids == [f"7.{uid}" for uid in box.mails]
        assert pull_all(settings, cursor) == ([], cursor)
        box.mails[400] = b"new"
        assert pull_all(settings, cursor)[0] == ["7.400"]


def test_mails_far_apart_are_found_without_one_long_answer():
    box = ImapBox({3: b"a", 65_000: b"b", 4_000_000_000: b"c"}, following=4_000_000_001)
    with serving(box) as settings:
        assert Mail().pull_mail(context(settings), "7.3999990000").mails[0].raw == b"c"
        del box.mails[4_000_000_000]
        box.following = 65_001
        assert pull_all(settings)[0] == ["7.3", "7.65000"]


def test_a_mailbox_made_anew_is_read_from_its_start():
    with serving(ImapBox({1: b"a", 2: b"b"}, validity=8)) as settings:
        assert pull_all(settings, "7.900")[0] == ["8.1", "8.2"]


@pytest.mark.parametrize("cursor", ["", "rubbish", "7.", "99999999999.1"])
def test_a_cursor_that_says_nothing_reads_all(cursor):
    with serving(ImapBox({1: b"a"})) as settings:
        assert pull_all(settings, cursor)[0] == ["7.1"]


def test_of_a_mail_over_the_limit_only_the_beginning_is_kept():
    big = b"Subject: big\r\n\r\n" + b"x" * (30 * MIB)
    with serving(ImapBox({1: big, 2: b"small"})) as settings:
        page = Mail().pull_mail(context(settings, 30), "")
    assert [mail.uid for mail in page.mails] == ["7.1", "7.2"]
    assert page.mails[0].raw == big[: 64 * 1024]
    assert "25 MiB" in page.mails[0].trouble
    assert page.mails[1].trouble == ""


def test_a_mail_in_several_pieces_is_put_together():
    whole = bytes(range(256)) * 4096 * 3 + b"end"
    with serving(ImapBox({1: whole})) as settings:
        assert Mail().pull_mail(context(settings, 30), "").mails[0].raw == whole


def test_a_page_ends_when_enough_was_read():
    mails = dict.fromkeys(range(1, 6), b"x" * (3 * MIB))
    with serving(ImapBox(mails)) as settings:
        page = Mail().pull_mail(context(settings, 30), "")
    assert (len(page.mails), page.cursor, page.more) == (3, "7.3", True)


def test_a_mail_deleted_meanwhile_is_passed_over():
    class Racing(ImapBox):
        def search(self, wanted: str) -> bytes:
            return b"* SEARCH 1 2\r\n"

    with serving(Racing({2: b"here"})) as settings:
        assert pull_all(settings) == (["7.2"], "7.2")


def test_the_mailbox_is_never_written_to():
    box = ImapBox({1: b"a"})
    with serving(box) as settings:
        pull_all(settings)
    assert not any(
        command.startswith(("SELECT", "STORE", "UID STORE", "EXPUNGE")) for command in box.commands
    )
    assert all("PEEK" in command for command in box.commands if "FETCH" in command)


def test_without_an_imap_server_there_is_nothing_to_read():
    settings = MailSettings(smtp_host="127.0.0.1")
    assert Mail().pull_mail(context(settings), "7.1").cursor == "7.1"
