"""Everything is put together here: the hub without Flask, then the pages around it."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import structlog
from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from hub.base.crypto import Keyring
from hub.base.db import Database
from hub.config import Settings
from hub.flows import orders, post, sync, tell
from hub.flows.runtime import Hub
from hub.plugin import registry
from hub.plugin.outward import Outward
from hub.plugin.registry import Registry
from hub.web import doors, errors, filters, headers, pages
from hub.web.rooms import ROOMS


def create_hub(
    settings: Settings, *, plugins: Sequence[tuple[str, object]] = (), loaded: Registry | None = None
) -> Hub:
    """The hub of this process: database, keys, plugins. Workers and commands need no more than this.

    `plugins` (name, module or object) come beside those found by entry points (tests, embedding); `loaded`
    stands for all of them where another hub of this process has loaded them already.
    """
    database = Database(
        settings.database_url, pool_size=settings.pool_size, synchronous=settings.sqlite_synchronous
    )
    return Hub(
        settings=settings,
        db=database,
        keyring=Keyring(settings.secret_key),
        registry=loaded or registry.load(blocked=frozenset(settings.blocked_plugins), extra=plugins),
        outward=Outward(structlog.get_logger()),
        handlers={**tell.HANDLERS, **post.HANDLERS, **sync.HANDLERS, **orders.HANDLERS},
    )


_PACKAGE = Path(__file__).parent


def create_app(hub: Hub) -> Flask:
    """The pages around a hub: doors, headers, errors, filters, and one room per audience."""
    static = _PACKAGE / "web" / "static"
    app = doors.HubApp(__name__, static_folder=str(static), static_url_path="/static")
    app.template_folder = str(_templates())
    app.extensions["hub"] = hub
    app.extensions["asset_version"] = headers.static_version(static)
    app.config.update(_configuration(hub.settings))
    app.secret_key = hub.keyring.sign("flask", b"messages between two pages", 32).hex()
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = False
    for part in (doors, headers, errors, filters, pages):
        part.install(app)
    for room in ROOMS:
        app.register_blueprint(room)
    if proxies := hub.settings.trusted_proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=proxies, x_proto=proxies, x_host=proxies)  # type: ignore[method-assign]
    return app


def _templates() -> Path:
    """In the wheel the templates ship inside the package; in a checkout they stand beside it."""
    inside = _PACKAGE / "templates"
    return inside if inside.is_dir() else _PACKAGE.parent / "templates"


def _configuration(settings: Settings) -> dict[str, object]:
    prefix = "__Host-" if settings.secure_cookies else ""
    return {
        "MAX_CONTENT_LENGTH": settings.max_upload_bytes + 1024 * 1024,
        "MAX_FORM_MEMORY_SIZE": 2 * 1024 * 1024,
        # Flask's own cookie carries nothing but the messages between two pages.
        "SESSION_COOKIE_NAME": f"{prefix}hub_messages",
        "SESSION_COOKIE_SECURE": settings.secure_cookies,
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "SESSION_COOKIE_PATH": "/",
        "PERMANENT_SESSION_LIFETIME": timedelta(hours=settings.session_hours),
    }
