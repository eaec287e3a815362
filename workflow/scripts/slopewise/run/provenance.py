"""What a run was made from and on: digests of files, versions, and what run.json holds (`run.code`: digests of code).

Each digest and version that provenance.json prints is also a parameter of the rule that writes it, so that none of them
outlives what it describes. Snakemake imports this module at each start: nothing heavy.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from slopewise.run.errors import InputError
from slopewise.run.files import file_digest

LIBRARIES = (
    "snakemake",
    "numpy",
    "scipy",
    "pandas",
    "numba",
    "formulaic",
    "statsmodels",
    "scikit-learn",
    "lifelines",
    "pyarrow",
    "matplotlib",
)
"""The packages whose versions provenance.json holds; another version of any of them runs every step again."""


def file_digests(folder: Path, names: Iterable[str | None]) -> dict[str, str]:
    """SHA-256 of each named file (beside `folder`), by its name; None is passed over."""
    return {name: file_digest(folder / name) for name in names if name is not None}


def check_unchanged(what: str, at_start: Mapping[str, str], now: Mapping[str, str]) -> None:
    """Raise `InputError` where a file is no longer what it was when the run started: results would be of two minds."""
    changed = sorted(name for name in {*at_start, *now} if at_start.get(name) != now.get(name))
    if changed:
        raise InputError(f"{', '.join(changed)}: {what} was changed while the study ran; run it again")


def versions(packages: Iterable[str] = LIBRARIES) -> Mapping[str, str]:
    """The installed version of each package, and Python's."""
    from importlib import metadata

    found = {"python": ".".join(str(part) for part in sys.version_info[:3])}
    for name in packages:
        with suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found


def machine(timings: Path, cores: int | None) -> dict[str, Any]:
    """What run.json holds: the clock, the host, the cores and how long each step took (from `timings`/*.tsv)."""
    import platform
    from datetime import UTC, datetime

    seconds = {}
    for file in sorted(timings.glob("*.tsv")):
        header, values = (line.split("\t") for line in file.read_text(encoding="utf-8").splitlines()[:2])
        seconds[file.stem] = float(dict(zip(header, values, strict=True))["s"])
    return {
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "host": platform.node(),
        "platform": platform.platform(),
        "processors": os.cpu_count(),
        "cores": cores,
        "seconds": seconds,
    }
