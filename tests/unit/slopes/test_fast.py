"""Fast changers: the prediction variance by dense algebra, calibration against known slopes, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from slopewise.folds import CROSSFIT, FoldPlan, TrainingFit, fits, make_folds
from slopewise.growth import GrowthModel
from slopewise.run.errors import InputError
from slopewise.slopes.crossfit import fit_all
from slopewise.slopes.facts import facts
from slopewise.slopes.fast import fast_changers, predicted, probability
from slopewise.slopes.marker import MarkerData, marker_data
from slopewise.study.keys import FastChange
from slopewise.tables import files as tables
from tests.lengths import of_length
from tests.unit.cohort.small_study import study_of

ROOT = Path(__file__).resolve().parents[3]


def laid_out(
    rows: pd.DataFrame, model: GrowthModel, folds: int = 3, repeats: int = 1
) -> tuple[MarkerData, list[TrainingFit]]:
    cohort = pd.DataFrame({"patient": sorted(rows["patient"].unique())})
    data = marker_data(model, "y", rows, cohort, 4.0)
    table = make_folds(cohort, FoldPlan(folds, repeats, 2, 1, 7))
    return data, list(fits(table[table["scheme"] == CROSSFIT], data.patients))


def changers(
    rows: pd.DataFrame, asked: FastChange, model: GrowthModel | None = None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    data, plan = laid_out(rows, model or GrowthModel())
    batch = fit_all(data, plan)
    own = facts(rows, pd.DataFrame({"patient": data.patients}), "y", False)
    found = fast_changers(data, plan, batch, own, asked, np.random.default_rng(1))
    for name, frame in zip(("fast_changers", "fast_share"), found, strict=True):
        tables.check(frame.assign(marker="y"), f"slopes/{name}")
    return found


def simulated(rng: np.random.Generator, n: int = 200) -> tuple[pd.DataFrame, pd.Series]:
    """Rows, 2 to 5 a patient, and each patient's true slope: mean -0.5, SD 0.5."""
    names = [f"p{k:03d}" for k in range(n)]
    visits = rng.integers(2, 6, n)
    patients = np.repeat(np.arange(n), visits)
    time = rng.uniform(0, 4, len(patients))
    level, slope = rng.normal(5, 1, n), rng.normal(-0.5, 0.5, n)
    y = level[patients] + slope[patients] * time + rng.normal(0, 0.8, len(patients))
    rows = pd.DataFrame({"patient": np.array(names, dtype=object)[patients], "time": time, "y": y})
    return rows, pd.Series(slope, index=names)


@pytest.mark.parametrize("formula", ["~ time", "~ poly(time, 2)"])
def test_the_prediction_variance_is_that_of_dense_algebra(formula: str) -> None:
    rows, _ = simulated(np.random.default_rng(3), 30)
    data, plan = laid_out(rows, GrowthModel(fixed=formula))
    batch = fit_all(data, plan)
    place = next(k for k, fit in enumerate(plan) if fit.repeat == 1 and fit.fold == 1)
    who = np.flatnonzero(plan[place].scored)
    found = predicted(data, batch, place, who)
    psi, sigma2, design = batch.covariance[place], batch.sigma[place] ** 2, batch.designs[batch.design_of[place]]

    def matrices(patient: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        own = rows[rows["patient"] == data.patients[patient]]
        x, z = design.fixed.matrix(own), design.random.matrix(own)
        return x, z, np.linalg.inv(z @ psi @ z.T + sigma2 * np.eye(len(own)))

    information = np.zeros((batch.beta.shape[1],) * 2)
    for patient in np.flatnonzero(plan[place].trained):
        x, _, inverse = matrices(int(patient))
        information += x.T @ inverse @ x
    covariance = np.linalg.inv(information)
    dx, dz = batch.design_derivative(data.covariates, data.at, place)
    for k, patient in enumerate(who):
        x, z, inverse = matrices(int(patient))
        own = dz[patient] @ (psi - psi @ z.T @ inverse @ z @ psi) @ dz[patient]
        a = dx[patient] - x.T @ inverse @ z @ psi @ dz[patient]
        assert found.own_sd[k] ** 2 == pytest.approx(own, rel=1e-8)
        assert found.sd[k] ** 2 == pytest.approx(own + a @ covariance @ a, rel=1e-6)
        expected = norm.cdf((-0.5 - found.slope[k]) / np.sqrt(own + a @ covariance @ a))
        assert probability(found, -0.5, True)[k] == pytest.approx(expected, rel=1e-6)
        assert probability(found, -0.5, True)[k] + probability(found, -0.5, False)[k] == pytest.approx(1.0)


@pytest.mark.slow
def test_probabilities_are_calibrated_and_the_interval_of_the_share_covers() -> None:
    chances, truths, inside, shares = [], [], [], []
    for k in range(of_length(25, 60)):
        rows, slope = simulated(np.random.default_rng(100 + k), 150)
        patients, share = changers(rows, FastChange(below=-0.8))
        beyond = slope[patients["patient"]].to_numpy() < -0.8
        chances.append(patients["probability"].to_numpy())
        truths.append(beyond)
        row = share.iloc[0]
        inside.append(row["ci_low"] <= beyond.mean() <= row["ci_high"])
        shares.append((row["share"], row["share_slope"], row["share_ols"], beyond.mean()))
    chance, truth = np.concatenate(chances), np.concatenate(truths)
    for low in (0.0, 0.2, 0.4, 0.6, 0.8):
        chosen = (chance >= low) & (chance < low + 0.2)
        assert chosen.sum() > 100
        assert truth[chosen].mean() == pytest.approx(chance[chosen].mean(), abs=0.06)
    expected, by_slope, by_ols, true = np.mean(shares, axis=0)
    assert expected == pytest.approx(true, abs=0.012), "the mean probability is the share"
    assert by_slope < true - 0.05, "shrunken slopes beyond the limit are too few"
    assert by_ols > true + 0.05, "noisy slopes beyond the limit are too many"
    assert np.mean(inside) >= 0.92  # with Psi and sigma^2 as known: 0.70 to 0.85


@pytest.mark.parametrize("formula", ["~ time", "~ time + a + b", "~ time * (a + b)"])
def test_the_error_of_the_fixed_effects_is_one_for_all_folds(formula: str) -> None:
    rng = np.random.default_rng(0)
    rows, truth = simulated(rng, 100)
    known = pd.DataFrame({"patient": truth.index}).assign(a=rng.normal(size=100), b=rng.normal(size=100))
    data, plan = laid_out(rows.merge(known, on="patient"), GrowthModel(fixed=formula), folds=5)
    batch, who = fit_all(data, plan), np.arange(len(data.patients))
    levers = [predicted(data, batch, k, who).lever for k, fit in enumerate(plan) if fit.repeat == 1]
    lengths = [np.sqrt((lever**2).sum(axis=1)) for lever in levers]
    for other in range(1, len(levers)):
        cosine = (levers[0] * levers[other]).sum(axis=1) / (lengths[0] * lengths[other])
        assert cosine.min() > 0.9, "one draw of the standard normal moves the slopes of all folds alike"


def test_both_sides_and_a_patient_who_was_not_measured() -> None:
    rows, _ = simulated(np.random.default_rng(5), 60)
    rows.loc[rows["patient"] == "p007", "y"] = np.nan
    patients, share = changers(rows, FastChange(below=-1.0, above=0.0))
    assert set(patients["side"]) == {"below", "above"} and share["patients"].tolist() == [60, 60]
    wide = patients.pivot(index="patient", columns="side", values="probability")
    assert (wide.sum(axis=1) <= 1 + 1e-12).all() and patients["probability"].between(0, 1).all()
    lone = patients.set_index("patient").loc["p007"]
    assert lone["slope_sd"].iloc[0] > 0.9 * patients["slope_sd"].max(), "nothing is known but the population"


def test_no_slope_of_the_patients_own_leaves_one_probability_for_all() -> None:
    rows, _ = simulated(np.random.default_rng(6), 40)
    patients, share = changers(rows, FastChange(below=-0.5), GrowthModel(random="~ 1"))
    assert patients.groupby("slope_sd")["probability"].nunique().max() == 1 and len(share) == 1
    assert 0 < patients["slope_sd"].max() < 0.2, "the fixed effects are not known without error"


def test_limits_that_mean_nothing_are_refused() -> None:
    with pytest.raises(InputError, match="names no limit"):
        study_of(markers__albumin__fast_change={})
    with pytest.raises(InputError, match="`below` must be less than `above`"):
        study_of(markers__albumin__fast_change={"below": 1.0, "above": 0.5})
    assert study_of(markers__albumin__fast_change={"below": -0.2}).markers["albumin"].fast_change is not None
