"""Where the package lies, and what belongs to it: the workflow, the profiles, the studies that ship and their data."""

from __future__ import annotations

from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]


def supplied(package: Path = PACKAGE) -> Path:
    """The folder with the Snakefile, profiles/, config/ and data/: in the package of a wheel, or the checkout."""
    inside = package / "supplied"
    return inside if inside.is_dir() else package.parents[2]


def scripts(package: Path = PACKAGE) -> Path:
    """The folder with the rules' scripts: beside the package in a checkout or a copy of one."""
    inside = package / "supplied"
    return inside / "workflow" / "scripts" if inside.is_dir() else package.parent
