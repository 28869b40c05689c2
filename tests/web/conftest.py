"""People at their browsers."""

from collections.abc import Callable

import pytest
from flask import Flask
from jinja2 import BytecodeCache

from hub.app import create_app
from hub.flows.runtime import Hub
from hub.testing.pages import Browser
from hub.testing.world import PASSWORD, World


@pytest.fixture
def app(hub: Hub, world: World, compiled_templates: BytecodeCache) -> Flask:
    made = create_app(hub)
    made.jinja_env.bytecode_cache = compiled_templates
    return made


@pytest.fixture
def browse(app: Flask) -> Callable[[str], Browser]:
    """`browse("kim@elbe.example")`: a browser in which that person is signed in; "" for nobody."""

    def open_browser(login: str = "") -> Browser:
        browser = Browser(app)
        if login:
            assert browser.sign_in(login, PASSWORD).status_code == 303
        return browser

    return open_browser


@pytest.fixture
def kim(browse: Callable[[str], Browser]) -> Browser:
    """Nordwind's contact."""
    return browse("kim@elbe.example")


@pytest.fixture
def petra(browse: Callable[[str], Browser], world: World) -> Browser:
    """Nordwind's own."""
    return browse(world.nordwind.login)


@pytest.fixture
def rita(browse: Callable[[str], Browser]) -> Browser:
    """Admin and lead."""
    return browse("rita@elbe.example")
