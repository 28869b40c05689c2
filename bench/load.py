"""Load from processes of its own, over few kept-alive connections, with as little work as possible.

The generator shares the cores with what it measures, so bodies are filled templates and answers are read from
the bare socket. Nothing but 127.0.0.1 is ever called.
"""

import itertools
import os
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from threading import Thread
from types import TracebackType
from typing import Any

from bench.bodies import Webhooks

SECONDS = float(os.environ.get("BENCH_SECONDS", "3"))
"""How long a probe measures in one round."""
WARM_UP = 0.5
PROCESSES = 2
REPEATED = 20
"""How many different bodies a connection sends again and again."""


@dataclass(frozen=True, slots=True)
class Post:
    """Webhooks of `size` alerts to `/in/<slug>`, all new or all known; `family` tells measurements apart."""

    port: int
    slug: str
    token: str
    size: int
    prefix: str
    circuits: int
    family: int
    first: int
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class Get:
    """One page, over and over."""

    port: int
    path: str
    cookie: str = ""


class Crew:
    """Two processes that measure together; each runs a function that answers how much it did a second."""

    def __init__(self) -> None:
        self._pool = ProcessPoolExecutor(PROCESSES, mp_context=get_context("spawn"))

    def __enter__(self) -> "Crew":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown()

    def together(self, function: Callable[..., float], *jobs: tuple[Any, ...]) -> float:
        """What all jobs did a second, measured over the same `SECONDS`: the sum."""
        starts = time.monotonic() + WARM_UP
        futures = [self._pool.submit(function, starts, SECONDS, *job) for job in jobs]
        return sum(future.result(timeout=60 + 10 * SECONDS) for future in futures)


def pace(starts: float, seconds: float, step: Callable[[], object]) -> float:
    """How often a second `step` was done: warm up until `starts` (monotonic), then measure for `seconds`.

    From end to end of steps, so that slow steps are counted exactly.
    """
    while time.monotonic() < starts:
        step()
    began, count = time.monotonic(), 0
    while True:
        step()
        count += 1
        passed = time.monotonic() - began
        if passed >= seconds:
            return count / passed


class Wire:
    """One kept-alive HTTP/1.1 connection."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self, request: bytes, expected: bytes) -> bytes:
        """Send one whole request; the body of the answer, which must have the `expected` status."""
        self._socket.sendall(request)
        answer = self._socket.recv(65536)
        while (end := answer.find(b"\r\n\r\n")) < 0:
            answer += self._more()
        head = answer[:end].lower()
        if head[9:12] != expected:
            raise RuntimeError(f"the hub answered {answer[:600]!r}")
        length = int(head.partition(b"\r\ncontent-length:")[2].partition(b"\r\n")[0])
        body = answer[end + 4 :]
        while len(body) < length:
            body += self._more()
        return body

    def _more(self) -> bytes:
        part = self._socket.recv(262144)
        if not part:
            raise RuntimeError("the hub hung up")
        return part

    def close(self) -> None:
        """Hang up."""
        self._socket.close()


def request_of(method: str, path: str, headers: dict[str, str]) -> bytes:
    """The head of a request, up to and without the blank line."""
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", *(f"{k}: {v}" for k, v in headers.items())]
    return "\r\n".join(lines).encode()


def post(starts: float, seconds: float, jobs: tuple[Post, ...]) -> float:
    """Alerts a second that were answered 202, over one connection a job."""
    return _over_threads(starts, seconds, [(webhooks(job), job.port, b"202", job.size) for job in jobs])


def get(starts: float, seconds: float, jobs: tuple[Get, ...]) -> float:
    """Pages a second, over one connection a job."""
    requests = [request_of("GET", job.path, {"Cookie": job.cookie}) + b"\r\n\r\n" for job in jobs]
    calls = zip(jobs, requests, strict=True)
    return _over_threads(
        starts, seconds, [(itertools.repeat(request), job.port, b"200", 1) for job, request in calls]
    )


def webhooks(job: Post) -> Iterator[bytes]:
    """The requests of a job, without end."""
    hooks = Webhooks(job.size, job.prefix, job.circuits, job.family)
    headers = {"Authorization": f"Bearer {job.token}", "Content-Type": "application/json"}
    headers["Content-Length"] = str(hooks.length)
    head = request_of("POST", f"/in/{job.slug}", headers) + b"\r\n\r\n"
    if not job.repeated:
        return (head + body for body in hooks.new(job.first))
    bodies = itertools.islice(hooks.new(job.first), REPEATED)
    return itertools.cycle([head + body for body in bodies])


def _over_threads(
    starts: float, seconds: float, calls: list[tuple[Iterator[bytes], int, bytes, int]]
) -> float:
    done: list[float] = []
    failed: list[BaseException] = []

    def run(requests: Iterator[bytes], port: int, expected: bytes, weight: int) -> None:
        try:
            done.append(weight * _ask(starts, seconds, requests, port, expected))
        except BaseException as error:
            failed.append(error)

    threads = [Thread(target=run, args=call) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]
    return sum(done)


def _ask(starts: float, seconds: float, requests: Iterator[bytes], port: int, expected: bytes) -> float:
    wire = Wire(port)
    try:
        return pace(starts, seconds, lambda: wire.ask(next(requests), expected))
    finally:
        wire.close()
