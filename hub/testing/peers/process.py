"""Start foreign programs for a test and stop them without a trace.

Four rules, each learnt from a wrong green test: ports are free ones, readiness is judged by content (another
job may answer on the port), the whole process group is stopped (workers outlive their master), and a missing
program is never silently a pass (`HUB_REQUIRE_REAL`).
"""

import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NoReturn, TypeAlias

import pytest

# Below the kernel's range for outgoing connections, so that no client socket takes a port between our
# look and the program's bind.
PORTS = range(20000, 32000)
# Debian's servers live in directories that an ordinary user's PATH leaves out.
SEARCH_PATH = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/local/sbin", "/usr/sbin", "/sbin"])

Command: TypeAlias = Sequence[str | Path]


class PeerFailed(Exception):
    """A peer did not start, did not answer or did not stop; the message ends with the tail of its log."""


def unavailable(reason: str) -> NoReturn:
    """Skip the running test, or fail it where `HUB_REQUIRE_REAL=1` promises that every peer is there."""
    if os.environ.get("HUB_REQUIRE_REAL") == "1":
        pytest.fail(f"HUB_REQUIRE_REAL=1, but {reason}", pytrace=False)
    pytest.skip(reason)


def require(*binaries: str) -> None:
    """Skip (or fail, see `unavailable`) unless all programs, names or absolute paths, are installed."""
    missing = [name for name in binaries if shutil.which(name, path=SEARCH_PATH) is None]
    if missing:
        unavailable(f"not installed: {', '.join(missing)} (see docs/testing.md)")


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listens on at this moment."""
    while True:
        port = random.choice(PORTS)  # noqa: S311 (no secret: only has to differ between parallel tests)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


@contextlib.contextmanager
def scratch(name: str) -> Iterator[Path]:
    """A directory of the peer's own, removed afterwards.

    Not below pytest's `tmp_path`: that is closed to other users, and every new pytest run closes it again
    under the feet of a server that dropped root.
    """
    directory = Path(tempfile.mkdtemp(prefix=f"hub-{name}-"))
    directory.chmod(0o755)
    try:
        yield directory
    finally:
        shutil.rmtree(directory)


def tail(log: Path, lines: int = 30) -> str:
    """The last lines of a log, ready to be the end of a failure message."""
    if not log.exists():
        return f"({log.name} was never written)"
    return "\n".join(["", f"--- {log} ---", *log.read_text(errors="replace").splitlines()[-lines:]])


def start(
    argv: Command,
    log: Path,
    *,
    user: str | None = None,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> subprocess.Popen[bytes]:
    """Start a program as leader of its own process group, its output appended to `log`.

    `user` drops root where we are root.  The program gets SIGTERM when the thread that called us dies, so a
    killed test run leaves nothing behind.
    """
    setpriv = ["setpriv", "--pdeathsig", "TERM", *_drop_root(user)]
    with log.open("ab") as output:
        return subprocess.Popen(  # noqa: S603 (the command lines are ours)
            [*setpriv, *argv],
            env=_environment(env),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def run(
    argv: Command,
    *,
    user: str | None = None,
    env: Mapping[str, str] | None = None,
    timeout: float = 60,
) -> str:
    """Run a program to its end and return what it printed; raise `PeerFailed` with its output on an error."""
    done = subprocess.run(  # noqa: S603 (the command lines are ours)
        ["setpriv", *_drop_root(user), *argv] if user else list(argv),
        env=_environment(env),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    if done.returncode:
        raise PeerFailed(f"{Path(argv[0]).name} ended with {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def wait_until(
    ready: Callable[[], bool], process: subprocess.Popen[bytes], log: Path, timeout: float
) -> None:
    """Return as soon as `ready` says so; raise `PeerFailed` when the program ended or the time is up.

    `ready` has to look at content (a version, a path only this instance knows).  Refused and broken
    connections count as "not yet".
    """
    end = time.monotonic() + timeout
    while not _answers(ready):
        if process.poll() is not None:
            raise PeerFailed(f"{process.args!r} ended with {process.returncode}{tail(log)}")
        if time.monotonic() > end:
            raise PeerFailed(f"{process.args!r} was not ready within {timeout} s{tail(log)}")
        time.sleep(0.02)


def stop(process: subprocess.Popen[bytes], log: Path, how: int = signal.SIGTERM, timeout: float = 10) -> None:
    """Signal the whole process group and wait until its last member is gone.

    A group that outlives the time is killed, and that is reported as `PeerFailed`.
    """
    _signal_group(process.pid, how)
    end = time.monotonic() + timeout
    while process.poll() is None or group_members(process.pid):
        if time.monotonic() > end:
            _signal_group(process.pid, signal.SIGKILL)
            process.wait()
            raise PeerFailed(f"{process.args!r} did not stop within {timeout} s{tail(log)}")
        time.sleep(0.01)


@contextlib.contextmanager
def service(
    argv: Command,
    ready: Callable[[], bool],
    log: Path,
    *,
    user: str | None = None,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    timeout: float = 30,
) -> Iterator[subprocess.Popen[bytes]]:
    """`start`, `wait_until` ready, and `stop` at the end of the block."""
    process = start(argv, log, user=user, env=env, cwd=cwd)
    try:
        wait_until(ready, process, log, timeout)
        yield process
    finally:
        stop(process, log)


def group_members(group: int) -> list[int]:
    """The living processes of a process group; a dead one that nobody collected does not count."""
    members = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        # A process may end while we read about it.
        with contextlib.suppress(OSError):
            state, _parent, its_group = stat.read_text(errors="replace").rpartition(")")[2].split()[:3]
            if int(its_group) == group and state not in "ZX":
                members.append(int(stat.parent.name))
    return members


def _signal_group(group: int, how: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, how)


def _drop_root(user: str | None) -> list[str]:
    if user is None or os.geteuid() != 0:
        return []
    return [f"--reuid={user}", f"--regid={user}", "--clear-groups"]


def _environment(extra: Mapping[str, str] | None) -> dict[str, str]:
    return {**os.environ, "PATH": SEARCH_PATH, **(extra or {})}


def _answers(ready: Callable[[], bool]) -> bool:
    try:
        return ready()
    except OSError:
        return False
