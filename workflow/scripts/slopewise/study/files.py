"""The files that a run is asked for and needs: told before anything runs when one cannot be.

Snakemake imports this module at each start: nothing heavy.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Collection, Mapping
from pathlib import Path

from slopewise.run.errors import InputError
from slopewise.study.errors import close_to
from slopewise.study.model import Study

WAYS = (
    "write --config study=PATH for your study file (slopewise init proposes one), or --config studies=[pbc] for the "
    "studies supplied"
)
"""How a run is told its studies."""


def asked_studies(given: Mapping[str, object], listed: object, at_home: bool) -> tuple[str | None, tuple[str, ...]]:
    """The path of one study file, or the names of studies that ship; exactly one of the two is filled.

    `given` are the keys of `--config` and `--configfile`, `listed` the `studies` that hold without them
    (config/config.yaml); these are run only in the folder of slopewise (`at_home`), since elsewhere nobody who forgot
    to name a study wants them. Raises `InputError` for an unknown key and where no study is named.
    """
    for key in given:
        if key not in ("study", "studies"):
            close = close_to(key, ["study", "studies"])
            meant = f"; did you mean {close}?" if close else ""
            raise InputError(f"--config {key}: there is no such key{meant} ({WAYS})")
    if "study" in given:
        path = given["study"]
        if not isinstance(path, str | int | float) or isinstance(path, bool) or not str(path).strip():
            what = "is empty" if path is None or path == "" else f"is {path!r}, which is not a path"
            raise InputError(f"--config study: {what}; write --config study=PATH, for example study=study.yaml")
        return str(path).strip(), ()
    names = given.get("studies", listed if at_home else None)
    if "studies" not in given and not at_home:
        raise InputError(f"no study is named; {WAYS}")
    names = [names] if isinstance(names, str) and names.strip() else names
    if not isinstance(names, list | tuple) or not names or not all(isinstance(name, str) for name in names):
        raise InputError(f"studies: no study is named; {WAYS}")
    return None, tuple(names)


def not_in_this_run(name: str, studies: Collection[str], shipped: Collection[str]) -> str:
    """Why a file of the study `name` cannot be made, and the way out; `shipped` are the studies that could be run."""
    if name in shipped and name not in studies:
        return (
            f"the study {name} is not in this run; add --config study=config/studies/{name}.yaml, "
            "or name it under `studies` in config/config.yaml"
        )
    close = close_to(name, [*studies, *shipped])
    meant = f"; did you mean {close}?" if close else ""
    there_are = ", ".join(studies) or "none that can make this file"
    return f"there is no study {name} in this run{meant} (studies of this run: {there_are})"


def input_file(folder: Path, name: str, key: str) -> Path:
    """The file `name` (beside `folder` unless absolute) that a study gives under `key`; `InputError` without it."""
    path = folder / name
    if path.is_dir():
        raise InputError(f"{name}: is a folder, not a file ({key}); name the file in it")
    if not path.is_file():
        raise InputError(f"{name}: there is no such file ({key}; looked in {path.parent}){_similar_file(path)}")
    return path


def is_pattern(folder: Path, name: str) -> bool:
    """Whether a name stands for several files; a file that has a `*` or `?` in its name stands for itself."""
    return ("*" in name or "?" in name) and not (folder / name).is_file()


def input_files(folder: Path, name: str, key: str) -> list[str]:
    """The names of the files that a study gives under `key`: those that fit a pattern in sorted order, or the one.

    Hidden files and the lock files of spreadsheet programs (`~$visits.xlsx`) fit no pattern. Raises `InputError` where
    a file is not there, and where none fits.
    """
    if not is_pattern(folder, name):
        input_file(folder, name, key)
    found = fitting_files(folder, name)
    if not found:
        raise InputError(f"{name}: no file fits this pattern ({key}; looked in {folder / name}); correct the pattern")
    return found


def fitting_files(folder: Path, name: str) -> list[str]:
    """The names of the files that fit a pattern, in sorted order; another name as it is, whether or not it is there."""
    if not is_pattern(folder, name):
        return [name]
    fitting = glob.glob(name.replace("[", "[[]"), root_dir=folder)
    return sorted(one for one in fitting if (folder / one).is_file() and not os.path.basename(one).startswith("~$"))


def files_of(study: Study) -> dict[str, str]:
    """The files, or patterns of files, that a study reads, by their keys: its tables, and those of `filters`."""
    return {**study.data.files, **study.filters.files}


def every_file_of(study: Study, folder: Path) -> list[str]:
    """The names of all files that a study reads, each once, patterns expanded; `InputError` for a missing one."""
    named = [one for key, name in files_of(study).items() for one in input_files(folder, name, key)]
    return list(dict.fromkeys(named))


def check_inputs(study: Study, folder: Path) -> None:
    """Raise `InputError` where a file that the study names is not there."""
    every_file_of(study, folder)


def _similar_file(path: Path) -> str:
    if not path.parent.is_dir():
        return "; check the path"
    close = close_to(path.name, [file.name for file in path.parent.iterdir() if file.is_file()])
    return f"; did you mean {close}?" if close else "; check the path"
