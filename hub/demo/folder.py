"""The demo's own folder: an ordinary configuration file, the database, the mails, the teams' tickets."""

import json
import os
import tomllib
from collections.abc import MutableMapping
from dataclasses import dataclass, fields
from pathlib import Path

from hub.base.crypto import new_key
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

    def prepare(self, port: int) -> None:
        """Make the folder and write its settings; a key that is there stays."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        values: dict[str, str | int] = {
            "database_url": f"sqlite:///{self.database.absolute()}",
            "secret_key": self._key(),
            "instance": "demo",
            "mail_domain": "demo.invalid",
            "provider_name": PROVIDER,
            "port": port,
        }
        lines = [f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in values.items()]
        _write(self.config, "\n".join(["# Written by `hub demo` at every start.", *lines, ""]))

    def _key(self) -> str:
        if not self.config.exists():
            return new_key()
        return str(tomllib.loads(self.config.read_text(encoding="utf-8"))["secret_key"])

    def adopt(self, environ: MutableMapping[str, str]) -> None:
        """Let the folder's settings alone count: the demo must never fill a database that is in use."""
        for item in fields(Settings):
            environ.pop(variable(item.name), None)
        environ[CONFIG] = str(self.config.absolute())


def _write(path: Path, text: str) -> None:
    """Write a file that only its owner may read, from its first byte on."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(handle, "w", encoding="utf-8") as file:
        file.write(text)
