"""Growth models of shipped studies side by side, and the numbers that R found for them (tests/golden)."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from slopewise.cohort import prepare_cohort
from slopewise.growth.evidence.compare import SideBySide, fit_side_by_side, textbook_model
from slopewise.slopes.marker import growth_model, marker_data
from slopewise.study.reading import load_study

ROOT = Path(__file__).resolve().parents[3]


def numbers(golden: pd.DataFrame, case: str, model: str, kind: str) -> pd.Series:
    """The values of one kind, by name."""
    rows = golden[(golden["case"] == case) & (golden["model"] == model) & (golden["kind"] == kind)]
    assert len(rows), (case, model, kind)
    return rows.set_index("name")["value"]


def studies_side_by_side(cases: Sequence[str]) -> dict[str, SideBySide]:
    """The three models of the first marker of each of these studies."""
    found = {}
    for case in cases:
        study = load_study(ROOT / f"config/studies/{case}.yaml")
        cohort = prepare_cohort(study, ROOT)
        marker = next(iter(study.markers))
        model = textbook_model(growth_model(study))
        data = marker_data(model, marker, cohort.measurements, cohort.patients, study.landmark_time)
        found[case] = fit_side_by_side(data.growth)
    return found
