"""The commit of the checkout that the package runs from, where there is one."""

from __future__ import annotations

import subprocess
from pathlib import Path

from slopewise.run.place import PACKAGE


def commit(package: Path = PACKAGE) -> str | None:
    """The first 12 digits of the commit, followed by ``-dirty`` where tracked files differ from it.

    None where `package` is not tracked by a repository (an installed copy) or git is not installed. No result depends
    on it: results name the code by its digest.
    """
    tracked = ["ls-files", "--error-unmatch", "__init__.py"]
    described = ["describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    printed = ""
    for arguments in (tracked, described):
        try:
            ended = subprocess.run(["git", *arguments], cwd=package, capture_output=True, text=True, check=True)
        except (OSError, subprocess.CalledProcessError):
            return None
        printed = ended.stdout.strip()
    return printed
