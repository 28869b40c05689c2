"""Finding plugins and calling their hooks, so that a broken one is a line on the health page and nothing
more.

pluggy keeps the bookkeeping (which function implements which hook, with which arguments). Its way of calling
is not used: it stops at the first exception, and its loader stops at the first entry point that cannot be
imported.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Literal

import pluggy

from hub.plugin import hookspecs
from hub.plugin.contracts import Connector, Kind
from hub.plugin.declarations import faults
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

    def _fail(self, name: str, version: str, reason: str, advice: str) -> None:
        self._problems.append(Problem(name, reason, advice))
        self._plugins[name] = PluginInfo(name, version, "failed", reason, ())

    def _admit(self, name: str, version: str, load: Callable[[], object]) -> None:
        """Load one plugin and call its hooks. A hook that fails takes all of this plugin's connectors with
        it."""
        if name in self._plugins:
            self._problems.append(
                Problem(name, f"Two plugins are named {name}; the second was left out.", RENAME)
            )
            return
        try:
            self._manager.register(load(), name)
        except (Exception, SystemExit) as error:  # an import may run into sys.exit()
            self._fail(name, version, _sentence("It cannot be loaded.", error), REINSTALL)
            return
        self._report_unknown_hooks(name)
        try:
            offered = self._call_hook("hub_connectors", name)
        except (Exception, SystemExit) as error:
            self._fail(name, version, _sentence("Its hook hub_connectors failed.", error), REPORT)
            return
        taken = tuple(connector.name for connector in offered if self._take(name, connector))
        self._plugins[name] = PluginInfo(name, version, "loaded", "", taken)

    def _call_hook(self, hook: str, plugin_name: str) -> list[Any]:
        """Call a register hook of one plugin; answers what it handed over."""
        offered: list[Any] = []
        for impl in getattr(self._manager.hook, hook).get_hookimpls():
            if impl.plugin_name == plugin_name and not _wraps(impl):
                arguments = {"register": offered.append}
                impl.function(*(arguments[argument] for argument in impl.argnames))
        return offered

    def _report_unknown_hooks(self, name: str) -> None:
        plugin = self._manager.get_plugin(name)
        for caller in self._manager.get_hookcallers(plugin) or ():
            if not caller.has_spec():
                reason = f"It implements the hook {caller.name}, which this hub does not have."
                self._problems.append(Problem(name, reason, "Check the spelling, or update the hub."))
            elif any(impl.plugin_name == name and _wraps(impl) for impl in caller.get_hookimpls()):
                reason = f"It wraps the hook {caller.name}; wrappers are never called."
                self._problems.append(Problem(name, reason, "Implement the hook itself."))

    def _take(self, plugin: str, connector: object) -> bool:
        try:
            found = faults(connector)
        except Exception as error:
            found = [broken(error, Scrubber()).reason]
        name = getattr(connector, "name", type(connector).__name__)
        if not found and name in self._connectors:
            found = [f"Another plugin has already registered a connector named {name}."]
        self._problems += [
            Problem(plugin, f"Its connector {name} was left out. {fault}", REPORT) for fault in found
        ]
        if not found:
            assert isinstance(connector, Connector)
            self._connectors[connector.name] = connector
        return not found


REPORT = "Tell the plugin's author, or block the plugin in the hub's settings."
REINSTALL = "Install the plugin again with everything it needs, or block it in the hub's settings."
RENAME = "Uninstall one of the two."


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
