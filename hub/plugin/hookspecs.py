"""Every hook that a plugin may implement.

A plugin is a module (or object) named by an entry point of the group `contact_hub.plugins`; its functions
marked with `hub.hookimpl` are called one by one at start-up, each guarded, so that one that fails takes
nothing down but itself. Adding an argument to a hook is compatible: an implementation names only the
arguments that it wants.
"""

from collections.abc import Callable
from typing import Any

import pluggy

from hub.plugin.contracts import Connector

hookspec = pluggy.HookspecMarker("contact_hub")


@hookspec
def hub_connectors(register: Callable[[Connector[Any]], None]) -> None:
    """Hand over the connectors of this plugin: call `register` with one instance of each. Return nothing.

    Called once per process, before the first request or job. No I/O here. Since 0.1.
    """
