"""The lively demo: a world to fill a hub with, and stand-ins that play the outside."""
