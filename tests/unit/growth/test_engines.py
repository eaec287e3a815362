"""The PBC trial as it ships under both engines: the same models and slopes where statsmodels finds the optimum."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from slopewise.cohort import prepare_cohort
from slopewise.folds import FoldPlan, fits, make_folds
from slopewise.growth import GrowthBatch
from slopewise.slopes.crossfit import cross_fit
from slopewise.slopes.marker import growth_model, marker_data
from slopewise.study.reading import parse_study
from slopewise.tables import files as tables
from tests.lengths import of_length

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[3]
ENGINES = ("slopewise", "statsmodels")
MARKERS = of_length(("log_prothrombin",), ("log_bilirubin", "albumin", "log_prothrombin"))

STOPPED = 2e-8
"""Deviance above the optimum at which a fit of statsmodels is no reference to 1e-4: parameters are off by its root.

Excluded by it are nearly all fits of albumin and one of prothrombin, whose optimum lies on the boundary (correlation 1,
where an unconstrained search of the Cholesky factor creeps and stops), and one of bilirubin that stopped early. Ours
must be the lower one there, and the numbers must still agree to `ROUGHLY`.
"""
ROUGHLY = 3e-3


@dataclass(frozen=True)
class Ran:
    """One marker under one engine."""

    scores: pd.DataFrame
    ledger: pd.DataFrame
    batch: GrowthBatch


@cache
def ran(marker: str, engine: str) -> Ran:
    """The shipped study's cross-fit, three folds once: everybody and three training sets."""
    raw = yaml.safe_load((ROOT / "config/studies/pbc.yaml").read_text(encoding="utf-8"))
    raw.setdefault("growth", {})["engine"] = engine
    study = parse_study(yaml.safe_dump(raw, sort_keys=False).encode(), "pbc.yaml")
    cohort = prepare_cohort(study, ROOT)
    patients = tables.check(cohort.patients, "cohort/patients")
    folds = make_folds(patients, FoldPlan(3, 1, 2, 1, study.seed))
    plan = list(fits(folds[folds["scheme"] == "crossfit"], sorted(patients["patient"])))
    data = marker_data(growth_model(study), marker, cohort.measurements, patients, study.landmark_time)
    return Ran(*cross_fit(data, plan))


def tolerances(marker: str) -> np.ndarray:
    """(F,): 1e-4, or `ROUGHLY` where statsmodels stopped above the optimum or says that it did not converge."""
    ours, theirs = (ran(marker, engine).ledger for engine in ENGINES)
    there = theirs["converged"] & (theirs["deviance"] <= ours["deviance"] + STOPPED)
    return np.where(there, 1e-4, ROUGHLY)


@pytest.mark.parametrize("marker", MARKERS)
def test_no_fit_ends_above_statsmodels(marker: str) -> None:
    ours, theirs = (ran(marker, engine).ledger for engine in ENGINES)
    assert ours["converged"].all()
    assert (ours["deviance"] <= theirs["deviance"] + 1e-6).all()
    assert (ours["deviance"] >= theirs["deviance"] - 1e-3).all()
    if marker != "albumin":
        assert (tolerances(marker) == 1e-4).sum() >= 2, "so few references would say little"


@pytest.mark.parametrize("marker", MARKERS)
def test_growth_tables_agree_to_a_ten_thousandth(marker: str) -> None:
    ours, theirs = (ran(marker, engine).batch for engine in ENGINES)
    for j, tolerance in enumerate(tolerances(marker)):
        np.testing.assert_allclose(ours.beta[j], theirs.beta[j], rtol=tolerance)
        np.testing.assert_allclose(ours.se[j], theirs.se[j], rtol=tolerance)
        scale = np.sqrt(np.outer(np.diag(ours.covariance[j]), np.diag(ours.covariance[j])))
        np.testing.assert_allclose(ours.covariance[j] / scale, theirs.covariance[j] / scale, rtol=0, atol=tolerance)
        assert ours.sigma[j] == pytest.approx(theirs.sigma[j], rel=tolerance)


@pytest.mark.parametrize("marker", MARKERS)
def test_slopes_agree_to_a_ten_thousandth(marker: str) -> None:
    """Levels, slopes, their standard errors and reliabilities, against the spread of each between patients."""
    ours, theirs = (ran(marker, engine).scores for engine in ENGINES)
    fits_made = ran(marker, "slopewise").ledger[["repeat", "held_out", "fold"]].assign(tolerance=tolerances(marker))
    assert ours["patient"].equals(theirs["patient"]) and len(ours) > 500
    tolerance = ours.merge(fits_made, on=["repeat", "held_out", "fold"], how="left")["tolerance"].to_numpy()
    for name in ("intercept", "level", "slope", "slope_deviation", "level_se", "slope_se", "reliability"):
        spread = 1.0 if name == "reliability" else float(ours[name.removesuffix("_se")].std())
        apart = np.abs(ours[name] - theirs[name]).to_numpy() / spread
        assert (apart <= tolerance).all(), name
