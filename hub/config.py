"""Settings: one frozen object, read from the environment and an optional TOML file."""

import difflib
import ipaddress
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import Field, dataclass, field, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from hub.base.errors import Misconfigured

PREFIX = "HUB_"
CONFIG = "HUB_CONFIG"
_NOT_SETTINGS = ("HUB_CONFIG", "HUB_REQUIRE_REAL", "HUB_TEST_")
_WORDS = {
    "1": True,
    "true": True,
    "yes": True,
    "on": True,
    "0": False,
    "false": False,
    "no": False,
    "off": False,
}

_LABEL = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"

# As the database's own library takes it apart: a password may hold all but an @.
_POSTGRESQL = re.compile(
    r"postgresql\+psycopg://(?:[^:/]*(?::[^@]*)?@)?(?:\[[^/?]+\]|[^/:?]*)(?::(?P<port>[^/?]*))?(?:[/?].*)?"
)

Check = Callable[[Any], str | None]


def _between(low: int, high: int) -> Check:
    return lambda value: None if low <= value <= high else f"must be between {low} and {high}"


def _one_of(*allowed: str) -> Check:
    return lambda value: None if value in allowed else f"must be one of {', '.join(allowed)}"


def _matches(pattern: str, wish: str) -> Check:
    return lambda value: None if re.fullmatch(pattern, value) else wish


def _database(value: str) -> str | None:
    if value.startswith("sqlite:"):
        named = re.fullmatch(r"sqlite:///(?!:memory:|file:)[^?]+", value)
        return None if named else "must name a file, like sqlite:////var/lib/hub/hub.sqlite"
    parts = _POSTGRESQL.fullmatch(value)
    if not parts:
        return "must start with sqlite:/// or postgresql+psycopg://"
    port = parts["port"] or "5432"
    return None if port.isdecimal() and 0 < int(port) < 65536 else "has a port that is no number up to 65535"


def _address(value: str) -> str | None:
    try:
        parts = urlsplit(value)
        bare = re.fullmatch(r"(?i:https?)://[^\s@]+", value) and value.endswith(f"://{parts.netloc}")
        plain = bare and parts.hostname and parts.port != 0
    except ValueError:
        plain = False
    wish = "must be the public address, like https://hub.example.net, without path, query, user and password"
    return None if plain else wish


def _listens(value: str) -> str | None:
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return "must be an IP address, like 127.0.0.1 for this machine alone or 0.0.0.0 for all that reach it"
    return None


def _networks(value: tuple[str, ...]) -> str | None:
    for item in value:
        try:
            ipaddress.ip_network(item)
        except ValueError:
            return f"holds {item!r}, which is no network like 10.1.0.0/16"
    return None


def _setting(default: Any, text: str, check: Check | None = None, *, secret: bool = False) -> Any:
    return field(default=default, repr=not secret, metadata={"help": text, "check": check, "secret": secret})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything an operator may set; `docs/operations.md` has the same list, and a test compares them."""

    database_url: str = _setting(
        "sqlite:///hub.sqlite",
        "Where the data is: sqlite:///file, or postgresql+psycopg://user:password@host/name.",
        _database,
        secret=True,
    )
    secret_key: str = _setting(
        "",
        "Key of all stored secrets and signatures, made by `hub key`. Keep a copy outside the hub.",
        secret=True,
    )
    base_url: str = _setting(
        "http://127.0.0.1:8000",
        "Address under which people reach the hub, for links in mails. Unset: made of host and port.",
        _address,
    )
    instance: str = _setting(
        "hub",
        "Short name of this hub in Message-IDs and reply addresses (instance+token@mail_domain).",
        _matches(
            r"(?!.{32})[a-z0-9][a-z0-9-]*(\.[a-z0-9-]+)*", "must be a short name of a-z, 0-9, dot and dash"
        ),
    )
    mail_domain: str = _setting(
        "localhost",
        "Domain of reply addresses: mail to instance+anything at it must reach the hub's mailbox.",
        _matches(rf"(?!.{{254}}){_LABEL}(\.{_LABEL})*", "must be a domain like hub.example.net"),
    )
    provider_name: str = _setting(
        "Contact Hub", "Your company's name as customers read it.", _matches(r".*\S.*", "must be a name")
    )
    provider_colour: str = _setting(
        "#0f5c6e",
        "Your company's colour, #rrggbb; the pages derive readable shades from it.",
        _matches(r"#[0-9a-fA-F]{6}", "must be a colour like #0f5c6e"),
    )
    host: str = _setting(
        "127.0.0.1", "Address to listen on; put a TLS proxy in front before you open it.", _listens
    )
    port: int = _setting(8000, "Port to listen on.", _between(1, 65535))
    processes: int = _setting(
        0, "Web processes of `hub serve`; 0: one for each core, up to 4.", _between(0, 64)
    )
    session_hours: int = _setting(12, "Hours after which a sign-in ends.", _between(1, 720))
    secure_cookies: bool = _setting(
        False, "Send cookies over HTTPS only. Unset: yes when base_url starts with https."
    )
    trusted_proxies: int = _setting(
        0, "How many proxies in front of the hub set X-Forwarded-For.", _between(0, 10)
    )
    sqlite_synchronous: str = _setting(
        "FULL",
        "SQLite's durability: FULL loses nothing when power fails; NORMAL is faster and may.",
        _one_of("FULL", "NORMAL"),
    )
    pool_size: int = _setting(
        5,
        "Kept database connections of each process and pool (PostgreSQL has three); more open when needed.",
        _between(1, 100),
    )
    blocked_plugins: tuple[str, ...] = _setting((), "Names of plugins that are not loaded.")
    allowed_networks: tuple[str, ...] = _setting(
        (),
        "Private networks that every connection may call; one connection's own list adds to it.",
        _networks,
    )
    max_upload_bytes: int = _setting(
        25 * 1024 * 1024, "Largest file that a page takes, in bytes.", _between(1024, 1024**3)
    )
    log_level: str = _setting(
        "info", "How much is logged.", _one_of("debug", "info", "warning", "error", "critical")
    )
    log_format: str = _setting("text", "Shape of log lines.", _one_of("text", "json"))


def load(environ: Mapping[str, str], toml_path: Path | None = None) -> Settings:
    """The settings of a file (`toml_path`, else the path in HUB_CONFIG) and, above it, of HUB_* variables.

    Raises `Misconfigured` naming the setting, where it came from and what it must be.
    """
    path = toml_path or (Path(environ[CONFIG]) if environ.get(CONFIG) else None)
    given = _from_file(path) if path else {}
    for item in fields(Settings):
        if (text := environ.get(variable(item.name))) is not None:
            given[item.name] = _from_text(item, text)
    for item in fields(Settings):
        if item.name in given:
            _checked(item, given[item.name])
    return Settings(**(_derived(given) | given))


def variable(name: str) -> str:
    """The environment variable of a setting."""
    return PREFIX + name.upper()


def strangers(environ: Mapping[str, str]) -> dict[str, str]:
    """HUB_* variables that are no setting (a typo changes nothing silently): name -> nearest known one."""
    known = [variable(item.name) for item in fields(Settings)]
    found = [
        name
        for name in environ
        if name.startswith(PREFIX) and name not in known and not name.startswith(_NOT_SETTINGS)
    ]
    return {name: _nearest(name, known) for name in sorted(found)}


def _derived(given: Mapping[str, Any]) -> dict[str, Any]:
    """Defaults that follow from other settings."""
    host, port = given.get("host", Settings().host), given.get("port", Settings().port)
    shown = f"[{host}]" if ":" in host else host
    base_url = given.get("base_url", f"http://{shown}:{port}")
    return {"base_url": base_url, "secure_cookies": base_url.startswith("https://")}


def _from_file(path: Path) -> dict[str, Any]:
    try:
        given = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise Misconfigured(f"The configuration file {path} cannot be read: {error.strerror}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Misconfigured(f"The configuration file {path} is not TOML: {error}.") from None
    known = {item.name: item for item in fields(Settings)}
    for key in given:
        if key not in known:
            hint = _nearest(key, list(known))
            raise Misconfigured(
                f"{path} sets {key!r}, which is no setting{f' (did you mean {hint!r}?)' if hint else ''}. "
                "docs/operations.md lists them all."
            )
    return {key: _from_toml(known[key], value, path) for key, value in given.items()}


def _nearest(word: str, known: list[str]) -> str:
    return next(iter(difflib.get_close_matches(word, known, 1)), "")


def _from_toml(item: "Field[Any]", value: Any, path: Path) -> Any:
    if item.type == tuple[str, ...]:
        if isinstance(value, list) and all(isinstance(part, str) for part in value):
            return tuple(value)
        raise Misconfigured(f'{path}: {item.name} must be a list of texts, like ["a", "b"].')
    if type(value) is not item.type:
        raise Misconfigured(f"{path}: {item.name} must be {_KINDS[item.type]}.")
    return value


_KINDS: dict[Any, str] = {str: "a text in quotes", int: "a whole number", bool: "true or false"}


def _from_text(item: "Field[Any]", text: str) -> Any:
    name = variable(item.name)
    if item.type == tuple[str, ...]:
        return tuple(part.strip() for part in text.split(",") if part.strip())
    if item.type is bool:
        if text.strip().lower() not in _WORDS:
            raise Misconfigured(f"{name} must be 1 or 0 (or true or false).")
        return _WORDS[text.strip().lower()]
    if item.type is int:
        try:
            return int(text)
        except ValueError:
            raise Misconfigured(f"{name} must be a whole number, not {text!r}.") from None
    return text


def _checked(item: "Field[Any]", value: Any) -> None:
    check: Check | None = item.metadata["check"]
    if check and (wrong := check(value)):
        # An address may hold a password, so a bad secret is never quoted.
        shown = "" if item.metadata["secret"] or "@" in str(value) else f" (it is {value!r})"
        raise Misconfigured(f"{item.name} ({variable(item.name)}) {wrong}{shown}.")
