"""Make measurements.csv and patients.csv of this folder from ACTG175.csv, as the Python package `lifelines` carries it.

Run as ``python data/actg175/extract.py [FOLDER]``; the same input gives the same bytes. The counts at baseline and at
20 weeks become rows; everything else is one value a patient.
"""

from __future__ import annotations

import sys
from importlib.resources import files
from pathlib import Path

import pandas as pd

DAYS = {"cd40": 0, "cd420": 140}  # baseline, and 20 weeks later
SECOND = {"cd80": 0, "cd820": 140}
PATIENT_COLUMNS = ["age", "wtkg", "hemo", "homo", "drugs", "karnof", "z30", "preanti", "race", "gender", "str2"]
PATIENT_COLUMNS += ["symptom", "treat", "arms", "offtrt", "cd496", "cens", "days"]
WHOLE_NUMBERS = [name for name in PATIENT_COLUMNS if name != "wtkg"]


def split(source: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Counts (two rows a patient) and patients (one row each) of the 2,139 rows of the source."""
    source = source.rename(columns={"pidnum": "id"}).astype({"id": "int64"})
    parts = [
        pd.DataFrame({"id": source["id"], "day": DAYS[four], "cd4": source[four], "cd8": source[eight]})
        for four, eight in zip(DAYS, SECOND, strict=True)
    ]
    measurements = pd.concat(parts).sort_values(["id", "day"]).astype({"cd4": "Int64", "cd8": "Int64"})
    patients = source[["id", *PATIENT_COLUMNS]].sort_values("id").astype(dict.fromkeys(WHOLE_NUMBERS, "Int64"))
    return measurements, patients


def main(folder: Path) -> None:
    """Write both files into `folder`."""
    with (files("lifelines.datasets") / "ACTG175.csv").open() as stream:
        measurements, patients = split(pd.read_csv(stream))
    for name, frame in (("measurements", measurements), ("patients", patients)):
        frame.to_csv(folder / f"{name}.csv", index=False, encoding="utf-8", lineterminator="\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent)
