"""Digests of code: which files of the package a script needs, and what they do.

Snakemake asks for the digests of all scripts at each start, in each job again, so a module is read once for all scripts
and what was read off its syntax tree is kept on disk by its content. Nothing heavy is imported.
"""

from __future__ import annotations

import ast
import hashlib
import json
import os
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import NamedTuple

from slopewise.run.files import read_json, write_text
from slopewise.run.place import PACKAGE, scripts

TEMPLATES = {".j2", ".css", ".js"}


class Exempt(NamedTuple):
    """A module whose text enters no rule's digest, and why no table depends on it; what it imports still counts."""

    module: str
    reason: str


EXEMPT = (
    Exempt("run/log.py", "writes the log, the line on the terminal and the exit status; a failed step has no tables"),
    Exempt("run/progress.py", "shows on a terminal how much is done, and gives back the parts that it was given"),
    Exempt("run/running.py", "notes which run is at work on a study"),
    Exempt("run/preloaded.py", "says in which process of this machine a step runs"),
    Exempt("run/reasons.py", "reads the logs of jobs that failed"),
    Exempt("run/folders.py", "names temporary files, removes old ones and checks that a folder can be written"),
    Exempt("run/cluster.py", "reads the logs of jobs that a cluster ended"),
    Exempt("run/person.py", "gives Snakemake a name and a home folder of a user who has none"),
    Exempt("run/short_repr.py", "is what a notebook or a traceback prints"),
)
"""The modules of `run` that set no value and no byte of a table. What threads, seeds, files and errors do can."""


class Read(NamedTuple):
    """What is read off a module's syntax tree.

    imports: of each import statement its level (0: absolute), the module and the names imported from it.
    meaning: digest (hexadecimal) of the tree without docstrings; comments, line breaks and spacing are not in a tree.
    """

    imports: tuple[tuple[int, str, tuple[str, ...]], ...]
    meaning: str


class PackageCode:
    """The files of a package as they are when they are first asked for; each is read once.

    kept: a file that keeps what was read off the modules, by the digest of their content, for the next process. It only
    saves time: one that is missing, broken or written by other code is passed over.
    """

    def __init__(self, package: Path = PACKAGE, kept: Path | None = None) -> None:
        self.package = package
        self._root = package.parent.resolve()
        self._kept_in = kept
        self._kept = _kept_reads(kept) if kept else {}
        self._reads: dict[str, Read] = {}
        self._contents: dict[Path, bytes] = {}
        self._tree = _tree(package)
        self._files: dict[str, list[Path]] = {}
        self._needs: dict[Path, list[Path]] = {}
        self._named: dict[Path, bytes] = {}

    def imported(self, script: str | Path) -> list[Path]:
        """The package's files that a script needs, found by reading import statements (`ast`), sorted.

        Follows imports inside functions too, and from module to module; a package counts with its `__init__`.
        Files that a module names as resources (templates) belong to the package folder they lie in.
        """
        found: set[Path] = set()
        waiting = [Path(script)]
        while waiting:
            for file in self._needed_by(waiting.pop()):
                if file not in found:
                    found.add(file)
                    if file.suffix == ".py":
                        waiting.append(file)
        return sorted(found)

    def digest(self, script: str | Path) -> str:
        """SHA-256 over what a script and the package files that it imports do; no table is made again for words alone.

        Of Python files the syntax tree without docstrings and comments counts, of templates, styles and JavaScript
        every byte. `EXEMPT` modules do not count.
        """
        exempt = {self.package / one.module for one in EXEMPT}
        files = [Path(script), *(file for file in self.imported(script) if file not in exempt)]
        return _digest(files, self._name, self._meaning)

    def keep(self) -> None:
        """Keep what was read for the next process, if anything of it is new and the place can be written."""
        if self._kept_in is None or self._reads.keys() <= self._kept.keys():
            return
        content = {"made_by": _made_by(), "modules": {key: list(read) for key, read in sorted(self._reads.items())}}
        with suppress(OSError):
            write_text(self._kept_in, json.dumps(content) + "\n")

    def _needed_by(self, source: Path) -> list[Path]:
        """The files of the package that one file imports."""
        if source not in self._needs:
            names = sorted(self._imported_names(source))
            self._needs[source] = list(dict.fromkeys(file for name in names for file in self._module_files(name)))
        return self._needs[source]

    def _imported_names(self, source: Path) -> set[str]:
        names: set[str] = set()
        for level, base, imported in self._read(source).imports:
            if level:
                relative = source.resolve().relative_to(self._root).parent.parts
                relative = relative[: len(relative) - level + 1]
                base = ".".join([*relative, base] if base else relative)
            names.add(base)
            names.update(f"{base}.{name}" for name in imported)
        return {name for name in names if name.split(".")[0] == self.package.name}

    def _module_files(self, name: str) -> list[Path]:
        """The files behind a dotted name: every `__init__` on the way, the module, and a package's templates."""
        if name not in self._files:
            self._files[name] = _module_files(name, self.package, self._tree)
        return self._files[name]

    def _name(self, file: Path) -> bytes:
        if file not in self._named:
            self._named[file] = _name(file, self.package)
        return self._named[file]

    def _content(self, file: Path) -> bytes:
        if file not in self._contents:
            self._contents[file] = file.read_bytes()
        return self._contents[file]

    def _read(self, file: Path) -> Read:
        content = self._content(file)
        key = hashlib.sha256(content).hexdigest()
        if key not in self._reads:
            self._reads[key] = self._kept.get(key) or _read_code(content)
        return self._reads[key]

    def _meaning(self, file: Path) -> bytes:
        return bytes.fromhex(self._read(file).meaning) if file.suffix == ".py" else self._content(file)


def _kept_reads(kept: Path) -> dict[str, Read]:
    """What an earlier process kept, by the digest of a module's content; empty where there is nothing usable."""
    try:
        content = read_json(kept)
        if content["made_by"] != _made_by():
            return {}
        return {
            key: Read(tuple((level, base, tuple(names)) for level, base, names in imports), str(meaning))
            for key, (imports, meaning) in content["modules"].items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _made_by() -> str:
    """What a kept reading depends on besides a module's content: this module and Python's syntax tree."""
    return f"{hashlib.sha256(Path(__file__).read_bytes()).hexdigest()}, Python {sys.version}"


@cache
def _read_code(content: bytes) -> Read:
    """A module's imports and meaning; of one content they are always the same."""
    tree = ast.parse(content)
    imports: list[tuple[int, str, tuple[str, ...]]] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imports += [(0, alias.name, ()) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            imports.append((node.level, node.module or "", tuple(alias.name for alias in node.names)))
        body = getattr(node, "body", None)
        if isinstance(body, list):  # a lambda's body is one expression
            node.body = [part for part in body if not is_docstring(part)]  # type: ignore[attr-defined]
    return Read(tuple(imports), hashlib.sha256(ast.dump(tree).encode()).hexdigest())


def is_docstring(node: ast.stmt) -> bool:
    """A text that stands alone: the docstring of a module, class, function or attribute."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _tree(package: Path) -> dict[str, list[str]]:
    """The names of the files in each folder of a package; a folder by its dotted name without the package's."""
    here = len(str(package)) + 1
    return {
        folder[here:].replace(os.sep, "."): sorted(files)
        for folder, _, files in os.walk(package)
        if not folder.endswith("__pycache__")
    }


def _module_files(name: str, package: Path, tree: dict[str, list[str]]) -> list[Path]:
    """The files behind a dotted name: every `__init__` on the way, the module, and a package's templates."""
    found = ["__init__.py"] if "__init__.py" in tree[""] else []
    folder = ""
    for part in name.split(".")[1:]:
        inner = f"{folder}.{part}" if folder else part
        if inner in tree:
            own = [file for file in tree[inner] if file == "__init__.py" or os.path.splitext(file)[1] in TEMPLATES]
            found += [f"{inner.replace('.', '/')}/{file}" for file in own]
            folder = inner
            continue
        if f"{part}.py" in tree[folder]:
            found.append(f"{folder.replace('.', '/')}/{part}.py" if folder else f"{part}.py")
        break
    return [package / file for file in found]


def imported_modules(script: str | Path, package: Path = PACKAGE) -> list[Path]:
    """The package's files that a script needs now: see `PackageCode.imported`."""
    return PackageCode(package).imported(script)


def code_digest(script: str | Path, package: Path = PACKAGE) -> str:
    """The digest of what a script and the files that it imports do now: see `PackageCode.digest`."""
    return PackageCode(package).digest(script)


def code_digests(files: Iterable[Path], package: Path, kept: Path) -> dict[str, str]:
    """The digest of each script by its file's name; what was read off the modules is kept in the file `kept`."""
    code = PackageCode(package, kept)
    found = {script.name: code.digest(script) for script in files}
    code.keep()
    return found


def package_digest(package: Path = PACKAGE) -> str:
    """SHA-256 over every byte of the package's source files and of the rules' scripts.

    It names the checkout that a run was made with, so that words count here: provenance.json and the report that prints
    it are written again, the tables are not. A package that was installed from a wheel has the digest of its checkout.
    """
    beside = scripts(package)
    files = [file for file in package.rglob("*") if file.suffix in {".py", *TEMPLATES}]
    own = [file for file in files if package / "supplied" not in file.parents]
    return _digest(sorted(own) + sorted(beside.glob("*.py")), lambda file: _name(file, package), Path.read_bytes)


def _digest(files: Iterable[Path], name: Callable[[Path], bytes], content: Callable[[Path], bytes]) -> str:
    """SHA-256 of names and contents."""
    digest = hashlib.sha256()
    for file in files:
        digest.update(name(file))
        digest.update(content(file))
    return digest.hexdigest()[:16]


def _name(file: Path, package: Path) -> bytes:
    """Under what a file counts: its path in the package; a rule's script, wherever it lies, its name."""
    path, root = file.resolve(), package.resolve()
    is_of_package = path.is_relative_to(root) and root / "supplied" not in path.parents
    return (path.relative_to(root.parent).as_posix() if is_of_package else path.name).encode()
