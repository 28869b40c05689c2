"""The demo's own folder: an ordinary configuration file, the database, the mails, the teams' tickets."""

import fcntl
import json
import os
import tomllib
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path

from hub.base.crypto import new_key
from hub.base.errors import Conflict, Misconfigured
from hub.base.secret_key import raw_key
from hub.config import CONFIG, Settings, variable

PROVIDER = "Elbe Connect"


@dataclass(frozen=True, slots=True)
class Folder:
    """Where a demo lives. Everything in it may be deleted while no demo runs."""

    path: Path

    @property
    def config(self) -> Path:
        """The settings; `hub --config` on this file is a hub like any other."""
        return self.path / "hub.toml"

    @property
    def database(self) -> Path:
        """The database file."""
        return self.path / "hub.sqlite"

    @property
    def mails(self) -> Path:
        """Every mail that the hub sent, one file each."""
        return self.path / "mail"

    @property
    def tickets(self) -> Path:
        """What the played teams have in their ticket tool."""
        return self.path / "tickets.json"

    @contextmanager
    def held(self) -> Iterator[None]:
        """Make the folder and keep every other demo out of it. The system gives it back however we end."""
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise _not_writable(self.path, error) from None
        try:
            _take(lock, self.path)
            yield
        finally:
            os.close(lock)

    def prepare(self, port: int) -> None:
        """Write the folder's settings; a key that is there stays. Only for whoever holds the folder."""
        values: dict[str, str | int] = {
            "database_url": f"sqlite:///{self.database.absolute()}",
            "secret_key": self._key(),
            "instance": "demo",
            "mail_domain": "demo.invalid",
            "provider_name": PROVIDER,
            "port": port,
        }
        lines = [f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in values.items()]
        try:
            _write(self.config, "\n".join(["# Written by `hub demo` at every start.", *lines, ""]))
        except OSError as error:
            raise _not_writable(self.path, error) from None

    def _key(self) -> str:
        if not self.config.exists():
            return new_key()
        try:
            key = str(tomllib.loads(self.config.read_text(encoding="utf-8"))["secret_key"])
            raw_key(key)
        except (OSError, ValueError, KeyError, Misconfigured):
            raise Misconfigured(
                f"{self.config} holds no good secret_key, without which the demo's data cannot be read. "
                f"Put it back, or delete the folder {self.path} to start anew."
            ) from None
        return key

    def adopt(self, environ: MutableMapping[str, str]) -> None:
        """Let the folder's settings alone count: the demo must never fill a database that is in use."""
        for item in fields(Settings):
            environ.pop(variable(item.name), None)
        environ[CONFIG] = str(self.config.absolute())


def _take(lock: int, path: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise Conflict(
            f"A demo already runs in this folder ({path}); choose another with --folder."
        ) from None


def _not_writable(path: Path, error: OSError) -> Misconfigured:
    reason = f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return Misconfigured(
        f"The demo cannot write into its folder {path} ({reason}). Choose another with --folder."
    )


def _write(path: Path, text: str) -> None:
    """Write a file that only its owner may read, from its first byte on; it is there whole or not at all."""
    aside = path.with_name(f"{path.name}.new")
    aside.unlink(missing_ok=True)
    with open(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(aside, path)
