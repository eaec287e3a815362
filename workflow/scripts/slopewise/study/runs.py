"""The runs of a study file: one for a single landmark, or one for each landmark of a list, each in a folder of its own.

A run of a list has a study file of its own, the same but for the landmark, so that a rule's script reads one file and
knows nothing of lists. Snakemake imports this module at each start: nothing heavy.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import yaml

from slopewise.run.files import write_text
from slopewise.study.model import Study
from slopewise.study.reading import load_study


@dataclass(frozen=True)
class Run:
    """One run: its folder below ``results/``, the study file that its scripts read, the study, the user's own file."""

    folder: str
    file: Path
    study: Study
    source: Path


def runs_of(file: Path, beside: Path) -> list[Run]:
    """The runs of the study in `file`; the study files of a list's runs are kept up to date below the folder `beside`.

    Raises `InputError` for a mistake in the study file.
    """
    study = load_study(file)
    if not isinstance(study.landmark, tuple):
        return [Run(study.study, file, study, file)]
    found = []
    for landmark in study.landmark:
        folder = f"{study.study}/landmark-{landmark:.12g}"
        own = beside / f"{folder}.yaml"
        content = study.at(landmark).model_dump(mode="json", exclude_unset=True)
        text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
        if not own.is_file() or own.read_text(encoding="utf-8") != text:
            write_text(own, text)
        found.append(Run(folder, own, load_study(own), file))
    return found
