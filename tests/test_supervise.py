"""Processes under one command: restarted when they die, ended together, given up when they never start."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from hub.testing.peers.process import group_members, wait_until

# A part that writes its process id down and stays until its lifeline closes or a signal ends it.
STAYS = "import os, sys; open({file!r}, 'a').write(f'{{os.getpid()}}\\n'); sys.stdin.read()"
DIES = "import sys; sys.exit(3)"


@contextmanager
def supervisor(
    log: Path, *parts: str, turns: Mapping[str, Path] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """`turns` name a file for a part: its turn comes when that is there."""
    commands = {f"part {number}": [sys.executable, "-c", code] for number, code in enumerate(parts, 1)}
    files = {name: str(file) for name, file in (turns or {}).items()}
    program = (
        "import sys, pathlib; from hub.cli.supervise import Supervisor;"
        f"turns = {{name: pathlib.Path(file).exists for name, file in {files!r}.items()}};"
        f"sys.exit(Supervisor({commands!r}, turns).run())"
    )
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-c", program],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        if group_members(process.pid):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def pids(file: Path) -> list[int]:
    return [int(line) for line in file.read_text().split()] if file.exists() else []


def test_a_part_that_dies_is_started_again(tmp_path: Path):
    file, log = tmp_path / "pids", tmp_path / "log"
    with supervisor(log, STAYS.format(file=str(file))) as process:
        wait_until(lambda: len(pids(file)) == 1, process, log, 10)
        os.kill(pids(file)[0], signal.SIGKILL)
        wait_until(lambda: len(pids(file)) == 2, process, log, 10)
        assert "part 1 ended with -9" in log.read_text()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_every_part(tmp_path: Path, number: int):
    log, files = tmp_path / "log", [tmp_path / "one", tmp_path / "two"]
    with supervisor(log, *(STAYS.format(file=str(file)) for file in files)) as process:
        wait_until(lambda: all(pids(file) for file in files), process, log, 10)
        process.send_signal(number)
        assert process.wait(10) == 0
        assert group_members(process.pid) == []


def test_parts_end_when_their_supervisor_is_killed(tmp_path: Path):
    file, log = tmp_path / "pids", tmp_path / "log"
    with supervisor(log, STAYS.format(file=str(file))) as process:
        wait_until(lambda: bool(pids(file)), process, log, 10)
        group = process.pid
        process.kill()
        process.wait()
        part = subprocess.Popen(["/bin/sh", "-c", f"while kill -0 -{group} 2>/dev/null; do sleep 0.05; done"])
        assert part.wait(10) == 0


@pytest.mark.slow
def test_a_part_that_never_starts_ends_the_rest(tmp_path: Path):
    file, log = tmp_path / "pids", tmp_path / "log"
    with supervisor(log, STAYS.format(file=str(file)), DIES) as process:
        assert process.wait(20) == 1
        assert "part 2 does not stay up" in log.read_text()
        assert group_members(process.pid) == []


def test_a_part_with_a_wrong_setting_is_not_tried_again(tmp_path: Path):
    log = tmp_path / "log"
    with supervisor(log, "import sys; print('wrong', flush=True); sys.exit(78)") as process:
        assert process.wait(20) == 78
        assert log.read_text().count("wrong\n") == 1


def test_a_part_waits_for_its_turn_while_the_others_run(tmp_path: Path):
    """It starts when the file is there, and a signal ends the others even before."""
    first, second, log = tmp_path / "first", tmp_path / "second", tmp_path / "log"
    turn = tmp_path / "turn"
    stays = (STAYS.format(file=str(first)), STAYS.format(file=str(second)))
    with supervisor(log, *stays, turns={"part 2": turn}) as process:
        wait_until(lambda: len(pids(first)) == 1, process, log, 10)
        assert pids(second) == []
        turn.touch()
        wait_until(lambda: len(pids(second)) == 1, process, log, 10)
    turn.unlink()
    with supervisor(log, *stays, turns={"part 2": turn}) as process:
        wait_until(lambda: len(pids(first)) == 2, process, log, 10)
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
        assert len(pids(second)) == 1
