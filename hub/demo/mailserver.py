"""A mail server for the demo: keeps every mail as a file, on loopback. No mail leaves the machine."""

import asyncio
import email
import email.policy
from collections.abc import Callable
from pathlib import Path

from hub.base import clock
from hub.base.text import one_line

LIMIT = 32 * 1024 * 1024
Told = Callable[[str], None]
Got = Callable[[bytes, list[str]], None]


class MailServer:
    """Speaks as much SMTP (RFC 5321) as a client needs to hand over a mail."""

    def __init__(self, folder: Path, told: Told, got: Got) -> None:
        self._folder = folder
        self._told = told
        self._got = got
        self._count = 0
        folder.mkdir(parents=True, exist_ok=True)

    async def start(self, port: int) -> asyncio.Server:
        """Listen on loopback."""
        return await asyncio.start_server(self._talk, "127.0.0.1", port, limit=LIMIT)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._conversation(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, ValueError):
            return  # the client went away, or sent a line without end: nothing was taken
        finally:
            writer.close()

    async def _conversation(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        recipients: list[str] = []
        await _say(writer, "220 demo.invalid ready")
        while line := (await reader.readline()).decode("utf-8", "replace").strip():
            verb = line.split(" ")[0].upper()
            if verb == "QUIT":
                await _say(writer, "221 bye")
                return
            if verb == "RCPT":
                recipients.append(line.partition(":")[2].strip().split(" ")[0].strip("<>"))
            if verb in ("MAIL", "RSET", "EHLO", "HELO"):
                recipients = []
            if verb != "DATA":
                await _say(writer, "250 ok" if verb in _TAKEN else "502 not spoken here")
                continue
            await _say(writer, "354 go on")
            self._keep(await _body(reader), recipients)
            await _say(writer, "250 kept")

    def _keep(self, raw: bytes, recipients: list[str]) -> None:
        self._count += 1
        name = f"{clock.now():%Y-%m-%dT%H-%M-%S}-{self._count:04}.eml"
        (self._folder / name).write_bytes(raw)
        subject = email.message_from_bytes(raw, policy=email.policy.default).get("Subject", "")
        self._told(f"mail to {', '.join(recipients)}: {one_line(str(subject), 90)}")
        self._got(raw, recipients)


_TAKEN = ("EHLO", "HELO", "MAIL", "RCPT", "RSET", "NOOP")


async def _say(writer: asyncio.StreamWriter, line: str) -> None:
    writer.write(line.encode() + b"\r\n")
    await writer.drain()


async def _body(reader: asyncio.StreamReader) -> bytes:
    """The mail up to the line with a single dot, leading dots undone (RFC 5321, 4.5.2)."""
    lines = []
    while (line := await reader.readline()) != b".\r\n":
        if not line:
            raise asyncio.IncompleteReadError(b"", None)
        lines.append(line[1:] if line.startswith(b".") else line)
    return b"".join(lines)
