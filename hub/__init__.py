"""Contact Hub: one single point of contact for every business customer."""

import pluggy

__version__ = "0.1.0"

hookimpl = pluggy.HookimplMarker("contact_hub")
"""Marks a function of a plugin as an implementation of a hook of `hub.plugin.hookspecs`."""
