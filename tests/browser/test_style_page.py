"""The style page in a real browser: every part reads, fits, and works with keys and without scripts."""

import contextlib
import functools
import gettext
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jinja2
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from hub.base.text import markdown
from hub.testing.peers.browser import Browser, Theme, browser
from hub.web.colour import brand_css
from hub.web.headers import POLICY

pytestmark = pytest.mark.browser

ROOT = Path(__file__).parents[2]
STATIC = ROOT / "hub" / "web" / "static"
TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
RULES = {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
LOOKS = ("desk", "portal")


@functools.cache
def templates() -> jinja2.Environment:
    env = jinja2.Environment(
        loader=jinja2.FileSystemLoader(ROOT / "templates"),
        autoescape=True,
        extensions=["jinja2.ext.i18n"],
        undefined=jinja2.StrictUndefined,
    )
    env.install_gettext_translations(gettext.NullTranslations(), newstyle=True)  # type: ignore[attr-defined]
    return env


class StyleServer(ThreadingHTTPServer):
    """Serves the page as the hub would; `posted` keeps what forms sent, `messages` what the page reports."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), StyleHandler)
        self.posted: list[dict[str, list[str]]] = []
        self.values: dict[str, Any] = {}


class StyleHandler(BaseHTTPRequestHandler):
    server: StyleServer

    def do_GET(self) -> None:
        path = urlsplit(self.path).path.removeprefix("/")
        static = STATIC / path.removeprefix("static/")
        if path in LOOKS:
            page = templates().get_template("style.html").render(look=path, **self.server.values)
            self.answer(page.encode(), "text/html; charset=utf-8")
        elif path == "brand.css":
            self.answer(brand_css("#d9480f").encode(), "text/css")
        elif static.is_file():
            self.answer(static.read_bytes(), TYPES[static.suffix])
        else:
            self.send_error(404)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.server.posted.append(parse_qs(body))
        self.send_response(303)
        self.send_header("Location", self.path)
        self.end_headers()

    def answer(self, body: bytes, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Security-Policy", POLICY)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """The test's own requests are no news."""


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as running:
        yield running


@pytest.fixture
def server() -> Iterator[StyleServer]:
    with StyleServer() as running:
        Thread(target=running.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        yield running
        running.shutdown()


@contextlib.contextmanager
def opened(
    chromium: Browser,
    server: StyleServer,
    look: str = "desk",
    width: int = 1440,
    theme: Theme = "light",
    javascript: bool = True,
) -> Iterator[Page]:
    address = f"http://127.0.0.1:{server.server_port}"
    with chromium.page(width, theme, javascript, base_url=address) as page:
        said: list[str] = []
        page.on("console", lambda message: said.append(f"{message.type}: {message.text}"))
        page.goto(f"/{look}")
        yield page
        assert not said


@pytest.mark.parametrize(("width", "theme"), [(360, "dark"), (1440, "light")])
@pytest.mark.parametrize("look", LOOKS)
def test_nobody_is_shut_out(
    chromium: Browser, server: StyleServer, look: str, width: int, theme: Theme
) -> None:
    with opened(chromium, server, look, width, theme) as page:
        page.evaluate("document.querySelectorAll('main details').forEach((part) => { part.open = true })")
        page.evaluate("scrollTo(0, 0)")  # where nothing lies under the bar that stays on top
        result = Axe().run(page, options={"runOnly": RULES, "rules": {"target-size": {"enabled": True}}})
        assert result.violations_count == 0, result.generate_report()


@pytest.mark.parametrize("look", LOOKS)
def test_nothing_runs_off_the_side(chromium: Browser, server: StyleServer, look: str) -> None:
    with opened(chromium, server, look) as page:
        for width in (360, 768, 1440):
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate("document.documentElement.scrollWidth") == width


@pytest.mark.parametrize("columns", [4, 400])
@pytest.mark.parametrize("look", LOOKS)
def test_what_strangers_send_stays_in_its_place(
    chromium: Browser, server: StyleServer, look: str, columns: int
) -> None:
    row, rule = "| Donaudampfschiff " * columns, "| --- " * columns
    told = markdown(f"{row}|\n{rule}|\n{row}|")
    parts: Any = templates().get_template("parts/timeline.html").module
    files = parts.files([("#", "x" * 146 + ".pdf", "212 kB")])
    put = """([told, files]) => {
        const bubble = document.querySelector('.e .bubble')
        bubble.innerHTML = told
        bubble.insertAdjacentHTML('afterend', files)
    }"""
    with opened(chromium, server, look) as page:
        page.evaluate(put, [told, files])
        for width in (360, 768, 1440):
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate("document.documentElement.scrollWidth") == width
            cell = page.locator(".bubble td").first.bounding_box()
            assert cell is not None
            assert cell["height"] < 40  # a table that does not fit is scrolled, not squeezed


def test_a_thumb_hits_what_it_aims_at(chromium: Browser, server: StyleServer) -> None:
    small = """() => [...document.querySelectorAll(
        '.btn:not(.btn--small), .top a, .top summary, .in, .choice, .pick, .tabs a, .audience label')]
        .filter((part) => part.checkVisibility() && part.getBoundingClientRect().height < 44)
        .map((part) => part.outerHTML.slice(0, 120))"""
    with opened(chromium, server, "portal", 360) as page:
        assert page.evaluate(small) == []
        page.goto("/desk")
        assert page.evaluate(small) == []


def test_a_theme_is_chosen_and_kept(chromium: Browser, server: StyleServer) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    with opened(chromium, server) as page:
        light = page.evaluate(ground)
        page.locator(".menu > summary").click()
        page.get_by_role("button", name="Dark").click()
        assert page.evaluate(ground) != light
        assert {cookie["name"]: cookie["value"] for cookie in page.context.cookies()} == {"theme": "dark"}
        server.values = {"theme": "dark"}
        page.reload()
        assert page.evaluate("document.documentElement.dataset.theme") == "dark"
        expect(page.locator("[data-theme-choice=dark]")).to_have_attribute("aria-pressed", "true")


def test_the_audience_changes_frame_words_and_button_without_scripts(
    chromium: Browser, server: StyleServer
) -> None:
    with opened(chromium, server, javascript=False) as page:
        composer = page.locator(".composer--switch")
        edge = "(part) => getComputedStyle(part).borderTopStyle"
        expect(composer.get_by_text("Staff only, the customer never sees this")).to_be_visible()
        expect(composer.get_by_role("button", name="Send to customer")).to_be_hidden()
        assert composer.evaluate(edge) == "dashed"
        composer.get_by_label("Answer customer").check()
        expect(composer.get_by_text("The customer sees this")).to_be_visible()
        expect(composer.get_by_role("button", name="Save for staff only")).to_be_hidden()
        assert composer.evaluate(edge) == "solid"
        composer.get_by_label("Message").fill("It works again")
        composer.get_by_role("button", name="Send to customer").click()
        page.wait_for_load_state()
    assert server.posted[0]["audience"] == ["customer"]
    assert server.posted[0]["either"] == ["It works again"]


def test_what_is_folded_away_is_asked_for_when_it_is_missing(chromium: Browser, server: StyleServer) -> None:
    with opened(chromium, server) as page:
        composer, step = page.locator("#composer"), page.locator("#next_step")
        expect(step).to_be_hidden()
        composer.get_by_role("button", name="Send to customer").click()
        expect(step).to_be_focused()
        assert server.posted == []
        step.fill("We test the line")
        page.locator("#next_update_by").fill("2026-11-24T09:00")
        chip = composer.locator(".composer-fold > summary")
        expect(chip).to_contain_text("Next step: We test the line · update by 2026-11-24 09:00")
        chip.click()
        with page.expect_navigation():
            composer.get_by_role("button", name="Send to customer").click()
    assert server.posted[0]["next_step"] == ["We test the line"]


def test_without_scripts_nothing_missing_is_folded_away(chromium: Browser, server: StyleServer) -> None:
    with opened(chromium, server, javascript=False) as page:
        expect(page.locator("#next_step")).to_be_visible()


def test_keys_send_what_was_written(chromium: Browser, server: StyleServer) -> None:
    with opened(chromium, server) as page:
        page.locator("#staff_note").fill("Call them before noon")
        with page.expect_navigation():
            page.locator("#staff_note").press("Control+Enter")
    assert server.posted[0]["staff_note"] == ["Call them before noon"]


def test_a_draft_survives_a_reload_and_warns_after_a_send_of_unknown_end(
    chromium: Browser, server: StyleServer
) -> None:
    server.values = {"messages": []}
    with opened(chromium, server) as page:
        note = page.locator("#staff_note")
        warning = page.locator("#composer-staff [data-draft-note]")
        note.fill("Half a thought")
        page.reload()
        expect(note).to_have_value("Half a thought")
        expect(warning).to_be_hidden()
        with page.expect_navigation():
            note.press("Control+Enter")
        expect(note).to_have_value("Half a thought")
        expect(warning).to_be_visible()
        warning.get_by_role("button").click()
        expect(note).to_have_value("")
        page.reload()
        expect(note).to_have_value("")


def test_a_draft_is_dropped_once_the_page_reports_success(chromium: Browser, server: StyleServer) -> None:
    with opened(chromium, server) as page:
        page.locator("#staff_note").fill("Done with this")
        with page.expect_navigation():
            page.locator("#staff_note").press("Control+Enter")
        expect(page.locator("#staff_note")).to_have_value("")


def test_a_draft_keeps_every_field_of_its_form_for_whoever_typed_it(
    chromium: Browser, server: StyleServer
) -> None:
    server.values = {"messages": [], "viewer": {"person_id": "kim"}}
    with opened(chromium, server) as page:
        step, told = page.locator("#either_next"), page.locator("#composer-either [value=customer]")
        page.locator("#composer-either").get_by_text("Answer customer").click()
        step.fill("We splice it")
        page.reload()
        expect(step).to_have_value("We splice it")
        expect(told).to_be_checked()
        server.values = {"messages": [], "viewer": {"person_id": "maya"}}
        page.reload()
        expect(told).not_to_be_checked()
        assert page.evaluate("sessionStorage.length") == 0


def test_files_that_are_too_large_are_told_before_they_are_sent(
    chromium: Browser, server: StyleServer
) -> None:
    with opened(chromium, server) as page:
        files = page.get_by_label("Attachment")
        halves = [
            {"name": f"{half}.bin", "mimeType": "text/plain", "buffer": b"x" * 600_000} for half in "ab"
        ]
        files.set_input_files(halves)
        assert "larger than 1 MiB" in files.evaluate("field => field.validationMessage")
        files.set_input_files(halves[:1])
        assert files.evaluate("field => field.checkValidity()")


def test_signing_out_leaves_no_draft_behind(chromium: Browser, server: StyleServer) -> None:
    with opened(chromium, server) as page:
        page.locator("#staff_note").fill("For staff eyes only")
        page.locator(".menu > summary").click()
        with page.expect_navigation():
            page.get_by_role("button", name="Sign out").click()
        assert page.evaluate("sessionStorage.length") == 0


def test_messages_go_away_when_dismissed(chromium: Browser, server: StyleServer) -> None:
    with opened(chromium, server) as page:
        expect(page.locator(".flash")).to_have_count(2)
        page.get_by_role("button", name="Dismiss this message").first.click()
        expect(page.locator(".flash")).to_have_count(1)


def test_the_keyboard_starts_with_the_content_and_shows_where_it_is(
    chromium: Browser, server: StyleServer
) -> None:
    with opened(chromium, server, javascript=False) as page:
        page.keyboard.press("Tab")
        skip = page.get_by_role("link", name="Skip to the content")
        expect(skip).to_be_focused()
        assert skip.evaluate("(link) => getComputedStyle(link).outlineStyle") == "solid"
        page.keyboard.press("Enter")
        assert urlsplit(page.url).fragment == "main"


def test_a_table_becomes_cards_on_a_phone(chromium: Browser, server: StyleServer) -> None:
    label = "(cell) => getComputedStyle(cell, '::before').content"
    with opened(chromium, server, width=360) as page:
        cell = page.get_by_role("cell", name="Europe/Berlin").first
        assert cell.evaluate(label) == '"Zone"'
    with opened(chromium, server, width=1440) as page:
        assert page.get_by_role("cell", name="Europe/Berlin").first.evaluate(label) == "none"


def test_paper_shows_what_was_said_on_white(chromium: Browser, server: StyleServer) -> None:
    server.values = {"theme": "dark"}
    with opened(chromium, server) as page:
        page.emulate_media(media="print")
        expect(page.locator("#composer")).to_be_hidden()
        expect(page.locator(".top")).to_be_hidden()
        expect(page.get_by_text("Break located at km 14.2")).to_be_visible()
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        assert page.evaluate("getComputedStyle(document.body).color") == "rgb(26, 34, 48)"
