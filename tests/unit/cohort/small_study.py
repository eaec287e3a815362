"""A study of four patients that a reader can check by hand, and ways to change it."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from slopewise.cohort import Cohort, prepare_cohort
from slopewise.study.model import Study
from slopewise.study.reading import parse_study

# Four patients, at risk at landmark 2 (years) but for D; visits of A and C after it; sizes that a reader can check.
MEASUREMENTS = """id,day,bili,albumin,dose
A,0,1,3.5,10
A,365.25,2,3.4,20
A,1000,9,3.1,90
B,0,1.5,3.9,0
B,500,,4.0,0
C,0,0.5,3.2,5
C,1461,0.7,3.0,7
D,0,2.5,2.9,1
"""
PATIENTS = """id,futime,status,age,sex
A,3652.5,2,50,f
B,1461,0,60,m
C,2922,1,41.5,f
D,300,1,70,m
"""


def study_of(**changes: Any) -> Study:
    """A small study of `m.csv` and `p.csv`; ``data__time_unit="date"`` changes a key, None removes it."""
    content: dict[str, Any] = {
        "study": "small",
        "seed": 1,
        "data": {
            "measurements": "m.csv",
            "patients": "p.csv",
            "patient": "id",
            "time": "day",
            "time_unit": "days",
            "analysis_unit": "years",
        },
        "markers": {"log_bilirubin": {"column": "bili", "transform": "log"}, "albumin": {"column": "albumin"}},
        "landmark": 2,
        "outcome": {
            "kind": "survival",
            "time": "futime",
            "time_unit": "days",
            "event": "status",
            "events": {1: "transplant", 2: "death"},
            "covariates": ["age", "sex"],
            "horizons": [1],
        },
    }
    for key, value in changes.items():
        *parents, last = key.split("__")
        place = content
        for parent in parents:
            place = place.setdefault(parent, {})
        if value is None:
            place.pop(last, None)
        else:
            place[last] = value
    return parse_study(yaml.safe_dump(content, sort_keys=False).encode(), "small.yaml")


def prepare(folder: Path, measurements: str = MEASUREMENTS, patients: str | None = PATIENTS, **changes: Any) -> Cohort:
    (folder / "m.csv").write_text(measurements, encoding="utf-8")
    if patients is not None:
        (folder / "p.csv").write_text(patients, encoding="utf-8")
    return prepare_cohort(study_of(**changes), folder)


def in_memory(text: str) -> pd.DataFrame:
    return pd.read_csv(io.StringIO(text), dtype=str, keep_default_na=False)


def assert_same(one: Cohort, other: Cohort) -> None:
    """All that enters an analysis is the same, to the last bit."""
    for name in ("measurements", "later", "patients", "flow"):
        pd.testing.assert_frame_equal(getattr(one, name), getattr(other, name), check_exact=True)


def dated(text: str, style: str = "%Y-%m-%d", columns: tuple[str, ...] = ("day", "futime")) -> str:
    """Whole days from 2001-01-01 written as dates."""
    frame = in_memory(text)
    for column in set(columns) & set(frame.columns):
        days = pd.to_datetime("2001-01-01") + pd.to_timedelta(frame[column].astype(float).astype(int), unit="D")
        frame[column] = days.dt.strftime(style)
    return frame.to_csv(index=False)


WHOLE = (MEASUREMENTS.replace("365.25", "365"), PATIENTS.replace("3652.5", "3652"))
DATES = {"data__time_unit": "date", "outcome__time_unit": "date"}


def merged(measurements: str = MEASUREMENTS, patients: str = PATIENTS) -> pd.DataFrame:
    return in_memory(measurements).merge(in_memory(patients), on="id", how="left")
