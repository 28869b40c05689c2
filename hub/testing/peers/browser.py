"""Debian's Chromium, driven by Playwright.

Playwright's own loop occupies the thread between `browser()` and its end, and `asyncio.run` is refused there:
make it a fixture of a module, not of the whole session.
"""

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from playwright.sync_api import Browser as Chromium
from playwright.sync_api import ConsoleMessage, Error, Page, Request, sync_playwright

from hub.testing.peers.process import SEARCH_PATH, require, scratch

Theme = Literal["light", "dark"]
EXECUTABLE = "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox",  # the sandbox cannot be had as root in a container
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    # Whatever a page asks for, nothing but this machine has an address.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
]
SCREENSHOTS = Path("build/screenshots")


@dataclass(frozen=True, slots=True)
class Browser:
    """A running Chromium; each page has cookies of its own."""

    chromium: Chromium

    @contextlib.contextmanager
    def page(
        self,
        width: int = 1280,
        theme: Theme = "light",
        javascript: bool = True,
        *,
        base_url: str | None = None,
        locale: str = "en-GB",
    ) -> Iterator[Page]:
        """Open a tab with a fresh session.

        The block fails at its end if a script died, the content security policy was broken, or anything was
        asked of another machine.
        """
        problems: list[str] = []
        with self.chromium.new_context(
            viewport={"width": width, "height": 800 if width < 600 else 900},
            color_scheme=theme,
            java_script_enabled=javascript,
            base_url=base_url,
            locale=locale,
            timezone_id="Europe/Berlin",
            reduced_motion="reduce",
        ) as context:
            page = context.new_page()
            _watch(page, problems)
            yield page
        assert not problems, "\n".join(problems)


@contextlib.contextmanager
def browser() -> Iterator[Browser]:
    """Run Chromium until the end of the block."""
    require(EXECUTABLE)
    with scratch("chromium") as home, sync_playwright() as playwright:
        environment: dict[str, str | float | bool] = {**os.environ, "PATH": SEARCH_PATH, "HOME": str(home)}
        chromium = playwright.chromium.launch(executable_path=EXECUTABLE, args=FLAGS, env=environment)
        try:
            yield Browser(chromium)
        finally:
            chromium.close()


def screenshot(page: Page, name: str) -> Path:
    """Save the whole page, also what is scrolled out of sight, as `build/screenshots/<name>.png`."""
    path = SCREENSHOTS / f"{name}.png"
    page.screenshot(path=path, full_page=True)
    return path


def _watch(page: Page, problems: list[str]) -> None:
    def failed(error: Error) -> None:
        problems.append(f"script error on {page.url}: {error.message}")

    def said(message: ConsoleMessage) -> None:
        if "Content Security Policy" in message.text:
            problems.append(f"{page.url}: {message.text}")

    def asked(request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme in ("http", "https", "ws", "wss") and parts.hostname not in (
            "127.0.0.1",
            "localhost",
        ):
            problems.append(f"{page.url} asked for {request.url}")

    page.on("pageerror", failed)
    page.on("console", said)
    page.on("request", asked)
