"""What a wheel holds besides the package: the workflow, the profiles, the studies that ship and their data.

They lie in slopewise/supplied/ as they lie in a checkout; `slopewise/run/place.py` finds either. An editable install
needs no copy.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FILES = ("Snakefile", "environment.yml", "config/config.yaml")
FOLDERS = ("workflow", "config/studies", "config/queries", "data", "profiles")
SUFFIXES = {"", ".smk", ".rst", ".py", ".yaml", ".sql", ".csv", ".md"}
PACKAGE = "workflow/scripts/slopewise/"


class Supplied(BuildHookInterface):
    """Adds the files to a wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Name each file and its place in the wheel."""
        if version != "editable":
            build_data["force_include"].update(supplied(Path(self.root)))


def supplied(root: Path) -> dict[str, str]:
    """The files of a checkout that a wheel holds beside the package, and their places in it."""
    found = [file for folder in FOLDERS for file in (root / folder).rglob("*") if file.is_file()]
    names = [*FILES, *(file.relative_to(root).as_posix() for file in found if file.suffix in SUFFIXES)]
    return {str(root / name): f"slopewise/supplied/{name}" for name in sorted(names) if not name.startswith(PACKAGE)}
