"""Build hook: copies the front-end parts that the pages need out of build-only packages."""

import importlib.util
import shutil
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class FrontEndParts(BuildHookInterface):
    """Puts htmx (and its licence) into `hub/web/static/vendor/`, which is never committed."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        vendor = Path(self.root) / "hub" / "web" / "static" / "vendor"
        vendor.mkdir(parents=True, exist_ok=True)
        spec = importlib.util.find_spec("django_htmx")
        if spec is None or spec.origin is None:
            raise RuntimeError("django-htmx is missing from the build environment")
        static = Path(spec.origin).parent / "static" / "django_htmx"
        shutil.copyfile(static / "htmx-2.min.js", vendor / "htmx.min.js")
        build_data["artifacts"].append("hub/web/static/vendor/*")
