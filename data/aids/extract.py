"""Make measurements.csv and patients.csv of this folder from `aids`, as the Python package `SurvSet` carries it.

Run as ``python data/aids/extract.py [FOLDER]``; the same input gives the same bytes. The source has a row for each
interval between two visits; its start is the visit, and the end of a patient's last one the end of follow-up.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd
from SurvSet.data import SurvLoader

NEW_NAMES = {"pid": "id", "time": "month", "num_CD4": "sqrt_cd4"}
PATIENT_COLUMNS = {"fac_drug": "drug", "fac_gender": "gender", "fac_prevOI": "previous_infection", "fac_AZT": "azt"}


def split(source: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Visits (one row a patient and month) and patients (one row each) of the 1,405 rows of the source."""
    rows = source.astype({"pid": "int64"}).sort_values(["pid", "time"])
    measurements = rows[list(NEW_NAMES)].rename(columns=NEW_NAMES)
    last = rows.groupby("pid", observed=True).agg(months=("time2", "max"), died=("event", "max"))
    facts = rows.drop_duplicates("pid").set_index("pid")[list(PATIENT_COLUMNS)].rename(columns=PATIENT_COLUMNS)
    patients = last.join(facts).rename_axis("id").reset_index()
    return measurements.astype({"id": "int64", "month": "int64"}), patients.astype({"id": "int64", "died": "int64"})


def main(folder: Path) -> None:
    """Write both files into `folder`."""
    measurements, patients = split(SurvLoader().load_dataset(ds_name="aids")["df"])
    for name, frame in (("measurements", measurements), ("patients", patients)):
        frame.to_csv(folder / f"{name}.csv", index=False, encoding="utf-8", lineterminator="\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent)
