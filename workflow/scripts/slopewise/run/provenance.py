"""What a run was made from and on: digests of code and of files, versions, and what run.json holds.

Each digest and version that provenance.json prints is also a parameter of the rule that writes it, so that none of them
outlives what it describes. Snakemake imports this module at each start: nothing heavy.
"""

from __future__ import annotations

import ast
import hashlib
import os
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from slopewise.run.errors import InputError
from slopewise.run.files import file_digest
from slopewise.run.place import PACKAGE

TEMPLATES = {".j2", ".css", ".js"}

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


def imported_modules(script: str | Path, package: Path = PACKAGE) -> list[Path]:
    """The package's files that a script needs, found by reading import statements (`ast`), sorted.

    Follows imports inside functions too, and from module to module; a package counts with its `__init__`.
    Files that a module names as resources (templates) belong to the package folder they lie in.
    """
    found: set[Path] = set()
    waiting = [Path(script)]
    while waiting:
        source = waiting.pop()
        names = _imported_names(source, package)
        for name in names:
            for file in _module_files(name, package):
                if file not in found:
                    found.add(file)
                    if file.suffix == ".py":
                        waiting.append(file)
    return sorted(found)


def _imported_names(source: Path, package: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                relative = source.resolve().relative_to(package.parent).parent.parts
                relative = relative[: len(relative) - node.level + 1]
                base = ".".join([*relative, base] if base else relative)
            names.add(base)
            names.update(f"{base}.{alias.name}" for alias in node.names)
    return {name for name in names if name.split(".")[0] == package.name}


def _module_files(name: str, package: Path) -> list[Path]:
    """The files behind a dotted name: every `__init__` on the way, the module, and a package's templates."""
    parts = name.split(".")[1:]
    files = [package / "__init__.py"]
    folder = package
    for part in parts:
        if (folder / part).is_dir():
            folder = folder / part
            files.append(folder / "__init__.py")
            files += [file for file in folder.iterdir() if file.suffix in TEMPLATES]
        elif (folder / f"{part}.py").is_file():
            files.append(folder / f"{part}.py")
            break
        else:
            break
    return [file for file in files if file.is_file()]


def code_digest(script: str | Path, package: Path = PACKAGE) -> str:
    """SHA-256 over a script and the package files that it imports: changes exactly when one of them does."""
    return _digest([Path(script), *imported_modules(script, package)], package.parent)


def package_digest(package: Path = PACKAGE) -> str:
    """SHA-256 over every source file of the package and the rules' scripts beside it."""
    files = [file for file in package.rglob("*") if file.suffix in {".py", *TEMPLATES}]
    return _digest(sorted([*files, *package.parent.glob("*.py")]), package.parent)


def _digest(files: Iterable[Path], folder: Path) -> str:
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.resolve().relative_to(folder.resolve()).as_posix().encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


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
