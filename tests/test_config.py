"""Settings come from the environment and a file; a mistake is named, and secrets stay out of sight."""

from pathlib import Path

import pytest

from hub.base.errors import Misconfigured
from hub.config import Settings, load, strangers

KEY = "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3I="


def test_defaults_need_nothing():
    assert load({}) == Settings()


def test_environment_wins_over_the_file(tmp_path: Path):
    file = tmp_path / "hub.toml"
    file.write_text('port = 8001\nprovider_name = "Northlink"\nallowed_networks = ["10.0.0.0/8"]\n')
    settings = load({"HUB_PORT": "9000"}, file)
    assert (settings.port, settings.provider_name) == (9000, "Northlink")
    assert settings.allowed_networks == ("10.0.0.0/8",)


def test_hub_config_names_the_file(tmp_path: Path):
    file = tmp_path / "hub.toml"
    file.write_text("processes = 3\n")
    assert load({"HUB_CONFIG": str(file)}).processes == 3


def test_base_url_follows_host_and_port_and_cookies_follow_the_base_url():
    assert load({"HUB_PORT": "8123"}).base_url == "http://127.0.0.1:8123"
    assert load({"HUB_HOST": "::1"}).base_url == "http://[::1]:8000"
    assert not load({}).secure_cookies
    assert load({"HUB_BASE_URL": "https://hub.example.net"}).secure_cookies
    assert not load({"HUB_BASE_URL": "https://hub.example.net", "HUB_SECURE_COOKIES": "0"}).secure_cookies


def test_lists_are_separated_by_commas_in_the_environment():
    assert load({"HUB_BLOCKED_PLUGINS": "mail, alertmanager,"}).blocked_plugins == ("mail", "alertmanager")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HUB_PORT", "http"),
        ("HUB_PORT", "70000"),
        ("HUB_SECURE_COOKIES", "perhaps"),
        ("HUB_BASE_URL", "hub.example.net"),
        ("HUB_BASE_URL", "https://hub.example.net/sub"),
        ("HUB_BASE_URL", "https://[::1"),
        ("HUB_BASE_URL", "https://hub.example.net:99999"),
        ("HUB_BASE_URL", "https://hub.example.net:0"),
        ("HUB_BASE_URL", "https://hub.example.net?a=b"),
        ("HUB_BASE_URL", "https://hub.example.net?"),
        ("HUB_BASE_URL", "https://hub.example.net#top"),
        ("HUB_BASE_URL", "https://rita:hunter2@hub.example.net"),
        ("HUB_BASE_URL", " https://hub.example.net"),
        ("HUB_BASE_URL", "https://hub example.net"),
        ("HUB_DATABASE_URL", "mysql://somewhere"),
        ("HUB_DATABASE_URL", "postgresql+psycopg://hub@db:abc/hub"),
        ("HUB_DATABASE_URL", "postgresql+psycopg://hub:p:1/x@db:70000/hub"),
        ("HUB_DATABASE_URL", "sqlite://"),
        ("HUB_DATABASE_URL", "sqlite:///"),
        ("HUB_DATABASE_URL", "sqlite://hub.sqlite"),
        ("HUB_DATABASE_URL", "sqlite:///:memory:"),
        ("HUB_DATABASE_URL", "sqlite:///file:hub?mode=memory&uri=true"),
        ("HUB_HOST", "localhost"),
        ("HUB_HOST", ""),
        ("HUB_HOST", "[::1]"),
        ("HUB_MAIL_DOMAIN", "a..b"),
        ("HUB_MAIL_DOMAIN", "-a.example"),
        ("HUB_MAIL_DOMAIN", "a." * 130 + "b"),
        ("HUB_INSTANCE", "a..b"),
        ("HUB_INSTANCE", "hub."),
        ("HUB_INSTANCE", "h" * 32),
        ("HUB_INSTANCE", "Our Hub"),
        ("HUB_PROVIDER_COLOUR", "blue"),
        ("HUB_ALLOWED_NETWORKS", "10.0.0.0/8,everywhere"),
        ("HUB_SQLITE_SYNCHRONOUS", "OFF"),
        ("HUB_LOG_LEVEL", "loud"),
    ],
)
def test_a_bad_value_is_named(name: str, value: str):
    with pytest.raises(Misconfigured, match=name):
        load({name: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HUB_BASE_URL", "https://[2001:db8::1]:8443"),
        ("HUB_BASE_URL", "HTTP://hub:80"),
        ("HUB_DATABASE_URL", "sqlite:///hub.sqlite"),
        ("HUB_DATABASE_URL", "postgresql+psycopg://hub:a/b?c#d:e@db.example.net:5433/hub?sslmode=require"),
        ("HUB_DATABASE_URL", "postgresql+psycopg://hub@[::1]:5432/hub"),
        ("HUB_DATABASE_URL", "postgresql+psycopg:///hub?host=/run/postgresql"),
        ("HUB_DATABASE_URL", "postgresql+psycopg://"),
        ("HUB_HOST", "::"),
        ("HUB_MAIL_DOMAIN", "mail-1.hub.example.net"),
        ("HUB_INSTANCE", "h" * 31),
        ("HUB_INSTANCE", "hub.north-1"),
    ],
)
def test_a_good_value_is_taken(name: str, value: str):
    assert getattr(load({name: value}), name.removeprefix("HUB_").lower()) == value


def test_an_unknown_key_of_the_file_is_named_with_the_nearest_one(tmp_path: Path):
    file = tmp_path / "hub.toml"
    file.write_text('databse_url = "sqlite:///x"\n')
    with pytest.raises(Misconfigured, match=r"databse_url.*did you mean 'database_url'"):
        load({}, file)


@pytest.mark.parametrize(
    "line", ['port = "8000"', "secure_cookies = 1", "blocked_plugins = 'mail'", "port = true"]
)
def test_a_wrong_type_in_the_file_is_named(tmp_path: Path, line: str):
    file = tmp_path / "hub.toml"
    file.write_text(line)
    with pytest.raises(Misconfigured, match=line.split()[0]):
        load({}, file)


def test_a_broken_or_missing_file_is_named(tmp_path: Path):
    file = tmp_path / "hub.toml"
    with pytest.raises(Misconfigured, match="cannot be read"):
        load({}, file)
    file.write_text("port = = 1")
    with pytest.raises(Misconfigured, match="is not TOML"):
        load({}, file)


def test_secrets_are_in_no_repr_and_no_error():
    settings = load({"HUB_SECRET_KEY": KEY, "HUB_DATABASE_URL": "postgresql+psycopg://hub:hunter2@db/hub"})
    assert settings.secret_key == KEY
    assert KEY not in repr(settings)
    assert "hunter2" not in repr(settings)
    with pytest.raises(Misconfigured) as caught:
        load({"HUB_DATABASE_URL": "mysql://hub:hunter2@db/hub"})
    assert "hunter2" not in str(caught.value)
    with pytest.raises(Misconfigured) as caught:
        load({"HUB_BASE_URL": "https://rita:hunter2@hub.example.net"})
    assert "hunter2" not in str(caught.value)


def test_a_mistyped_variable_is_found():
    environ = {"HUB_SECRETKEY": KEY, "HUB_PORT": "1", "HUB_TEST_DATABASE": "x", "HUB_CONFIG": "", "HOME": "/"}
    assert strangers(environ) == {"HUB_SECRETKEY": "HUB_SECRET_KEY"}
