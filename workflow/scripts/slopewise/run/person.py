"""The user of a run, who in a container may have neither a name nor a home folder: Snakemake asks for both.

Snakemake imports this module at each start: nothing heavy.
"""

from __future__ import annotations

import getpass
import os
from pathlib import Path


def name_user() -> None:
    """Give a user whom the system does not know a name, in LOGNAME: the number with which files are marked."""
    try:
        getpass.getuser()
    except (KeyError, OSError):
        os.environ["LOGNAME"] = f"user-{os.getuid()}"


def has_home() -> bool:
    """Whether programs find the user's home folder: by HOME, or in the system's list of users."""
    return Path(os.path.expanduser("~")).is_absolute()


def house_user(folder: Path) -> bool:
    """Let `folder` serve as the home folder, in HOME, of a user who has none; whether it does."""
    if has_home():
        return False
    os.environ["HOME"] = str(folder.absolute())
    return True
