"""A simulated study as files: the two tables, the truth, and a study file that runs."""

from __future__ import annotations

import gzip
from pathlib import Path

import pandas as pd

from slopewise.run.errors import InputError
from slopewise.run.files import atomic, write_text
from slopewise.simulate.names import POSITIVE
from slopewise.simulate.radiomics import Radiomics

MEASUREMENTS, PATIENTS, TRUTH, TRUE_PATIENTS, STUDY = (
    "measurements.csv.gz",
    "patients.csv",
    "truth_features.csv",
    "truth_patients.csv",
    "study.yaml",
)

STUDY_TEXT = """\
# A simulated study; {truth} and {people} beside it hold the truth.
study: {name}
title: Simulated features of {patients} patients
description: >-
  Simulated by `slopewise simulate radiomics`: {features} correlated features at 3 to 7 scans, of which the slopes of
  {driving} drive the hazard (log hazard ratio 0.4 per SD of the true slope). No patient is real.
seed: {seed}
data:
  measurements: {folder}/{measurements}
  patients: {folder}/{table}
  patient: patient
  time: year
  time_unit: years
  analysis_unit: years
features:
{patterns}growth:
  bootstrap: 0
landmark: 2
outcome:
  kind: survival
  time: years
  time_unit: years
  event: status
  events: {{1: event}}
  covariates: [age, sex]
  horizons: [2, 4]
  bootstrap: 0
crossfit: {{folds: 5, repeats: 1}}
validation: {{folds: 5, repeats: 1, bootstrap: 200}}
"""


def write_study(made: Radiomics, folder: Path, name: str, seed: int, force: bool = False) -> list[Path]:
    """Write the study into `folder`, which is made; returns the files.

    Raises `InputError` where one of them is there and `force` is not given.
    """
    paths = {file: folder / file for file in (MEASUREMENTS, PATIENTS, TRUTH, TRUE_PATIENTS, STUDY)}
    there = [path for path in paths.values() if path.exists()]
    if there and not force:
        raise InputError(f"{there[0]}: the file is there; --force writes over it, --to names another folder")
    tables = {
        MEASUREMENTS: made.measurements,
        PATIENTS: made.patients,
        TRUTH: made.features,
        TRUE_PATIENTS: made.people,
    }
    for file, table in tables.items():
        _write(table, paths[file])
    write_text(paths[STUDY], study_text(made, folder, name, seed))
    return list(paths.values())


def _write(table: pd.DataFrame, path: Path) -> None:
    """Write CSV, compressed for a name ending in .gz; equal tables give equal bytes."""
    content = table.to_csv(index=False, float_format="%.10g", lineterminator="\n").encode()
    with atomic(path) as temporary:
        temporary.write_bytes(gzip.compress(content, 6, mtime=0) if path.suffix == ".gz" else content)


def study_text(made: Radiomics, folder: Path, name: str, seed: int) -> str:
    """The study file."""
    families = {feature.split("_")[1] for feature in made.features["feature"]}
    positive = [f'"*_{family}_*"' for family in POSITIVE if family in families]
    listed = f"[{', '.join(positive)}]"
    patterns = f"  positive: {{pattern: {listed}, transform: log}}\n" if positive else ""
    if any(family not in POSITIVE for family in families):
        without = ", ".join(['"diagnostics_*"', *positive])
        patterns += f'  others: {{pattern: "*_*_*", exclude: [{without}]}}\n'
    return STUDY_TEXT.format(
        truth=TRUTH,
        people=TRUE_PATIENTS,
        name=name,
        patients=len(made.patients),
        features=len(made.features),
        driving=int((made.features["log_hr"] > 0).sum()),
        seed=seed,
        folder=folder.as_posix(),
        measurements=MEASUREMENTS,
        table=PATIENTS,
        patterns=patterns,
    )
