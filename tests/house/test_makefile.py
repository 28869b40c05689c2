"""The Makefile passes on what it is given as it was given, and blames the right thing."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


def make(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = ["make", "--no-print-directory", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("folder", ["my demo", "it's; $$HOME", '"'])
def test_the_demo_gets_its_folder_as_one_word(folder: str) -> None:
    command = make("--dry-run", "demo", "PORT=8080", f"DEMO={folder}").stdout.splitlines()[-1]
    words = subprocess.run(
        ["bash", "-c", f"hub() {{ printf '%s\\n' \"$@\"; }}; {command.replace('exec .venv/bin/', '')}"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    assert words == ["demo", "--port", "8080", "--folder", folder.replace("$$", "$")]


def test_an_environment_that_cannot_be_made_is_not_blamed_on_a_package(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    place = f"{tmp_path}/file/venv"
    done = make(f"PYTHON={sys.executable}", f"VENV={place}", f"{place}/bin/python")
    assert done.returncode != 0
    assert "Not a directory" in done.stdout + done.stderr
    assert "apt install" not in done.stdout
    assert "the reason stands above" in done.stdout


def test_a_missing_package_is_named(tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text('#!/bin/sh\ncase "$*" in *version_info*) exit 0;; *) exit 1;; esac\n')
    python.chmod(0o755)
    place = f"{tmp_path}/venv"
    assert (
        "apt install python3-venv" in make(f"PYTHON={python}", f"VENV={place}", f"{place}/bin/python").stdout
    )
