"""The demo's folder belongs to one demo at a time, and a start that is refused leaves it as it was."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from hub.base.crypto import new_key
from hub.cli import main
from hub.config import load
from hub.demo.folder import Folder
from hub.testing.peers.process import free_port


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "my demo")


@pytest.fixture
def taken() -> Iterator[int]:
    """A port on which somebody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def start(folder: Folder, port: int) -> Result:
    """`hub demo`, of which every start in this file is refused."""
    arguments = ["demo", "--port", str(port), "--folder", str(folder.path)]
    return CliRunner().invoke(main, arguments, catch_exceptions=False)


def test_a_second_demo_in_a_folder_is_refused_and_changes_nothing(folder: Folder) -> None:
    with folder.held():
        folder.prepare(8000)
        before = folder.config.read_bytes()
        done = start(folder, free_port())
    assert done.exit_code == 1
    assert done.output == (
        f"Error: A demo already runs in this folder ({folder.path}); choose another with --folder.\n"
    )
    assert folder.config.read_bytes() == before


def test_a_folder_is_free_again_when_its_demo_has_ended(folder: Folder) -> None:
    for port in (8000, 8001):
        with folder.held():
            folder.prepare(port)
    assert load({}, folder.config).port == 8001


def test_a_key_stays_over_starts(folder: Folder) -> None:
    with folder.held():
        folder.prepare(8000)
        first = load({}, folder.config).secret_key
        folder.prepare(8001)
    assert load({}, folder.config).secret_key == first
    assert folder.config.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("began", [False, True], ids=["first start", "later start"])
def test_a_start_on_a_taken_port_writes_no_settings(folder: Folder, taken: int, began: bool) -> None:
    if began:
        with folder.held():
            folder.prepare(8000)
    done = start(folder, taken)
    assert (done.exit_code, f"port {taken}" in done.output) == (78, True)
    assert folder.config.exists() == began
    assert not began or load({}, folder.config).port == 8000


@pytest.mark.parametrize(
    "text",
    ["", 'database_url = "sqlite:///x"\n', 'secret_key = "abc"\n', 'secret_key = "', "secret_key = 7"],
    ids=["empty", "without a key", "a short key", "half written", "a number"],
)
def test_settings_without_a_key_are_told_and_not_replaced(folder: Folder, text: str) -> None:
    folder.path.mkdir()
    folder.config.write_text(text)
    done = start(folder, free_port())
    assert done.exit_code == 78
    assert f"Error: {folder.config} holds no good secret_key" in done.output
    assert folder.config.read_text() == text


def test_settings_are_replaced_whole_even_after_a_start_was_cut_off(folder: Folder) -> None:
    with folder.held():
        folder.config.write_text(f'secret_key = "{new_key()}"\n')
        folder.config.with_name("hub.toml.new").write_text("half")
        folder.prepare(8000)
    assert load({}, folder.config).port == 8000
    assert sorted(path.name for path in folder.path.iterdir()) == ["hub.toml", "lock"]


def test_a_folder_that_cannot_be_made_is_told_in_words(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = start(Folder(tmp_path / "file" / "demo"), free_port())
    assert done.exit_code == 78
    assert "Error: The demo cannot write into its folder" in done.output
    assert "Not a directory" in done.output
    assert "Choose another with --folder." in done.output
