"""What the tests of the mail channel share: a context, settings, and a far side that follows a script."""

import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager

from pydantic import SecretStr

from hub.base import clock
from hub.plugin.addresses import connector_to, parse_networks
from hub.plugin.contracts import Ctx, Deadline
from hub.testing.conformance import SENTINEL, FarSide
from plugins.channels.mail.settings import MailSettings


class Log:
    def info(self, event: str, **fields: object) -> None: ...

    warning = info


def context(
    settings: MailSettings, seconds: float = 5.0, networks: Sequence[str] = ("127.0.0.0/8",)
) -> Ctx[MailSettings]:
    reach = connector_to(parse_networks(networks))
    return Ctx(settings, None, Log(), clock.now(), Deadline(seconds), {}, reach)  # type: ignore[arg-type]


def settings_of(smtp_port: int = 9, imap_port: int = 9, **others: object) -> MailSettings:
    return MailSettings(
        smtp_host="127.0.0.1",
        smtp_port=smtp_port,
        smtp_security="none",
        imap_host="127.0.0.1",
        imap_port=imap_port,
        imap_security="none",
        imap_user="hub",
        imap_password=SecretStr(SENTINEL),
        **others,
    )


@contextmanager
def scripted(answers: Callable[[bytes], bytes], greeting: bytes) -> Iterator[FarSide]:
    """A server that greets, then answers each line as told; an empty answer hangs up."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        side = FarSide(server.getsockname()[1])

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection, connection.makefile("rb") as lines:
                    connection.sendall(greeting)
                    for line in lines:
                        side.heard.append(line)
                        if not (answer := answers(line)):
                            break
                        connection.sendall(answer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield side
        server.shutdown(socket.SHUT_RDWR)
    thread.join()
