"""Finding plugins and calling their hooks, so that a broken one is a line on the health page and nothing
more.

pluggy keeps the bookkeeping (which function implements which hook, with which arguments). Its way of calling
is not used: it stops at the first exception, and its loader stops at the first entry point that cannot be
imported.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Literal

import pluggy

from hub.plugin import hookspecs
from hub.plugin.contracts import Connector, Kind, clip
from hub.plugin.declarations import faults, shown_secrets
from hub.plugin.parsing import broken
from hub.plugin.scrub import Scrubber

GROUP = "contact_hub.plugins"
OURS = "contact-hub"
PluginState = Literal["loaded", "failed", "blocked"]


@dataclass(frozen=True, slots=True)
class Problem:
    """Something about a plugin that an operator should know: what is wrong, and what to do about it."""

    plugin: str
    reason: str
    advice: str


@dataclass(frozen=True, slots=True)
class PluginInfo:
    """A plugin as `hub plugin list` and the health page show it. `reason` is empty while it is loaded."""

    name: str
    version: str
    state: PluginState
    reason: str
    connectors: tuple[str, ...]


class Registry:
    """What was loaded at start-up; read-only afterwards, so that threads may share it."""

    def __init__(self) -> None:
        self._connectors: dict[str, Connector[Any]] = {}
        self._owners: dict[str, str] = {}
        self._plugins: dict[str, PluginInfo] = {}
        self._problems: list[Problem] = []
        self._manager = pluggy.PluginManager("contact_hub")
        self._manager.add_hookspecs(hookspecs)

    def connector(self, name: str) -> Connector[Any] | None:
        """The connector of that name; None when its plugin is blocked, broken or gone."""
        return self._connectors.get(name)

    def connectors(self, kind: Kind | None = None) -> tuple[Connector[Any], ...]:
        """All connectors, or those of one kind, by name."""
        chosen = (c for c in self._connectors.values() if kind is None or c.kind == kind)
        return tuple(sorted(chosen, key=lambda connector: connector.name))

    def plugins(self) -> tuple[PluginInfo, ...]:
        """Every plugin that was found, loaded or not, by name."""
        return tuple(sorted(self._plugins.values(), key=lambda plugin: plugin.name))

    def problems(self) -> tuple[Problem, ...]:
        """Everything that went wrong while loading, in the order of loading."""
        return tuple(self._problems)

    def _block(self, name: str, version: str) -> None:
        self._plugins[name] = PluginInfo(name, version, "blocked", "Blocked in the hub's settings.", ())

    def _tell(self, plugin: str, reason: str, advice: str) -> None:
        self._problems.append(Problem(plugin, clip(reason, 1000), advice))

    def _fail(self, name: str, version: str, reason: str, advice: str) -> None:
        self._tell(name, reason, advice)
        self._plugins[name] = PluginInfo(name, version, "failed", clip(reason, 1000), ())

    def _admit(self, name: str, version: str, load: Callable[[], object]) -> None:
        """Load one plugin and call its hooks. A hook that fails takes all of this plugin's connectors with
        it.

        Whatever is raised is the plugin's failure, also what usually ends a process: panics of compiled
        extensions are of that kind. A Ctrl-C of the operator in this very moment is taken for one, too.
        """
        if name in self._plugins:
            self._tell(name, f"Two plugins are named {name}; the second was left out.", RENAME)
            return
        before = len(self._problems)
        try:
            self._manager.register(load(), name)
            self._report_unknown_hooks(name)
        except pluggy.PluginValidationError as error:
            what = str(error).strip().rpartition("\n")[2]
            self._fail(name, version, f"A hook of it cannot be called. {what}", SIGNATURE)
            return
        except BaseException as error:
            self._fail(name, version, _sentence("It cannot be loaded.", error), REINSTALL)
            return
        try:
            offered, answered = self._call_hook("hub_connectors", name)
        except BaseException as error:
            self._fail(name, version, _sentence("Its hook hub_connectors failed.", error), REPORT)
            return
        taken = tuple(filter(None, [self._take(name, connector) for connector in offered]))
        if not offered and len(self._problems) == before:
            self._tell(name, answered or NOTHING, REPORT)
        state: PluginState = "loaded" if taken else "failed"
        reason = "" if taken else self._problems[before].reason
        self._plugins[name] = PluginInfo(name, version, state, reason, taken)

    def _call_hook(self, hook: str, plugin_name: str) -> tuple[list[Any], str]:
        """Call a register hook of one plugin; what it handed over, and a sentence if it returned something
        instead."""
        offered: list[Any] = []
        answered = ""
        for impl in getattr(self._manager.hook, hook).get_hookimpls():
            if impl.plugin_name == plugin_name and not _wraps(impl):
                arguments = {"register": offered.append}
                answer = impl.function(*(arguments[argument] for argument in impl.argnames))
                if answer is not None:
                    kind = type(answer).__name__
                    answered = (
                        f"Its hook {hook} returned a {kind}; it has to call register for each connector."
                    )
        return offered, answered

    def _report_unknown_hooks(self, name: str) -> None:
        plugin = self._manager.get_plugin(name)
        for caller in self._manager.get_hookcallers(plugin) or ():
            if not caller.has_spec():
                reason = f"It implements the hook {caller.name}, which this hub does not have."
                self._tell(name, reason, "Check the spelling, or update the hub.")
            elif any(impl.plugin_name == name and _wraps(impl) for impl in caller.get_hookimpls()):
                reason = f"It wraps the hook {caller.name}; wrappers are never called."
                self._tell(name, reason, "Implement the hook itself.")

    def _take(self, plugin: str, connector: object) -> str:
        """The name of a connector that may be used; `""` for one that was left out."""
        name, found = "", []
        try:
            name = _called(connector)
            found = [*faults(connector), *self._taken_before(plugin, name)]
        except BaseException as error:
            found = [broken(error, Scrubber()).reason]
        for fault in found:
            self._tell(
                plugin, f"Its connector {name or type(connector).__name__} was left out. {fault}", REPORT
            )
        if found:
            return ""
        assert isinstance(connector, Connector)
        if shown := shown_secrets(connector.settings_model):
            self._tell(plugin, f"Its connector {name} keeps {', '.join(shown)} in the open.", SECRECY)
        self._connectors[name], self._owners[name] = connector, plugin
        return name

    def _taken_before(self, plugin: str, name: str) -> Iterator[str]:
        owner = self._owners.get(name)
        if owner is not None:
            who = "It" if owner == plugin else f"The plugin {owner}"
            yield f"{who} has already registered a connector named {name}."


REPORT = "Tell the plugin's author, or block the plugin in the hub's settings."
REINSTALL = "Install the plugin again with everything it needs, or block it in the hub's settings."
RENAME = "Uninstall one of the two."
SIGNATURE = "The hook is hub_connectors(register); its author mends its arguments."
SECRECY = "Its author declares these settings as SecretStr, so that they are kept encrypted and never shown."
NOTHING = "It offers no connector; is hub_connectors marked with @hookimpl and does it call register?"


def load(
    group: str = GROUP,
    blocked: Iterable[str] = (),
    extra: Sequence[tuple[str, object]] = (),
) -> Registry:
    """Load every plugin of an entry point group, one by one, then those of `extra` as (name, module or
    object).

    `blocked` names are not even imported. Never raises for what a plugin does; see `Registry.problems`. The
    hub's own plugins come first, so that no foreign one can take the name of one of their connectors.
    """
    refused = frozenset(blocked)
    registry = Registry()
    for point in sorted(entry_points(group=group), key=_order):
        _consider(registry, refused, point.name, _version(point), point.load)
    for name, plugin in extra:
        _consider(registry, refused, name, "", _given(plugin))
    return registry


def _consider(
    registry: Registry, refused: frozenset[str], name: str, version: str, load_it: Callable[[], object]
) -> None:
    if name in refused:
        registry._block(name, version)
    else:
        registry._admit(name, version, load_it)


def _called(connector: object) -> str:
    """What the connector calls itself, as far as that can be told in a sentence."""
    name = getattr(connector, "name", None)
    return clip(name, 60) if type(name) is str else type(connector).__name__


def _wraps(impl: pluggy.HookImpl) -> bool:
    return impl.hookwrapper or impl.wrapper


def _given(plugin: object) -> Callable[[], object]:
    return lambda: plugin


def _order(point: EntryPoint) -> tuple[bool, str]:
    return (point.dist is None or point.dist.name != OURS, point.name)


def _version(point: EntryPoint) -> str:
    return point.dist.version if point.dist else ""


def _sentence(what: str, error: BaseException) -> str:
    return f"{what} {broken(error, Scrubber()).reason.replace('The connector raised', 'It raised')}"
