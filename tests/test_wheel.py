"""The wheel, installed into an empty environment away from the checkout, is the whole hub."""

import os
import shutil
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from hub.testing.peers.process import free_port, group_members, start, stop, wait_until
from tests.test_serve import get

ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built of what git knows, so that nothing made on this machine slips in."""
    source, built = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    for name in subprocess.run(
        listed, cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines():
        if (ROOT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, source / name)
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", built, source],
        check=True,
    )
    (found,) = built.glob("*.whl")
    return found


def test_it_ships_what_pages_need_and_no_tests(wheel: Path):
    names = zipfile.ZipFile(wheel).namelist()
    assert "hub/templates/base.html" in names
    assert "hub/web/static/vendor/htmx.min.js" in names
    assert "hub/web/static/tokens.css" in names
    assert any(name.startswith("hub/migrations/versions/") for name in names)
    assert any(name.startswith("plugins/monitoring/") for name in names)
    assert [name for name in names if name.startswith(("tests/", "bench/", "docs/", "templates/"))] == []


def test_it_runs_the_demo_in_an_empty_environment(wheel: Path, tmp_path: Path):
    environment = tmp_path / "environment"
    subprocess.run([sys.executable, "-m", "venv", environment], check=True)
    pip = [environment / "bin" / "python", "-m", "pip", "install", "--quiet"]
    subprocess.run([*pip, "--constraint", ROOT / "requirements.lock", wheel], check=True)
    log, port = tmp_path / "log", free_port()
    command = [environment / "bin" / "hub", "demo", "--port", str(port), "--folder", tmp_path / "demo"]
    process = start(command, log, cwd=tmp_path, env={"PYTHONPATH": "", "PYTHONSAFEPATH": "1"})
    try:
        wait_until(lambda: get(port, "/healthz")[0] == 200, process, log, 120)
        status, page = get(port, "/auth/login")
        assert status == 200
        assert b"<form" in page
        assert get(port, "/static/vendor/htmx.min.js")[0] == 200
        wait_until(lambda: any((tmp_path / "demo" / "mail").glob("*.eml")), process, log, 120)
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(20) == 0
        assert group_members(process.pid) == []
    finally:
        stop(process, log, timeout=20)
