"""What a run was made from and on: digests of code and of files, versions, and what run.json holds.

Each digest and version that provenance.json prints is also a parameter of the rule that writes it, so that none of them
outlives what it describes. Snakemake imports this module at each start: nothing heavy.
"""

from __future__ import annotations

import ast
import hashlib
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

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


class Exempt(NamedTuple):
    """A module whose text enters no rule's digest, and why no table depends on it; what it imports still counts."""

    module: str
    reason: str


EXEMPT = (
    Exempt("run/log.py", "writes the log, the line on the terminal and the exit status; a failed step has no tables"),
    Exempt("run/progress.py", "shows on a terminal how much is done, and gives back the parts that it was given"),
    Exempt("run/reasons.py", "reads the logs of jobs that failed"),
    Exempt("run/folders.py", "names temporary files, removes old ones and checks that a folder can be written"),
    Exempt("run/short_repr.py", "is what a notebook or a traceback prints"),
)
"""The modules of `run` that set no value and no byte of a table. What threads, seeds, files and errors do can."""


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
    for level, base, imported in _read_code(source.read_bytes()).imports:
        if level:
            relative = source.resolve().relative_to(package.parent).parent.parts
            relative = relative[: len(relative) - level + 1]
            base = ".".join([*relative, base] if base else relative)
        names.add(base)
        names.update(f"{base}.{name}" for name in imported)
    return {name for name in names if name.split(".")[0] == package.name}


class _Code(NamedTuple):
    """What is read off a module's syntax tree.

    imports: of each import statement its level (0: absolute), the module and the names imported from it.
    meaning: digest of the tree without docstrings; comments, line breaks and spacing are not in a tree.
    """

    imports: tuple[tuple[int, str, tuple[str, ...]], ...]
    meaning: bytes


@cache
def _read_code(content: bytes) -> _Code:
    """A module's imports and meaning; kept by content, since the digests of several scripts share most modules."""
    tree = ast.parse(content)
    imports: list[tuple[int, str, tuple[str, ...]]] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imports += [(0, alias.name, ()) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            imports.append((node.level, node.module or "", tuple(alias.name for alias in node.names)))
        body = getattr(node, "body", None)
        if isinstance(body, list):  # a lambda's body is one expression
            node.body = [part for part in body if not _is_docstring(part)]  # type: ignore[attr-defined]
    return _Code(tuple(imports), hashlib.sha256(ast.dump(tree).encode()).digest())


def _is_docstring(node: ast.stmt) -> bool:
    """A text that stands alone: the docstring of a module, class, function or attribute."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


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
    """SHA-256 over what a script and the package files that it imports do; no table is made again for words alone.

    Of Python files the syntax tree without docstrings and comments counts, of templates, styles and JavaScript every
    byte. `EXEMPT` modules do not count.
    """
    exempt = {package / one.module for one in EXEMPT}
    files = [Path(script), *(file for file in imported_modules(script, package) if file not in exempt)]
    return _digest(files, package.parent, _meaning)


def _meaning(file: Path) -> bytes:
    content = file.read_bytes()
    return _read_code(content).meaning if file.suffix == ".py" else content


def package_digest(package: Path = PACKAGE) -> str:
    """SHA-256 over every byte of the package's source files and of the rules' scripts beside it.

    It names the checkout that a run was made with, so that words count here: provenance.json and the report that prints
    it are written again, the tables are not.
    """
    files = [file for file in package.rglob("*") if file.suffix in {".py", *TEMPLATES}]
    return _digest(sorted([*files, *package.parent.glob("*.py")]), package.parent, Path.read_bytes)


def _digest(files: Iterable[Path], folder: Path, content: Callable[[Path], bytes]) -> str:
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.resolve().relative_to(folder.resolve()).as_posix().encode())
        digest.update(content(file))
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
