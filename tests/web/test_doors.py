"""What guards every page: tokens of forms, origins, headers, one transaction a request."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import create_engine, func, select, text
from structlog.testing import capture_logs

from hub.app import create_app, create_hub
from hub.base.db import RowScope
from hub.base.shape import heads
from hub.domain.accounts import Account
from hub.domain.timeline import ENTRIES
from hub.flows.runtime import Hub
from hub.testing.pages import Browser
from hub.testing.world import World
from hub.web import doors

Browse = Callable[..., Browser]
NEW = "/desk/nordwind/cases/new"
CASE = {"title": "A door is stuck", "case_type": "incident", "impact": "low", "urgency": "low"}


@pytest.fixture
def app(own_app: Flask) -> Flask:
    """Routes are added here, which no other test may meet."""
    return own_app


def entries(hub: Hub, world: World) -> int:
    with hub.db.read() as session:
        query = select(func.count()).where(ENTRIES.c.account_id == world.nordwind.account)
        return session.scalars(query).one()


def test_a_form_needs_the_token_of_this_session(kim: Browser, browse: Browse, hub: Hub, world: World):
    before = entries(hub, world)
    foreign = browse("dana@elbe.example").token()
    for token in ("", "rubbish", "AAAA", foreign):
        answer = kim.client.post(NEW, data={**CASE, "csrf_token": token})
        assert answer.status_code == 403
    assert entries(hub, world) == before
    assert kim.post(NEW, CASE).status_code == 303


def test_signing_in_needs_a_token_too(app: Flask):
    data = {"login": "kim@elbe.example", "password": "x"}
    assert app.test_client().post("/auth/login", data=data).status_code == 403


@pytest.mark.parametrize(
    "headers",
    [{"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "https://evil.example"}],
)
def test_a_form_from_another_site_is_refused(kim: Browser, headers: dict[str, str]):
    assert kim.post(NEW, CASE, headers=headers).status_code == 403


@pytest.mark.parametrize("headers", [{"Sec-Fetch-Site": "same-origin", "Origin": "http://localhost"}, {}])
def test_a_form_of_our_own_page_is_taken(kim: Browser, headers: dict[str, str]):
    assert kim.post(NEW, CASE, headers=headers).status_code == 303


def test_every_answer_says_what_a_page_may_do(kim: Browser, app: Flask):
    for answer in (kim.get("/desk"), kim.get("/nowhere"), app.test_client().get("/auth/login")):
        policy = answer.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'")
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "no-store"
        assert "Referrer-Policy" in answer.headers
        assert "Permissions-Policy" in answer.headers


PROTECTION = (
    *("Content-Security-Policy", "X-Content-Type-Options", "Referrer-Policy", "Permissions-Policy"),
    *("Cross-Origin-Opener-Policy", "Cross-Origin-Resource-Policy", "Cache-Control"),
)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 302),
        ("HEAD", "/auth/login", 200),
        ("GET", "/desk", 302),
        ("GET", "/static/layout.css", 200),
        ("GET", "/static/nothing.css", 404),
        ("GET", "/healthz", 200),
        ("POST", "/in/nobody", 401),
        ("GET", "/in/nobody", 405),
        ("TRACE", "/", 405),
    ],
)
def test_no_answer_goes_without_its_protection(app: Flask, method: str, path: str, status: int):
    answer = app.test_client().open(path, method=method)
    assert answer.status_code == status
    assert [len(answer.headers.getlist(name)) for name in PROTECTION] == [1] * len(PROTECTION)


def test_a_page_that_broke_and_one_that_is_known_are_protected_too(own_app: Flask):
    @own_app.get("/test/broken")
    def broken() -> str:
        raise RuntimeError("broken")

    client = own_app.test_client()
    tag = client.get("/static/layout.css").headers["ETag"]
    known = client.get("/static/layout.css", headers={"If-None-Match": tag})
    for answer, status in ((client.get("/test/broken"), 500), (known, 304)):
        assert answer.status_code == status
        assert [len(answer.headers.getlist(name)) for name in PROTECTION] == [1] * len(PROTECTION)


def test_static_files_are_kept_for_good_under_the_name_of_their_content(app: Flask):
    client = app.test_client()
    version = app.extensions["asset_version"]
    assert f"/static/layout.css?v={version}" in client.get("/auth/login").text
    assert "immutable" in client.get(f"/static/layout.css?v={version}").headers["Cache-Control"]
    assert "immutable" not in client.get("/static/layout.css?v=old").headers["Cache-Control"]
    assert "--brand" in client.get("/brand.css").text


def test_an_answer_of_400_and_more_leaves_nothing_behind(app: Flask, hub: Hub, world: World):
    @app.post("/test/half")
    def half() -> tuple[str, int]:
        doors.door().rescope(RowScope("staff", world.rita))
        doors.session().get_one(Account, world.nordwind.account).name = "Changed"
        doors.session().flush()
        return "no", 409

    assert app.test_client().post("/test/half").status_code == 409
    with hub.db.read() as session:
        assert session.get_one(Account, world.nordwind.account).name == "Nordwind"


def test_a_row_that_changed_meanwhile_is_a_conflict(app: Flask, hub: Hub, world: World):
    @app.post("/test/stale")
    def stale() -> str:
        doors.door().rescope(RowScope("staff", world.rita))
        account = doors.session().get_one(Account, world.nordwind.account)
        doors.session().connection().exec_driver_sql("UPDATE accounts SET version = version + 1")
        account.name = "Mine"
        return "ok"

    answer = app.test_client().post("/test/stale")
    assert answer.status_code == 409
    assert "Someone else changed this" in answer.text


def test_a_row_that_another_request_made_first_is_a_conflict(app: Flask, hub: Hub, world: World):
    @app.post("/test/taken")
    def taken() -> str:
        doors.door().rescope(RowScope("staff", world.rita))
        account = doors.session().get_one(Account, world.nordwind.account)
        account.slug = doors.session().get_one(Account, world.bolt.account).slug
        return "ok"

    with capture_logs() as logs:
        assert app.test_client().post("/test/taken").status_code == 409
    assert logs == []


@pytest.mark.parametrize(
    "change",
    ["UPDATE accounts SET name = NULL", "UPDATE accounts SET parent_id = '00000000000000000000000000000001'"],
)
def test_a_row_that_we_got_wrong_is_a_failure_of_ours_and_logged(
    app: Flask, hub: Hub, world: World, change: str
):
    @app.post("/test/wrong")
    def wrong() -> str:
        doors.door().rescope(RowScope("staff", world.rita))
        doors.session().execute(text(change))
        return "ok"

    with capture_logs() as logs:
        answer = app.test_client().post("/test/wrong")
    assert answer.status_code == 500
    assert "Someone else" not in answer.text
    assert [each["error"] for each in logs if each["event"] == "web.error"] == ["IntegrityError"]


def test_a_page_reads_and_never_writes(app: Flask, hub: Hub, world: World):
    @app.get("/test/reader")
    def reader() -> str:
        doors.door().rescope(RowScope("staff", world.rita))
        doors.session().get_one(Account, world.nordwind.account).name = "Changed"
        doors.session().flush()
        return "ok"

    # SQLite forgets it at the end, PostgreSQL refuses it at once.
    expected = 500 if hub.db.dialect == "postgresql" else 200
    assert app.test_client().get("/test/reader").status_code == expected
    with hub.db.read() as session:
        assert session.scalar(select(func.count()).where(Account.name == "Changed")) == 0


def test_behind_a_proxy_the_sender_is_who_the_proxy_says(hub: Hub, world: World):
    def seen(proxies: int) -> str:
        other = create_hub(replace(hub.settings, trusted_proxies=proxies))
        app = create_app(other)
        app.add_url_rule("/test/sender", "sender", doors.sender_digest)
        text = app.test_client().get("/test/sender", headers={"X-Forwarded-For": "192.0.2.7"}).text
        other.close()
        return text

    assert seen(0) != seen(1)


def test_staff_pages_do_not_exist_for_customers_and_administration_is_forbidden_to_us(
    kim: Browser, petra: Browser
):
    assert petra.get("/desk").status_code == 404
    assert petra.get("/desk/nordwind").status_code == 404
    assert petra.get("/admin").status_code == 404
    assert petra.get("/portal/bolt").status_code == 404
    assert kim.get("/admin").status_code == 403
    assert kim.get("/portal/nordwind").status_code == 404


def test_the_process_and_its_database_can_be_asked_how_they_are(app: Flask, hub: Hub):
    client = app.test_client()
    assert client.get("/healthz").text == "ok\n"
    assert client.get("/readyz").status_code == 200


def test_with_migrations_missing_or_too_new_a_process_lives_but_is_not_ready(app: Flask, hub: Hub):
    client = app.test_client()
    owner = create_engine(hub.settings.database_url)
    for version, status in (("9999", 503), (min(heads()), 200)):
        with owner.begin() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = :v"), {"v": version})
        assert client.get("/readyz").status_code == status
        assert client.get("/healthz").status_code == 200
    owner.dispose()


def test_without_its_tables_a_process_lives_but_is_not_ready(hub: Hub, tmp_path: Path):
    other = create_hub(replace(hub.settings, database_url=f"sqlite:///{tmp_path}/empty.sqlite"))
    client = create_app(other).test_client()
    assert client.get("/healthz").status_code == 200
    assert client.get("/readyz").status_code == 503
    other.close()
