"""Foreign programs are started, judged and stopped as the kit promises."""

import signal
import socket
import sys
import time

import pytest

from hub.testing.peers.process import (
    PeerFailed,
    free_port,
    group_members,
    require,
    scratch,
    service,
    start,
    stop,
)


def never() -> bool:
    return False


def test_a_program_that_ends_early_is_reported_with_its_last_words(tmp_path):
    argv = ["sh", "-c", "echo port 25 is taken; exit 3"]
    with (
        pytest.raises(PeerFailed, match=r"(?s)ended with 3.*port 25 is taken"),
        service(argv, never, tmp_path / "log"),
    ):
        pass


def test_a_program_that_never_gets_ready_is_stopped_and_reported(tmp_path):
    argv = ["sh", "-c", "echo still thinking; echo $$ > pid; sleep 60"]
    log = tmp_path / "log"
    with (
        pytest.raises(PeerFailed, match=r"(?s)not ready within.*still thinking"),
        service(argv, never, log, cwd=tmp_path, timeout=0.3),
    ):
        pass
    assert group_members(int((tmp_path / "pid").read_text())) == []


def test_readiness_is_asked_again_while_the_port_refuses(tmp_path):
    answers = iter([ConnectionRefusedError(), False, True])

    def ready() -> bool:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    with service(["sleep", "60"], ready, tmp_path / "log"):
        assert next(answers, "asked until ready") == "asked until ready"


def test_workers_that_outlive_their_master_are_stopped_too(tmp_path):
    argv = ["sh", "-c", "sleep 60 & sleep 60 & wait"]
    process = start(argv, tmp_path / "log")
    wait_for_members(process.pid, 3)
    stop(process, tmp_path / "log")
    assert group_members(process.pid) == []


def test_a_program_that_will_not_stop_is_killed_and_reported(tmp_path):
    log = tmp_path / "log"
    process = start(["sh", "-c", "trap '' TERM; echo deaf; sleep 60; sleep 60"], log)
    deadline = time.monotonic() + 10
    while b"deaf" not in log.read_bytes():
        assert time.monotonic() < deadline
    with pytest.raises(PeerFailed, match="did not stop"):
        stop(process, log, timeout=0.2)
    assert process.returncode == -signal.SIGKILL


def test_a_program_dies_with_the_run_that_started_it(tmp_path):
    code = (
        "from pathlib import Path; from hub.testing.peers.process import start, wait_until; import os\n"
        "log = Path('log'); peer = start(['sh', '-c', 'echo up; exec sleep 60'], log)\n"
        "wait_until(log.read_text, peer, log, 10); print(peer.pid, flush=True); os._exit(1)"
    )
    run = start([sys.executable, "-c", code], tmp_path / "out", cwd=tmp_path)
    run.wait(20)
    orphan = int((tmp_path / "out").read_text())
    deadline = time.monotonic() + 5
    while group_members(orphan):
        assert time.monotonic() < deadline
    stop(run, tmp_path / "out")


def test_a_missing_program_skips_and_fails_where_peers_are_promised(monkeypatch):
    require("sh", "/bin/sh")
    monkeypatch.delenv("HUB_REQUIRE_REAL", raising=False)
    with pytest.raises(pytest.skip.Exception, match="no-such-program"):
        require("sh", "no-such-program")
    monkeypatch.setenv("HUB_REQUIRE_REAL", "1")
    with pytest.raises(pytest.fail.Exception, match="no-such-program"):
        require("sh", "no-such-program")


def test_a_free_port_can_be_listened_on():
    ports = {free_port() for _ in range(20)}
    assert len(ports) > 15
    with socket.socket() as server:
        server.bind(("127.0.0.1", free_port()))


def test_the_scratch_directory_is_open_to_servers_without_root_and_goes_away():
    with scratch("peer") as directory:
        (directory / "file").touch()
        assert directory.stat().st_mode & 0o777 == 0o755
    assert not directory.exists()


def wait_for_members(group: int, count: int) -> None:
    deadline = time.monotonic() + 10
    while len(group_members(group)) < count:
        assert time.monotonic() < deadline
