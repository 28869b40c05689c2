"""People at their browsers."""

from collections.abc import Callable

import pytest
from flask import Flask
from jinja2 import BytecodeCache

from hub.app import create_app
from hub.flows.runtime import Hub
from hub.testing.pages import Browser
from hub.testing.world import World


@pytest.fixture(scope="session")
def around() -> list[Flask]:
    """The pages of this test run: made around the first hub, then handed from hub to hub."""
    return []


@pytest.fixture
def app(hub: Hub, world: World, around: list[Flask]) -> Flask:
    """The pages around the hub under test. A test that adds routes of its own takes `own_app`."""
    if not around:
        around.append(create_app(hub))
    around[0].extensions["hub"] = hub
    return around[0]


@pytest.fixture
def own_app(hub: Hub, world: World, compiled_templates: BytecodeCache) -> Flask:
    """Pages that no other test sees."""
    made = create_app(hub)
    made.jinja_env.bytecode_cache = compiled_templates
    return made


@pytest.fixture
def browse(app: Flask) -> Callable[[str], Browser]:
    """`browse("kim@elbe.example")`: a browser in which that person is signed in; "" for nobody."""

    def open_browser(login: str = "") -> Browser:
        browser = Browser(app)
        if login:
            browser.enter(login)
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
