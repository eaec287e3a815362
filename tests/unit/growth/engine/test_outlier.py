"""A marker with outlying visits, where expected curvature misleads: numbers in golden/growth_outlier.csv, from lme4."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from slopewise.growth import GrowthBatch, GrowthModel
from slopewise.growth.fitting import fit_batch

ROOT = Path(__file__).parents[4]
LANDMARK = 2.0  # years
REFERENCE = pd.read_csv(ROOT / "tests/golden/growth_outlier.csv", dtype={"name": str})
LEFT_OUT = [(outer, inner) for outer in range(5) for inner in range(-1, 5)]  # inner -1: the outer fifth alone


def expected(kind: str) -> np.ndarray:
    """(fits, numbers of this kind)."""
    rows = REFERENCE[REFERENCE["kind"] == kind].set_index(["outer", "inner"])["value"]
    return np.array([rows.loc[[left_out]] for left_out in LEFT_OUT])


@cache
def rows() -> pd.DataFrame:
    """The visits up to the landmark of the patients at risk then."""
    patients = pd.read_csv(ROOT / "data/pbcseq/patients.csv")
    measurements = pd.read_csv(ROOT / "data/pbcseq/measurements.csv")
    at_risk = patients.loc[patients["futime"] / 365.25 > LANDMARK, "id"]
    frame = measurements.assign(time=measurements["day"] / 365.25, log_prothrombin=np.log(measurements["protime"]))
    return frame[frame["id"].isin(at_risk) & (frame["time"] <= LANDMARK)]


@cache
def batch() -> GrowthBatch:
    """The fits of nested cross-fitting, five times five plus one, their structure decided by the ladder."""
    data = GrowthModel(bounds=(0, LANDMARK)).data(rows(), "log_prothrombin", patient="id")
    number = np.array(data.patients, dtype=np.int64)
    counts = [(number % 5 != outer) & (number // 5 % 5 != inner) for outer, inner in LEFT_OUT]
    return fit_batch(data, np.array(counts))


def test_no_fit_ends_above_lme4() -> None:
    above = batch().deviance - expected("deviance")[:, 0]
    assert above.max() <= 1e-6
    assert above.min() >= -1e-3, "so far below, the constant of the deviance must differ"


def test_no_fit_falls_down_the_ladder() -> None:
    assert batch().structure == ["correlated"] * len(LEFT_OUT)
    assert batch().converged.all()


@pytest.mark.parametrize(("kind", "tolerance"), [("fixed", 1e-5), ("se", 1e-5), ("covariance", 1e-4), ("sigma", 1e-5)])
def test_estimates_agree(kind: str, tolerance: float) -> None:
    fits = batch()
    lower = fits.covariance[:, [0, 1, 1], [0, 0, 1]]
    mine = {"fixed": fits.beta, "se": fits.se, "covariance": lower, "sigma": fits.sigma[:, None]}[kind]
    np.testing.assert_allclose(mine, expected(kind), rtol=tolerance)
