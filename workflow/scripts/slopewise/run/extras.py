"""Packages that come with an extra of slopewise alone, imported where they are needed."""

from __future__ import annotations

import importlib
from types import ModuleType

from slopewise.run.errors import InputError

PACKAGES = {"docx": "python-docx"}
"""The package of a module whose name is another one."""


def needed(module: str, extra: str, purpose: str) -> ModuleType:
    """The module; where it is missing, `InputError` with the purpose and the extra that installs it."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        name = module.partition(".")[0]
        package = PACKAGES.get(name, name)
        raise InputError(
            f"{purpose} needs {package}, which is not installed; install slopewise[{extra}] (pip install {package})"
        ) from error
