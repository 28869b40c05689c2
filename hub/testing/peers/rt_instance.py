"""The files of a private Request Tracker: its configuration and its prepared database."""

import contextlib
import fcntl
import hashlib
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path

from hub.testing.peers.process import run, scratch

PERL = ["perl", "-I/usr/share/request-tracker5/lib"]
SCRIPTS = Path(__file__).with_name("rt")
USER = "www-data"
CONFIG = """\
Set($rtname, 'rt.example.net');
Set($Organization, 'example.net');
Set($WebDomain, '127.0.0.1');
Set($WebPort, {port});
Set($WebPath, '');
Set($Timezone, 'UTC');
Set($DatabaseType, 'SQLite');
Set($DatabaseName, '{directory}/rtdb');
Set($MailCommand, 'testfile');
Set($LogToSTDERR, 'warning');
Set($LogToSyslog, undef);
Set($LogToFile, undef);
Set($WebSessionClass, 'Apache::Session::File');
$RT::VarPath = '{directory}/var';
$RT::MasonDataDir = '{directory}/var/mason';
$RT::MasonSessionDir = '{directory}/var/session';
1;
"""


def create_instance(directory: Path, port: int, marker: str) -> dict[str, str]:
    """Lay out an instance below `directory`; return its API tokens by user name.

    `marker` becomes the nickname of `root`, by which this instance can be told from any other.
    """
    prepared = _prepared()
    shutil.copy(prepared / "rtdb", directory / "rtdb")
    with contextlib.closing(sqlite3.connect(directory / "rtdb")) as database, database:
        database.execute("UPDATE Users SET NickName = ? WHERE Name = 'root'", [marker])
    _configure(directory, port)
    return dict(line.split() for line in (prepared / "tokens").read_text().splitlines())


def environment(directory: Path) -> dict[str, str]:
    """What makes RT's programs use this instance and nothing below /etc."""
    return {
        "RT_SITE_CONFIG": str(directory / "RT_SiteConfig.pm"),
        "RT_SITE_CONFIG_DIR": "/nonexistent",
        "TMPDIR": str(directory / "var"),
    }


def run_script(directory: Path, script: str, *arguments: str) -> str:
    """Run one of our Perl scripts inside an instance (about 1.5 s) and return what it printed."""
    return run([*PERL, SCRIPTS / script, *arguments], user=USER, env=environment(directory))


def _configure(directory: Path, port: int) -> None:
    (directory / "RT_SiteConfig.pm").write_text(CONFIG.format(directory=directory, port=port))
    for name in ("var/mason", "var/session"):
        (directory / name).mkdir(parents=True)
    if os.geteuid() == 0:
        for path in (directory, *directory.rglob("*")):
            shutil.chown(path, USER, USER)


def _prepared() -> Path:
    """The directory with the seeded database, made once per machine, user, version of RT and of the seed."""
    version = run(["dpkg-query", "-W", "-f", "${Version}", "request-tracker5"])
    key = hashlib.sha256((version + CONFIG + (SCRIPTS / "seed.pl").read_text()).encode()).hexdigest()[:16]
    cache = Path(tempfile.gettempdir()) / f"hub-test-cache-{os.getuid()}"
    cache.mkdir(mode=0o700, exist_ok=True)
    assert cache.stat().st_uid == os.getuid(), f"{cache} belongs to somebody else"
    ready = cache / f"rt-{key}"
    with _locked(cache / "rt.lock"):
        if not ready.exists():
            _prepare(ready)
    return ready


def _prepare(target: Path) -> None:
    with scratch("rt-seed") as directory:
        _configure(directory, port=80)
        setup = [
            "rt-setup-database-5",
            "--action",
            "init",
            "--skip-create",
            "--dba",
            "",
            "--dba-password",
            "",
        ]
        run(setup, user=USER, env=environment(directory))
        tokens = run_script(directory, "seed.pl")
        half_made = target.with_suffix(".new")
        shutil.rmtree(half_made, ignore_errors=True)
        half_made.mkdir()
        shutil.copy(directory / "rtdb", half_made / "rtdb")
        (half_made / "tokens").write_text(tokens)
        half_made.rename(target)


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
