"""The files that a run is asked for and needs: told before anything runs when one cannot be.

Snakemake imports this module at each start: nothing heavy.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection
from pathlib import Path

from slopewise.run import InputError
from slopewise.study import Study


def not_in_this_run(name: str, studies: Collection[str], shipped: Collection[str]) -> str:
    """Why a file of the study `name` cannot be made, and the way out; `shipped` are the studies that could be run."""
    if name in shipped and name not in studies:
        return (
            f"the study {name} is not in this run; add --config study=config/studies/{name}.yaml, "
            "or name it under `studies` in config/config.yaml"
        )
    close = difflib.get_close_matches(name, [*studies, *shipped], 1)
    meant = f"; did you mean {close[0]}?" if close else ""
    there_are = ", ".join(studies) or "none that can make this file"
    return f"there is no study {name} in this run{meant} (studies of this run: {there_are})"


def input_file(folder: Path, name: str, key: str) -> Path:
    """The file `name` (beside `folder` unless absolute) that a study gives under `key`; `InputError` without it."""
    path = folder / name
    if path.is_dir():
        raise InputError(f"{name}: is a folder, not a file ({key})")
    if not path.is_file():
        raise InputError(f"{name}: there is no such file ({key}; looked in {path.parent}){_similar_file(path)}")
    return path


def check_inputs(study: Study, folder: Path) -> None:
    """Raise `InputError` where a file that the study names is not there."""
    input_file(folder, study.data.measurements, "data.measurements")
    if study.data.patients:
        input_file(folder, study.data.patients, "data.patients")


def _similar_file(path: Path) -> str:
    if not path.parent.is_dir():
        return ""
    names = [file.name for file in path.parent.iterdir() if file.is_file()]
    close = difflib.get_close_matches(path.name, names, 1)
    return f"; did you mean {close[0]}?" if close else ""
