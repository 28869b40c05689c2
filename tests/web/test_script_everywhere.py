"""Script in every text: in every text column of every table, and in every field of every form.

Neither list is written down here: columns come from the tables and fields from the forms' models, so that a
new one is tried by itself. Only words that programs use among themselves are named, for no one types them.
"""

from collections.abc import Callable, Iterator
from datetime import timedelta
from html import unescape
from typing import Any
from urllib.parse import urldefrag, urljoin

import pytest
from flask import request
from sqlalchemy import JSON, Column, String, Table, create_engine, select, update
from test_pages import SCRIPT, STARTS, check, lively, pages_from

from hub.base import clock
from hub.domain import connections
from hub.flows.runtime import Hub
from hub.migrations.tables import METADATA
from hub.testing.pages import Browser, Shown
from hub.testing.world import PASSWORD
from hub.web.forms import Fields, Form

Browse = Callable[[str], Browser]

__all__ = ["lively"]

pytestmark = pytest.mark.slow

NOT_TYPED: dict[str, set[str]] = {
    "accounts": {"slug", "language", "zone", "alert_threshold", "share_severity"},
    "alerts": {"severity"},
    "attachments": {"audience", "sha256"},
    "audit_lines": {"actor_kind", "action", "object_kind"},
    "connections": {"slug", "connector", "side", "token_digest"},
    "counters": {"name"},
    "deliveries": {"kind", "order_key", "unique_key", "state"},
    "entries": {"kind", "weight", "audience", "actor_kind", "channel", "direction", "salt", "digest"},
    "hub_settings": {"key"},
    "people": {"kind", "language", "zone"},
    "rate_windows": {"key"},
    "seen_mails": {"digest"},
    "account_heads": {"language"},
    "assignments": {"role", "zone"},
    "cases": {"number", "case_type", "state", "wait_reason", "impact", "urgency", "priority"}
    | {"correlation_key"},
    "connection_states": {"cursor"},
    "contact_points": {"kind"},
    "directory_records": {"kind", "external_id"},
    "duties": {"role"},
    "form_keys": {"key"},
    "health_events": {"kind"},
    "identities": {"issuer", "subject", "password_hash"},
    "link_updates": {"external_id", "update_id", "origin", "content_hash"},
    "links": {"external_id", "object_kind", "version", "origin"},
    "notices": {"event", "kind"},
    "quarantine": {"kind"},
    "signals": {"natural_key", "state", "severity"},
    "sites": {"zone"},
    "staff_roles": {"role"},
    "teams": {"slug", "kind", "zone", "language"},
    "web_sessions": {"token_digest", "issuer"},
    "services": {"share_severity"},
    "work_orders": {"number", "state"},
    "identifiers": {"audience"},
}  # fmt: skip
FACTS = {"entries.data", "signals.labels", "duties.reach"}
"""JSON columns whose texts people or far sides wrote."""


SHOWN_NOWHERE = {
    *("accounts.external_key", "people.external_key", "services.external_key", "sites.external_key"),
    *(
        "contact_points.normalised",
        "attachments.media_type",
        "quarantine.content_type",
        "web_sessions.user_agent",
    ),
    *("quarantine.outcome", "signals.link", "signals.severity_text", "links.url"),
    *("entries.sentence", "work_orders.text"),  # told by the facts and the text of an entry
    *("assignments.reach_email", "assignments.reach_phone"),  # told by the ledger of duties
}
SAMPLES = {
    "email": "someone@else.example",
    "phone": "+49 40 555 0199",
    "reach_email": "team@elbe.example",
    "reach_phone": "+49 40 555 0142",
    "value": "nobody@else.example",
    "options": "",
    "status_map": "",
    "allowed_networks": "",
    "current": PASSWORD,
    "prefix": "NEWP",
    "slug": "new-place",
    "begins": "09:00",
    "ends": "17:00",
    "login": "someone@else.example",
    "password": "a long enough one",
}
PICKED = ("hidden", "checkbox", "file")
NOT_OFFERED = {
    *(("MapSignal", "account"), ("MapSignal", "identifier")),  # looked up, in a form that only a search shows
    # What the forms of contacts and of the last resort share; each of them is filled as itself.
    *(("Reach", "reach_name"), ("Reach", "reach_phone"), ("Reach", "reach_email")),
}


def typed_columns() -> Iterator[tuple[Table, Column[Any]]]:
    """Every column that may hold what a person, a mail or a far side wrote."""
    for table in METADATA.sorted_tables:
        for column in table.columns:
            known = column.name in NOT_TYPED.get(table.name, ())
            if (isinstance(column.type, String) and not column.foreign_keys and not known) or (
                isinstance(column.type, JSON) and str(column) in FACTS
            ):
                yield table, column


def hostile(column: Column[Any], number: int) -> str:
    """A script that says where it came from, cut to what the column takes."""
    return f'"><script>{column}#{number}</script>'[: getattr(column.type, "length", None)]


def poisoned(value: Any, script: str) -> Any:
    """The same JSON with the script in every text that is no word of programs."""
    if isinstance(value, dict):
        return {key: poisoned(item, script) for key, item in value.items()}
    if isinstance(value, list):
        return [poisoned(item, script) for item in value]
    return script if isinstance(value, str) else value


def poison(hub: Hub) -> None:
    """Put script into every typed column of every row."""
    owner = create_engine(hub.db.url)  # on PostgreSQL the running hub may not change all of it
    with owner.begin() as connection:
        for table, column in typed_columns():
            keys = list(table.primary_key.columns)
            for number, row in enumerate(connection.execute(select(*keys, column)).all()):
                script, old = hostile(column, number), row[-1]
                new = poisoned(old, script) if isinstance(column.type, JSON) else script
                where = [key == value for key, value in zip(keys, row, strict=False)]
                connection.execute(update(table).where(*where).values({column.name: new}))
    owner.dispose()


@pytest.mark.usefixtures("lively")
def test_script_in_every_column_is_shown_as_text(hub: Hub, browse: Browse) -> None:
    browsers = {login: browse(login) for login in STARTS}
    with hub.db.write() as session:
        monitor = connections.find(session, "alertmanager")
        connections.health_event(session, monitor.id, "too_large", "A body was refused.")
    poison(hub)
    typed, seen = {str(column) for _, column in typed_columns()}, set()
    for login, browser in browsers.items():
        for address, shown in pages_from(browser, STARTS[login]).items():
            check(address, shown)
            words = unescape(shown.html)
            seen |= {column for column in typed if f"<script>{column}"[:36] in words}
    assert typed - seen == SHOWN_NOWHERE


class Takings:
    """Which fields were sent script and had it taken, or refused with words at that very field.

    So has every field of a form that is refused as a whole, because its case changed meanwhile.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.tried: set[tuple[str, str]] = set()
        self.errors: dict[str, str] = {}
        act = Form.act

        def watched(form: Form[Any], verb: Any, *checks: Any) -> Any:
            sent = {name for name in form.model.model_fields if SCRIPT in request.form.get(name, "")}
            try:
                answer = act(form, verb, *checks)
            finally:
                self.errors = form.errors
                sent &= set(form.errors) if any(form.errors) else sent
                self.tried |= {(form.model.__name__, name) for name in sent}
            return answer

        monkeypatch.setattr(Form, "act", watched)


def text_fields() -> set[tuple[str, str]]:
    """(model, field) of every text of every form."""
    models, found = [Fields], set()
    while models:
        model = models.pop()
        models += model.__subclasses__()
        names = (name for name, info in model.model_fields.items() if info.annotation is str)
        found |= {(model.__name__, name) for name in names if name != "form_key"}
    return found


def sample(field: dict[str, Any], attempt: int = 0) -> str:
    """Something sensible, where script was refused; of choices another one at each attempt."""
    if field["type"] == "select":
        options = [str(value) for value in field["options"] if value] or [""]
        return options[attempt % len(options)]
    if field["type"] == "datetime-local":
        days = 2 if field["name"] in ("ends_at", "valid_until") else 1
        return f"{clock.now() + timedelta(days=days):%Y-%m-%dT%H:%M}"
    if field["type"] == "number":
        return "1"
    return str(field["value"] or SAMPLES.get(field["name"], "Some words"))


def forms_of(browser: Browser, starts: tuple[str, ...]) -> list[tuple[str, str, dict[str, Any]]]:
    """(page, action, form) of every form with something to type that one can reach; new passwords last."""
    found: dict[tuple[str, ...], tuple[str, str, dict[str, Any]]] = {}
    for address, shown in pages_from(browser, starts).items():
        for form in shown.forms:
            action = urldefrag(urljoin(address, form["action"])).url
            typed = any(field["type"] not in PICKED for field in form["fields"])
            if form["method"] == "post" and typed:
                found.setdefault(
                    (action, *(field["name"] for field in form["fields"])), (address, action, form)
                )
    return sorted(
        found.values(), key=lambda each: (each[1].endswith("/password"), each[1] == "/auth/password")
    )


def fill(browser: Browser, takings: Takings, action: str, form: dict[str, Any]) -> Any:
    """Send a form with script in every field, then with script only where it was not refused."""
    fields = {field["name"]: field for field in form["fields"]}
    data = {name: sample(field) if field["type"] in PICKED else SCRIPT for name, field in fields.items()}
    for attempt in range(8):
        takings.errors = {}
        answer = browser.client.post(action, data=data)
        if answer.status_code not in (404, 422):
            break
        check(action, Shown(answer.text))
        # A case or an account that is named by script is not there.
        named = [name for name in fields if fields[name]["type"] == "select" and answer.status_code == 404]
        wrong = [name for name in (*takings.errors, *named) if name in fields]
        if not wrong:
            break
        data |= {name: sample(fields[name], attempt) for name in wrong}
    return answer


@pytest.mark.usefixtures("lively")
def test_script_in_every_field_of_every_form_is_taken_or_refused_there(
    browse: Browse, monkeypatch: pytest.MonkeyPatch
) -> None:
    takings = Takings(monkeypatch)
    rounds = {"": ("/auth/login",), **STARTS}
    # Administrators come last: what they change decides what the others may.
    for login, starts in sorted(rounds.items(), key=lambda each: each[0].startswith("rita")):
        browser = browse(login)
        for address, action, form in forms_of(browser, starts):
            answer = fill(browser, takings, action, form)
            check(action, Shown(answer.text))
            if action.endswith("/password"):
                continue  # a new password of one's own ends the session
            # Refused at last is only what another form changed meanwhile, or a case that is not there.
            gone = answer.status_code == 404 and browser.get(address).status_code == 404
            assert gone or answer.status_code in (200, 303, 401, 409, 422), action
            assert "/auth/login" not in answer.headers.get("Location", ""), action
    missing = text_fields() - takings.tried - NOT_OFFERED
    assert missing == set()
