"""Make measurements.csv of this folder from `DS01.csv` of the R package replicateBE (`inst/extdata`).

Run as ``python data/bioequivalence/extract.py DS01.csv [FOLDER]``; the same input gives the same bytes. The path of the
file in an installed package is what R prints for ``system.file("extdata", "DS01.csv", package = "replicateBE")``.
Columns are renamed and the logarithm, which the study takes itself, is left out; no value is changed.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd


def main(source: Path, folder: Path) -> None:
    """Write the file into `folder`."""
    frame = pd.read_csv(source, comment="#", dtype=str)[["subject", "period", "sequence", "treatment", "PK"]]
    frame = frame.rename(columns={"PK": "pk"})
    # A number for the growth model, whose predictor the treatment is: 0 in the reference R, 1 in the test product T.
    frame.insert(4, "test", (frame["treatment"] == "T").astype(int))
    frame.to_csv(folder / "measurements.csv", index=False, encoding="utf-8", lineterminator="\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else Path(__file__).resolve().parent)
