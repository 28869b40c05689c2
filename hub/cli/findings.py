"""What `hub check` looks at, and what each finding asks the operator to do."""

import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from urllib.parse import urlsplit

from sqlalchemy.orm import Session

from hub.app import create_hub
from hub.base.crypto import Keyring
from hub.base.errors import HubError, Misconfigured
from hub.config import Settings
from hub.domain import connections, coverage, pulse
from hub.domain.connections import Connection, ConnectionState
from hub.domain.people import Person
from hub.flows.runtime import Hub
from hub.plugin.registry import Registry

MOST_NAMES = 10


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at; `advice` says what to do where it is not in order."""

    level: Literal["ok", "warning", "error"]
    what: str
    advice: str = ""


def usable(found: Iterable[Finding]) -> bool:
    """Whether nothing found so far keeps the hub from being put together."""
    return all(finding.level != "error" for finding in found)


def key(settings: Settings) -> list[Finding]:
    """The secret key is there and has the right form."""
    advice = "Run `hub key`, set what it prints as HUB_SECRET_KEY, and keep a copy away from this machine."
    if not settings.secret_key:
        return [Finding("error", "HUB_SECRET_KEY is not set, so secrets cannot be stored.", advice)]
    try:
        Keyring(settings.secret_key)
    except Misconfigured as error:
        return [Finding("error", str(error), advice)]
    return [Finding("ok", "The secret key has the right form.")]


def address(settings: Settings) -> list[Finding]:
    """Links in mails lead somewhere, and passwords do not cross a network in the clear."""
    parts = urlsplit(settings.base_url)
    if _is_loopback(parts.hostname or ""):
        advice = "Set HUB_BASE_URL to the address that people use."
        return [Finding("warning", f"Links in mails lead to {settings.base_url}, this machine only.", advice)]
    if parts.scheme != "https":
        advice = "Put a TLS proxy in front and let HUB_BASE_URL start with https."
        clear = Finding("warning", f"People reach the hub in the clear at {settings.base_url}.", advice)
        return [clear, *_proxies(settings)]
    return [Finding("ok", f"People reach the hub at {settings.base_url}."), *_proxies(settings)]


def _proxies(settings: Settings) -> list[Finding]:
    """Behind a proxy that is not declared everybody has its address, and one count of sign-in tries."""
    if settings.trusted_proxies:
        return []
    advice = (
        "Set HUB_TRUSTED_PROXIES to the number of proxies in front that set X-Forwarded-For; without it all "
        "people behind one share its address, and with it the limit of sign-in tries."
    )
    return [
        Finding("warning", "The hub is reached from elsewhere, but HUB_TRUSTED_PROXIES is not set.", advice)
    ]


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def inside(settings: Settings) -> list[Finding]:
    """What only a hub that is put together can tell."""
    hub = create_hub(settings)
    try:
        with hub.db.read() as session:
            return [
                *plugins(hub.registry, settings),
                *links(hub, connections.listed(session)),
                *lately(session, connections.listed(session)),
                *mail(hub, connections.listed(session)),
                *worker(session),
                *duty(session),
                *staffing(session),
            ]
    finally:
        hub.close()


def plugins(registry: Registry, settings: Settings) -> list[Finding]:
    """Every plugin that was found is loaded, or blocked on purpose."""
    found = [Finding("warning", f"Plugin {p.plugin}: {p.reason}", p.advice) for p in registry.problems()]
    blocked = [item.name for item in registry.plugins() if item.state == "blocked"]
    if blocked:
        found.append(Finding("ok", f"Blocked by HUB_BLOCKED_PLUGINS: {', '.join(blocked)}."))
    for name in sorted(set(settings.blocked_plugins) - set(blocked)):
        what = f"HUB_BLOCKED_PLUGINS names {name}, but no such plugin is installed."
        found.append(Finding("warning", what, "`hub plugin list` tells their names."))
    loaded = sum(item.state == "loaded" for item in registry.plugins())
    return [*found, Finding("ok", f"{loaded} plugins are loaded.")]


def links(hub: Hub, listed: Sequence[tuple[Connection, ConnectionState]]) -> list[Finding]:
    """Every connection's plugin is there, its secrets open, and it works."""
    found = []
    for item, state in listed:
        if not item.enabled:
            continue
        try:
            connections.settings_of(hub.registry, hub.keyring, item)
        except HubError as error:
            found.append(
                Finding(
                    "error",
                    f"Connection {item.name}: {error}",
                    "Mend it on its page (Administration, Connections).",
                )
            )
            continue
        if state.failing_since is not None:
            what = f"Connection {item.name} fails since {_utc(state.failing_since)}: {state.last_error}"
            found.append(Finding("warning", what, "Its page (Administration, Connections) tells more."))
    return found or [Finding("ok", f"{len(listed)} connections are in order.")]


def lately(session: Session, listed: Sequence[tuple[Connection, ConnectionState]]) -> list[Finding]:
    """What happened to connections in the last day, even to those that work."""
    happened = connections.happened(session)
    advice = "Its page (Administration, Connections) tells what happened to it."
    return [
        Finding(
            "warning",
            f"Connection {item.name}: {each.what}: {each.times} in the last day, "
            f"last {each.last:%Y-%m-%d %H:%M} UTC.",
            advice,
        )
        for item, _ in listed
        for each in happened.get(item.id, ())
        if item.enabled
    ]


def mail(hub: Hub, listed: Sequence[tuple[Connection, ConnectionState]]) -> list[Finding]:
    """Somebody can be told something, and answers come back."""
    channels = [item for item, _ in listed if item.enabled and _sends(hub.registry, item)]
    if not channels:
        advice = "An admin adds a connection of the connector mail on the side own, in the administration."
        return [Finding("error", "There is no mail channel: nobody is told of anything.", advice)]
    if hub.settings.mail_domain == "localhost":
        advice = "Set HUB_MAIL_DOMAIN to the domain whose mail reaches the hub's mailbox."
        return [Finding("warning", "Answers to the hub's mails go to localhost.", advice)]
    return [Finding("ok", f"Mail goes out through {channels[0].name}.")]


def worker(session: Session) -> list[Finding]:
    """Somebody sends what waits, asks the tools and fetches mail."""
    silence = pulse.silence(session)
    if silence is None:
        return []
    when = "yet" if silence.since is None else f"since {_utc(silence.since)}"
    what = f"No worker has been at work {when}."
    if silence.oldest_due is not None:
        what += f" The oldest delivery has been due since {_utc(silence.oldest_due)}."
    advice = (
        "Start `hub worker`, or `hub serve` without --no-worker; restart a worker that runs and does nothing."
    )
    return [Finding("warning", what, advice)]


def _utc(instant: datetime) -> str:
    return f"{instant:%Y-%m-%d %H:%M} UTC"


def _sends(registry: Registry, item: Connection) -> bool:
    connector = registry.connector(item.connector)
    return connector is not None and item.side == "own" and "send" in connector.capabilities


def _no_last_resort(session: Session) -> Finding:
    try:
        first = coverage.fallback(session).person_name
    except Misconfigured as error:
        return Finding("error", "Nobody answers when nobody else does.", str(error))
    advice = "An admin chooses the last resort on the first page of the administration (/admin)."
    return Finding(
        "warning", f"No last resort is chosen: until then the first admin answers, {first}.", advice
    )


def duty(session: Session) -> list[Finding]:
    """There is always an answer to "who is responsible", and it is not only the last resort."""
    found = []
    if coverage.last_resort(session) is None:
        found.append(_no_last_resort(session))
    bare = [account.name for account in coverage.uncovered(session, MOST_NAMES + 1)]
    if bare:
        advice = "Assign a contact and a deputy on the account's page; until then the last resort answers."
        found.append(Finding("warning", f"Nobody is assigned to {_some(bare)}.", advice))
    return found or [Finding("ok", "Every account has somebody assigned, and there is a last resort.")]


def staffing(session: Session) -> list[Finding]:
    """Whoever is to answer for accounts still works here; else the next in line does, until it is mended."""
    found = []
    for person, names in coverage.assigned_idle(session):
        advice = "End the assignments on the account's page, or give the person a role again on theirs."
        what = f"{person.name} is assigned to {_some(names)}, but {_lack(person)}."
        found.append(Finding("warning", what, advice))
    if (last := coverage.idle_last_resort(session)) is not None:
        advice = "Choose somebody else on the first page of the administration (/admin)."
        what = f"{last.name} answers when nobody else does, but {_lack(last)}."
        found.append(Finding("error", what, advice))
    return found or [Finding("ok", "Everybody who is to answer for accounts works here.")]


def _lack(person: Person) -> str:
    return "is disabled" if person.disabled_at else "has no role that works on accounts"


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:MOST_NAMES]) + (" and more" if len(names) > MOST_NAMES else "")
