"""Commands on a database that they cannot work with: one sentence, the right exit code, and no mail lost."""

import os
import shutil
import socket
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import create_engine, text

from hub import migrations
from hub.app import create_hub
from hub.base.crypto import new_key
from hub.cli import main
from hub.config import Settings
from hub.domain import connections
from hub.domain.audit import HUB
from hub.flows import mailroom
from hub.plugin.registry import Registry
from hub.plugin.settings import form_values
from hub.testing.peers.postgres import Postgres, postgres
from hub.testing.peers.process import free_port

MAIL = b"From: a@x.example\r\nTo: hub@hub.example\r\nSubject: A secret subject\r\n\r\nA secret body\r\n"
KEY = new_key()
NEEDS_TABLES = [
    ("connection", "list"),
    ("user", "add", "Kim", "--email", "kim@x.example", "--staff", "admin", "--generate"),
    ("directory", "import", "crm"),
]
CAPABILITIES = "-dac_override,-dac_read_search"
Run = Callable[..., Result]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where the commands look for their SQLite database."""
    return tmp_path / "hub.sqlite"


@pytest.fixture
def run(file: Path) -> Run:
    """Runs `hub ...`; a traceback of it is the test's."""

    def call(*arguments: str, **environ: str) -> Result:
        own = {"HUB_DATABASE_URL": f"sqlite:///{file}", "HUB_SECRET_KEY": KEY}
        return CliRunner().invoke(
            main, list(arguments), input=MAIL, env={**own, **environ}, catch_exceptions=False
        )

    return call


@pytest.fixture
def newer(file: Path) -> None:
    """A database that a later version has upgraded."""
    migrations.upgrade(f"sqlite:///{file}")
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999_of_next_year'")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Postgres]:
    with postgres() as running:
        yield running


@pytest.mark.parametrize("arguments", NEEDS_TABLES, ids=lambda given: given[0])
def test_a_command_that_needs_the_tables_says_how_to_make_them(run: Run, file: Path, arguments: tuple[str]):
    done = run(*arguments)
    assert (done.exit_code, "Run `hub db upgrade` first" in done.output) == (78, True)
    assert not file.exists()
    file.touch()
    assert run(*arguments).output == done.output


@pytest.mark.parametrize("arguments", [*NEEDS_TABLES, ("db", "upgrade"), ("worker",), ("web",)])
def test_a_database_newer_than_the_program_is_no_reason_to_upgrade_it(
    run: Run, newer: None, arguments: tuple[str]
):
    done = run(*arguments)
    assert (done.exit_code, "newer than this program" in done.output) == (78, True)
    assert "hub db upgrade" not in done.output


def test_check_tells_that_the_database_is_newer(run: Run, newer: None):
    done = run("check")
    assert (done.exit_code, "newer than this program" in done.output) == (1, True)
    assert "hub db upgrade" not in done.output


@pytest.mark.slow
def test_serving_a_newer_database_ends_at_once(newer: None, file: Path):
    done = subprocess.run(
        [sys.executable, "-m", "hub", "serve"],
        env={
            **os.environ,
            "HUB_DATABASE_URL": f"sqlite:///{file}",
            "HUB_SECRET_KEY": KEY,
            "HUB_PORT": str(free_port()),
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, "newer than this program" in done.stderr) == (78, True)
    assert "Traceback" not in done.stderr


def test_check_of_a_file_that_is_not_there_makes_none(run: Run, file: Path):
    done = run("check")
    assert (done.exit_code, f"There is no database {file} yet" in done.output) == (1, True)
    assert list(file.parent.iterdir()) == []


@pytest.mark.parametrize("arguments", [("db", "upgrade"), ("check",), ("connection", "list"), ("worker",)])
def test_a_folder_that_is_not_there_is_named(run: Run, file: Path, arguments: tuple[str]):
    done = run(*arguments, HUB_DATABASE_URL=f"sqlite:///{file.parent}/gone/hub.sqlite")
    assert (done.exit_code, f"There is no folder {file.parent}/gone" in done.output) == (1, True)


@pytest.mark.parametrize("arguments", [("db", "upgrade"), ("check",), ("connection", "list"), ("worker",)])
def test_a_file_that_is_no_database_is_told(run: Run, file: Path, arguments: tuple[str]):
    file.write_text("Dear diary, " * 500)
    done = run(*arguments)
    assert (done.exit_code, "not a database" in done.output) == (1, True)
    assert "HUB_DATABASE_URL" in done.output


@pytest.mark.parametrize("arguments", [("db", "upgrade"), ("connection", "list"), ("worker",)])
def test_a_server_that_is_away_is_told(run: Run, arguments: tuple[str]):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    done = run(*arguments, HUB_DATABASE_URL=f"postgresql+psycopg://hub:hunter2@127.0.0.1:{port}/hub")
    assert (done.exit_code, "The database cannot be opened: " in done.output) == (1, True)
    assert "HUB_DATABASE_URL" in done.output
    assert "hunter2" not in done.output


@pytest.mark.real
def test_postgresql_without_tables_or_with_newer_ones_is_told(run: Run, cluster: Postgres):
    url = cluster.create_database("commands")
    done = run("connection", "list", HUB_DATABASE_URL=url)
    assert (done.exit_code, "Run `hub db upgrade` first" in done.output) == (78, True)
    assert run("mail", "deliver", HUB_DATABASE_URL=url).exit_code == 75
    migrations.upgrade(url)
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    for arguments in (("db", "upgrade"), ("connection", "list"), ("worker",)):
        done = run(*arguments, HUB_DATABASE_URL=url)
        assert (done.exit_code, "newer than this program" in done.output) == (78, True)
    assert run("mail", "deliver", HUB_DATABASE_URL=url).exit_code == 75


class TestMail:
    def test_it_stays_with_the_mail_server_while_the_database_does_not_fit(self, run: Run, file: Path):
        done = run("mail", "deliver")
        assert (done.exit_code, "hub db upgrade" in done.output) == (75, True)
        assert not file.exists()

    def test_it_stays_there_while_the_database_is_newer(self, run: Run, newer: None):
        done = run("mail", "deliver")
        assert (done.exit_code, "newer than this program" in done.output) == (75, True)

    @pytest.mark.parametrize("setting", ["HUB_PORT", "HUB_CONFIG"])
    def test_it_stays_there_while_a_setting_is_wrong(self, run: Run, file: Path, setting: str):
        assert run("mail", "deliver", **{setting: str(file.parent)}).exit_code == 75

    def test_it_stays_there_while_the_configuration_is_a_folder(
        self, run: Run, file: Path, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setenv("HUB_CONFIG", "")  # which --config sets; given back at the end
        assert run("--config", str(file.parent), "mail", "deliver").exit_code == 75

    @pytest.mark.parametrize("error", [RuntimeError, SystemExit, KeyboardInterrupt])
    def test_whatever_breaks_is_one_line_without_its_words(
        self, run: Run, file: Path, monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
    ):
        def breaks(hub: object, raw: bytes) -> str:
            raise error(f"it broke at\n{raw!r}")

        migrations.upgrade(f"sqlite:///{file}")
        monkeypatch.setattr(mailroom, "deliver", breaks)
        done = run("mail", "deliver")
        assert (done.exit_code, done.output.count("\n")) == (75, 1)
        assert f"{error.__name__} at " in done.output
        assert "secret" not in done.output


def _as_ordinary(*arguments: str, url: str) -> subprocess.CompletedProcess[str]:
    """`hub ...` as a user whom the modes of files hold back, which root's do not."""
    drop: list[str] = []
    if os.geteuid() == 0:
        if shutil.which("setpriv") is None:
            pytest.skip("root may write everywhere, and setpriv is not there")
        drop = ["setpriv", "--bounding-set", CAPABILITIES, "--inh-caps", CAPABILITIES]
    return subprocess.run(
        [*drop, sys.executable, "-m", "hub", *arguments],
        env={**os.environ, "HUB_DATABASE_URL": url, "HUB_SECRET_KEY": KEY},
        input=MAIL.decode(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture(params=["file", "folder", "both"])
def shut(request: pytest.FixtureRequest, tmp_path: Path, installed_plugins: Registry) -> Iterator[str]:
    """The address of a database that may only be read, or whose folder may, of a hub that takes mail."""
    folder = tmp_path / "shut"
    folder.mkdir()
    file = folder / "hub.sqlite"
    migrations.upgrade(f"sqlite:///{file}")
    hub = create_hub(Settings(database_url=f"sqlite:///{file}", secret_key=KEY), loaded=installed_plugins)
    with closing(hub), hub.db.write() as session:
        connector = hub.registry.connector("mail")
        assert connector is not None
        form = form_values(connector.settings_model, {"smtp_host": "mail.example"})
        connections.add_connection(session, HUB, hub.registry, hub.keyring, "mail", "Mail", "own", form)
    if request.param != "folder":
        file.chmod(0o444)
    if request.param != "file":
        folder.chmod(0o555)
    yield f"sqlite:///{file}"
    folder.chmod(stat.S_IRWXU)


def test_a_host_that_does_not_exist_is_told():
    done = _as_ordinary("db", "upgrade", url="postgresql+psycopg://hub:hunter2@nowhere.invalid/hub")
    assert (done.returncode, "The database cannot be opened: " in done.stderr) == (1, True)
    assert [word for word in ("hunter2", "Traceback") if word in done.stderr] == []


@pytest.mark.slow
class TestReadOnly:
    def test_check_tries_to_write(self, shut: str):
        done = _as_ordinary("check", url=shut)
        assert (done.returncode, done.stderr) == (1, "")
        assert "readonly database" in done.stdout
        assert "owner and mode of its file and folder" in done.stdout

    def test_mail_stays_with_the_mail_server(self, shut: str):
        done = _as_ordinary("mail", "deliver", url=shut)
        assert (done.returncode, done.stderr.count("\n"), done.stdout) == (75, 1, "")
        assert "owner and mode of its file and folder" in done.stderr

    def test_a_command_says_what_to_look_at(self, shut: str):
        added = _as_ordinary(*NEEDS_TABLES[1], url=shut)
        assert added.returncode == 1
        assert "owner and mode of its file and folder" in added.stderr
        assert "Traceback" not in added.stderr
