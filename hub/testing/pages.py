"""A person at a browser, for tests of the pages: follows links and fills forms as a page offers them."""

import re
from datetime import timedelta
from html.parser import HTMLParser
from typing import Any

from flask import Flask
from sqlalchemy import select
from werkzeug.test import TestResponse

from hub.domain import access, sessions
from hub.domain.people import Identity
from hub.flows.runtime import Hub
from hub.web import csrf
from hub.web.csrf import FIELD

_TOKEN = re.compile(rf'name="{FIELD}" value="([^"]+)"')


class Browser:
    """One browser with its cookies. It answers forms with the token that a page of its own gave it."""

    def __init__(self, app: Flask) -> None:
        self.client = app.test_client()
        self._hub: Hub = app.extensions["hub"]

    def get(self, address: str, **more: Any) -> TestResponse:
        """Open a page; redirects are not followed."""
        return self.client.get(address, **more)

    def post(self, address: str, data: Any = None, *, page: str = "", **more: Any) -> TestResponse:
        """Send a form with its token, read from `page` where one is named; `data` maps fields to texts."""
        return self.client.post(address, data={FIELD: self.token(page), **(data or {})}, **more)

    def token(self, page: str = "") -> str:
        """An anti-forgery token as `page` carries it (empty where it has no form), or as any page would."""
        if page:
            found = _TOKEN.search(self.get(page).text)
            return found.group(1) if found else ""
        cookie = self.client.get_cookie("hub")
        return csrf.token_for(self._hub.keyring, cookie.value) if cookie else ""

    def enter(self, login: str) -> None:
        """Be signed in as whoever has this login, without the form and its slow hash."""
        with self._hub.db.write() as session:
            subject = Identity.issuer == access.LOCAL, Identity.subject == login
            person = session.scalars(select(Identity.person_id).where(*subject)).one()
            token = sessions.start(session, person, access.LOCAL, timedelta(hours=1), "a browser of a test")
        self.client.set_cookie("hub", token)

    def sign_in(self, login: str, password: str, **more: Any) -> TestResponse:
        """Fill the sign-in form."""
        data = {"login": login, "password": password, **more}
        return self.post("/auth/login", data, page="/auth/login")


class Shown(HTMLParser):
    """What a page holds: its forms with their fields, its links, ids, and its visible text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.html = html
        self.forms: list[dict[str, Any]] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self._select: dict[str, Any] | None = None
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collect forms, fields, links and ids."""
        given = {name: value or "" for name, value in attrs}
        self.tags.append((tag, given))
        if "id" in given:
            self.ids.append(given["id"])
        if tag == "a" and given.get("href"):
            self.links.append(given["href"])
        if tag == "form":
            self.forms.append(
                {"action": given.get("action", ""), "method": given.get("method", "get"), "fields": []}
            )
        if tag in ("input", "textarea", "select") and self.forms and given.get("name"):
            kind = given.get("type", "text") if tag == "input" else tag
            field = {"name": given["name"], "type": kind, "value": given.get("value", ""), "options": []}
            self.forms[-1]["fields"].append(field)
            self._select = field if tag == "select" else None
        if tag == "option" and self._select is not None:
            self._select["options"].append(given.get("value", ""))
            if "selected" in given or "chosen" not in self._select:
                self._select["chosen"] = given.get("value", "")

    def handle_data(self, data: str) -> None:
        """Collect the text."""
        self.text += data
