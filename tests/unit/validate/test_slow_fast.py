"""Slow and fast change at one level: R's standardised risks, what moves them, and resamples that lack the slope."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from slopewise.outcome.choices import Choices
from slopewise.outcome.fit import fit_ladder
from slopewise.outcome.ladder import LadderData, ladder_data
from slopewise.study.reading import parse_study
from slopewise.tables import files as tables
from slopewise.validate.slow_fast import COLUMNS, STEP, SlowFast

NONE = Choices({"slope": {}}, {"slope": ()}, {"slope": {}})
GOLDEN = Path(__file__).resolve().parents[2] / "golden"
KINDS: dict[str, dict[str, Any]] = {
    "survival": {"kind": "survival", "time": "end", "time_unit": "years", "event": "status", "events": {1: "death"},
                 "horizons": [3, 5, 8]},
    "binary": {"kind": "binary", "column": "died", "positive": "1", "after_measurements": True},
    "continuous": {"kind": "continuous", "column": "score", "after_measurements": True},
}  # fmt: skip

WITHOUT: Any = None
"""No resample: nothing of it is asked for."""


def cohort() -> pd.DataFrame:
    return pd.read_csv(GOLDEN / "outcome_cohort.csv", dtype={"patient": str})


def data_of(kind: str, markers: tuple[str, ...] = ("bilirubin",)) -> LadderData:
    """The cohort of the golden file, whose patients have `markers` with no facts of their own."""
    content = {
        "study": "golden", "seed": 1,
        "data": {"measurements": "m.csv", "patient": "id", "time": "t", "time_unit": "years",
                 "analysis_unit": "years"},
        "markers": {name: {"column": name} for name in markers}, "landmark": 2,
        "outcome": {**KINDS[kind], "covariates": ["age", "male"], "penalty": "none"},
    }  # fmt: skip
    study = parse_study(yaml.safe_dump(content).encode(), "study.yaml")
    people = cohort()
    people["outcome"] = people["event"].astype(float) if kind == "binary" else people["age"] - 3 * people["albumin"]
    facts = dict.fromkeys(("first", "last", "delta", "slope_ols"), 0.0)
    slopes = pd.concat([people[["patient"]].assign(marker=name, level=0.0, slope=0.0, **facts) for name in markers])
    columns = ["patient", "age", "male", *(["followup", "event"] if kind == "survival" else ["outcome"])]
    return replace(ladder_data(study, people[columns], slopes), choices=NONE)


def fitted(data: LadderData, level: np.ndarray, slope: np.ndarray, counts: np.ndarray | None = None) -> Any:
    never = np.zeros(level.shape[1], dtype=bool)
    return fit_ladder(data, level, slope, never, counts=counts, steps=[STEP])


def watched(kind: str, level: np.ndarray, slope: np.ndarray) -> SlowFast:
    data = data_of(kind, tuple(f"m{place}" for place in range(level.shape[1])))
    fit: Any = SimpleNamespace(data=data, fitted=fitted(data, level, slope), level=level, slope=slope)
    return SlowFast(fit)


def columns(*names: str) -> np.ndarray:
    return cohort().sort_values("patient")[list(names)].to_numpy(dtype=float)


def test_the_risks_are_those_of_survival() -> None:
    found = tables.check(watched("survival", columns("log_bilirubin"), columns("albumin")).table(), "outcome/slow_fast")
    known = pd.read_csv(GOLDEN / "slow_fast.csv")
    for name in known.columns:
        assert found[name].tolist() == pytest.approx(known[name].tolist(), rel=1e-8), name
    assert found["difference"].tolist() == pytest.approx((known["risk_90"] - known["risk_10"]).tolist(), rel=1e-7)
    assert (found["resamples"] == 0).all() and found[["low", "high"]].isna().all(axis=None)


def test_a_linear_outcome_changes_by_the_coefficient_times_the_change_of_slope() -> None:
    level, slope = columns("log_bilirubin"), columns("albumin")
    made = watched("continuous", level, slope)
    row = made.table().iloc[0]
    x = np.column_stack([np.ones(len(level)), columns("age", "male"), level, slope])
    beta = np.linalg.lstsq(x, columns("age")[:, 0] - 3 * slope[:, 0], rcond=None)[0]
    assert row["difference"] == pytest.approx(beta[-1] * (row["slope_90"] - row["slope_10"]))
    assert np.isnan(row["horizon"])


def test_the_other_markers_keep_their_values_and_each_marker_has_rows() -> None:
    level, slope = columns("log_bilirubin", "coarse"), columns("albumin", "copies")
    made = watched("binary", level, slope)
    found = made.table().set_index("marker")
    model, data = made.fit.fitted.models["slope"], made.fit.data
    one, other = level.copy(), slope.copy()
    one[:, 1], other[:, 1] = np.median(level[:, 1]), np.quantile(slope[:, 1], 0.9)
    risks = [
        model.risk(data.raw(STEP, np.array([row]), one, other), data.stratum[[row]])[0, 0] for row in range(len(level))
    ]
    assert found.loc["m1", "risk_90"] == pytest.approx(np.mean(risks)) and list(found.index) == ["m0", "m1"]


def test_resamples_give_the_interval_and_those_without_the_slope_are_left_out() -> None:
    level, slope = columns("log_bilirubin"), columns("albumin")
    made = watched("survival", level, slope)
    rng, each = np.random.default_rng(3), []
    for _ in range(12):
        counts = np.bincount(rng.integers(len(level), size=len(level)), minlength=len(level))
        one = fitted(made.fit.data, level, slope, counts)
        made.add(made.of_resample(0, WITHOUT, one, level, slope))
        each.append(made.draws[-1][0, 0])
    lacking = replace(made.fit.data, choices=replace(NONE, left_out={"slope": {"m0.slope": "left out"}}))
    made.add(made.of_resample(0, WITHOUT, fitted(lacking, level, slope), level, slope))
    found = made.table()
    assert (found["resamples"] == 12).all() and np.isnan(made.draws[-1]).all()
    np.testing.assert_allclose(found["low"], np.percentile(each, 2.5, axis=0))
    np.testing.assert_allclose(found["high"], np.percentile(each, 97.5, axis=0))
    assert (found["low"] < found["difference"]).all() and (found["difference"] < found["high"]).all()


def test_a_model_without_slopes_has_no_row() -> None:
    level, slope = columns("log_bilirubin"), columns("albumin")
    data = replace(data_of("survival"), choices=replace(NONE, left_out={"slope": {"bilirubin.slope": "left out"}}))
    fit: Any = SimpleNamespace(data=data, fitted=fitted(data, level, slope), level=level, slope=slope)
    made = SlowFast(fit)
    made.add(made.of_resample(0, WITHOUT, fit.fitted, level, slope))
    found = made.table()
    assert found.empty and list(found.columns) == list(COLUMNS)
    tables.check(found, "outcome/slow_fast")
