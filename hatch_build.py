"""Build hook: copies the front-end parts that the pages need, and compiles the translations."""

import importlib.util
import shutil
from pathlib import Path
from typing import Any

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class MadeParts(BuildHookInterface):
    """What is made at build time and never committed: `hub/web/static/vendor/` and the `.mo` files."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        self._copy_htmx()
        self._compile_catalogues()
        build_data["artifacts"] += ["hub/web/static/vendor/*", "hub/locale/**/*.mo"]

    def _copy_htmx(self) -> None:
        # htmx is under the Zero-Clause BSD licence: no notice has to travel with it.
        vendor = Path(self.root) / "hub" / "web" / "static" / "vendor"
        vendor.mkdir(parents=True, exist_ok=True)
        spec = importlib.util.find_spec("django_htmx")
        if spec is None or spec.origin is None:
            raise RuntimeError("django-htmx is missing from the build environment")
        static = Path(spec.origin).parent / "static" / "django_htmx"
        shutil.copyfile(static / "htmx-2.min.js", vendor / "htmx.min.js")

    def _compile_catalogues(self) -> None:
        for source in Path(self.root).glob("hub/locale/*/LC_MESSAGES/hub.po"):
            with source.open("rb") as po, source.with_suffix(".mo").open("wb") as mo:
                write_mo(mo, read_po(po))
