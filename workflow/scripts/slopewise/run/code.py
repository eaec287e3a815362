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
from collections.abc import Iterable
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
        self._root = package.resolve()
        self._kept_in = kept
        self._kept = _kept_reads(kept) if kept else {}
        self._reads: dict[str, Read] = {}
        self._contents: dict[str, bytes] = {}
        self._tree = _tree(package)
        self._beside = {folder: _beside(folder, files) for folder, files in self._tree.items()}
        self._files: dict[str, list[str]] = {}
        self._needs: dict[str, list[str]] = {}

    def imported(self, script: str | Path) -> list[Path]:
        """The package's files that a script needs, found by reading import statements (`ast`), sorted.

        Follows imports inside functions too, and from module to module; a package counts with its `__init__`.
        Files that a module names as resources (templates) belong to the package folder they lie in.
        """
        return [self.package / file for file in self._imported(script)]

    def digest(self, script: str | Path) -> str:
        """SHA-256 over what a script and the package files that it imports do; no table is made again for words alone.

        Of Python files the syntax tree without docstrings and comments counts, of templates, styles and JavaScript
        every byte. `EXEMPT` modules do not count.
        """
        own = os.path.abspath(script)
        exempt = {one.module for one in EXEMPT}
        files = [file for file in self._imported(script) if file not in exempt]
        named = [(_name(Path(script), self.package), self._meaning(own))]
        return _digest([*named, *((f"{self._root.name}/{file}".encode(), self._meaning(file)) for file in files)])

    def _imported(self, script: str | Path) -> list[str]:
        """The files that a script needs as paths below the package, in the order of their folders."""
        found: set[str] = set()
        waiting = [os.path.abspath(script)]
        while waiting:
            for file in self._needed_by(waiting.pop()):
                if file not in found:
                    found.add(file)
                    if file.endswith(".py"):
                        waiting.append(file)
        return sorted(found, key=_in_folders)

    def keep(self) -> None:
        """Keep what was read for the next process, if anything of it is new and the place can be written."""
        if self._kept_in is None or self._reads.keys() <= self._kept.keys():
            return
        content = {"made_by": _made_by(), "modules": {key: list(read) for key, read in sorted(self._reads.items())}}
        with suppress(OSError):
            write_text(self._kept_in, json.dumps(content) + "\n")

    def _needed_by(self, source: str) -> list[str]:
        """The files of the package that one file imports; `source` is a path below the package, or an absolute one."""
        if source not in self._needs:
            names = sorted(self._imported_names(source))
            self._needs[source] = list(dict.fromkeys(file for name in names for file in self._module_files(name)))
        return self._needs[source]

    def _imported_names(self, source: str) -> set[str]:
        names: set[str] = set()
        for level, base, imported in self._read(source).imports:
            if level:
                relative = (self.package / source).resolve().relative_to(self._root.parent).parent.parts
                relative = relative[: len(relative) - level + 1]
                base = ".".join([*relative, base] if base else relative)
            names.add(base)
            names.update(f"{base}.{name}" for name in imported)
        return {name for name in names if name.split(".")[0] == self.package.name}

    def _module_files(self, name: str) -> list[str]:
        """The files behind a dotted name: every `__init__` on the way, the module, and a package's templates."""
        if name not in self._files:
            self._files[name] = _module_files(name, self._tree, self._beside)
        return self._files[name]

    def _content(self, file: str) -> bytes:
        if file not in self._contents:
            self._contents[file] = (self.package / file).read_bytes()
        return self._contents[file]

    def _read(self, file: str) -> Read:
        content = self._content(file)
        key = hashlib.sha256(content).hexdigest()
        if key not in self._reads:
            self._reads[key] = self._kept.get(key) or _read_code(content)
        return self._reads[key]

    def _meaning(self, file: str) -> bytes:
        return bytes.fromhex(self._read(file).meaning) if file.endswith(".py") else self._content(file)


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


def _tree(package: Path) -> dict[str, frozenset[str]]:
    """The names of the files in each folder of a package; a folder by its dotted name without the package's."""
    here = len(str(package)) + 1
    return {
        folder[here:].replace(os.sep, "."): frozenset(files)
        for folder, _, files in os.walk(package)
        if not folder.endswith("__pycache__")
    }


def _beside(folder: str, files: Iterable[str]) -> list[str]:
    """What a package counts with, whichever of its modules is imported: its `__init__` and its templates."""
    own = sorted(file for file in files if file == "__init__.py" or os.path.splitext(file)[1] in TEMPLATES)
    return [f"{folder.replace('.', '/')}/{file}" for file in own]


def _module_files(name: str, tree: dict[str, frozenset[str]], beside: dict[str, list[str]]) -> list[str]:
    """The files behind a dotted name: every `__init__` on the way, the module, and a package's templates."""
    found = ["__init__.py"] if "__init__.py" in tree[""] else []
    folder = ""
    for part in name.split(".")[1:]:
        inner = f"{folder}.{part}" if folder else part
        if inner in tree:
            found += beside[inner]
            folder = inner
            continue
        if f"{part}.py" in tree[folder]:
            found.append(f"{folder.replace('.', '/')}/{part}.py" if folder else f"{part}.py")
        break
    return found


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
    root = package.resolve()
    own = [
        file
        for folder, names in _tree(package).items()
        if folder.split(".")[0] != "supplied"
        for file in (f"{folder.replace('.', '/')}/{name}" if folder else name for name in names)
        if os.path.splitext(file)[1] in {".py", *TEMPLATES}
    ]
    named = [(f"{root.name}/{file}".encode(), (package / file).read_bytes()) for file in sorted(own, key=_in_folders)]
    beside = sorted(scripts(package).glob("*.py"))
    return _digest([*named, *((_name(file, package), file.read_bytes()) for file in beside)])


def _in_folders(file: str) -> list[str]:
    """Sorts paths as `Path` does: folder by folder."""
    return file.split("/")


def _digest(parts: Iterable[tuple[bytes, bytes]]) -> str:
    """SHA-256 of names and contents."""
    digest = hashlib.sha256()
    for name, content in parts:
        digest.update(name)
        digest.update(content)
    return digest.hexdigest()[:16]


def _name(script: Path, package: Path) -> bytes:
    """Under what a script counts: its path in the package, or, wherever else it lies, its name."""
    path, root = script.resolve(), package.resolve()
    is_of_package = path.is_relative_to(root) and root / "supplied" not in path.parents
    return (path.relative_to(root.parent).as_posix() if is_of_package else path.name).encode()
