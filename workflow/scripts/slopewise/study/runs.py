"""The runs of a study file: one for a single landmark, or one for each landmark of a list, each in a folder of its own.

A run of a list has a study file of its own, the same but for the landmark, so that a rule's script reads one file and
knows nothing of lists. So has a study with patterns of many columns (`features`), with a marker for each, and one with
databases, with a file for each. Snakemake
imports this module at each start: nothing heavy.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import yaml

from slopewise import __version__
from slopewise.run.files import file_digest, write_text
from slopewise.study.files import input_files
from slopewise.study.model import Study
from slopewise.study.reading import load_study


@dataclass(frozen=True)
class Run:
    """One run: its folder below ``results/``, the study file that its scripts read, the study, the user's own file."""

    folder: str
    file: Path
    study: Study
    source: Path


def runs_of(file: Path, beside: Path, expand: Expand | None = None) -> list[Run]:
    """The runs of the study in `file`; the study files that are made for them are kept up to date below `beside`.

    `expand` gives each column of a pattern its marker and each database a file. Raises `InputError` for a mistake in
    the study file, and `ValueError` for a study with patterns or databases where nothing expands them.
    """
    study = load_study(file)
    read = file
    if study.features or study.data.databases:
        if expand is None:
            raise ValueError("a study with patterns of columns (features) or databases needs functions that read them")
        read = beside / f"{study.study}.yaml"
        if study.data.databases:
            study = expand.tables(study, expand.folder(study))
            _keep(read, _text(study))
        if study.features:
            study = _with_markers(file, study, read, expand)
    if not isinstance(study.landmark, tuple):
        return [Run(study.study, read, study, file)]
    found = []
    for landmark in study.landmark:
        folder = f"{study.study}/landmark-{landmark:.12g}"
        own = beside / f"{folder}.yaml"
        _keep(own, _text(study.at(landmark)))
        found.append(Run(folder, own, load_study(own), file))
    return found


@dataclass(frozen=True)
class Expand:
    """How patterns become markers and databases files: `folder`, where the study's paths start, `markers`, which reads
    the columns, and `tables`, which puts files in place of databases."""

    folder: Callable[[Study], Path]
    markers: Callable[[Study, Path], Study]
    tables: Callable[[Study, Path], Study]


def _with_markers(file: Path, study: Study, own: Path, expand: Expand) -> Study:
    """The study with every marker, read from the file `own` where that was made of the same files."""
    folder = expand.folder(study)
    names = input_files(folder, study.data.files["data.measurements"], "data.measurements")
    digests = " and ".join(file_digest(path) for path in [file, *(folder / name for name in names)])
    made_of = f"# Made of {digests} by slopewise {__version__}\n"
    if own.is_file() and own.read_text(encoding="utf-8").startswith(made_of):
        return load_study(own)
    _keep(own, made_of + _text(expand.markers(study, folder)))
    return load_study(own)


def _text(study: Study) -> str:
    """A study as a study file: what its author wrote, and no default."""
    return yaml.dump(
        study.model_dump(mode="json", exclude_unset=True),
        Dumper=getattr(yaml, "CSafeDumper", yaml.SafeDumper),
        sort_keys=False,
        allow_unicode=True,
    )


def _keep(path: Path, text: str) -> None:
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        write_text(path, text)
