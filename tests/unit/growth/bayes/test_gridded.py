"""A posterior over one more number of the residuals: its density is that of the dense model, whatever the units."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.special import logsumexp

from slopewise.growth import GrowthModel, Priors
from slopewise.growth.bayes.gridded import Gridded, Residuals, explicit, integrated, neighbours, settled, two_variances
from slopewise.growth.data import GrowthData
from slopewise.growth.whitening import WhitenedRows

PATIENTS, TIMES = 10, 6


def rows(seed: int = 2, far: float = 0.0) -> pd.DataFrame:
    """Patients with a level, a course and residuals that correlate; `far` is added to all values."""
    rng = np.random.default_rng(seed)
    time = np.tile(np.arange(float(TIMES)), PATIENTS)
    noise = rng.standard_normal((PATIENTS, TIMES))
    for j in range(1, TIMES):
        noise[:, j] = 0.5 * noise[:, j - 1] + np.sqrt(0.75) * noise[:, j]
    y = far + np.repeat(rng.normal(0, 1.5, PATIENTS), TIMES) + 0.3 * time + noise.ravel() * np.where(time % 2, 2.0, 1.0)
    names = np.repeat([f"p{k:02d}" for k in range(PATIENTS)], TIMES)
    return pd.DataFrame({"patient": names, "time": time, "y": y, "odd": (time % 2).astype(float)})


def data_of(frame: pd.DataFrame, strata: bool) -> GrowthData:
    return GrowthModel(random="~ 1", residual_by="odd" if strata else None).data(frame, "y")


def dense(frame: pd.DataFrame, priors: Priors, covariance: np.ndarray) -> float:
    """Log of the integral of the posterior density over log SD and log sigma, by a grid; covariance (t, t) of noise.

    y is centred; beta ~ N(m, S), the SDs half-t; each patient has the same times.
    """
    x = np.column_stack([np.ones(TIMES), np.arange(TIMES)])
    y = (frame["y"] - frame["y"].mean()).to_numpy().reshape(PATIENTS, TIMES)
    mean, sd = np.array([priors.fixed[name] for name in ("Intercept", "time")]).T
    level, noise = (part.ravel() for part in np.meshgrid(np.linspace(-4.0, 3.0, 36), np.linspace(-2.0, 2.0, 61)))
    v = np.exp(2 * level)[:, None, None] + np.exp(2 * noise)[:, None, None] * covariance
    over, log_v, left = np.linalg.inv(v), np.linalg.slogdet(v)[1], y - x @ mean
    a = np.diag(sd**-2.0) + PATIENTS * x.T @ over @ x
    h = left.sum(axis=0) @ over @ x
    quadratic = ((left @ over) * left).sum(axis=(1, 2)) - (h * np.linalg.solve(a, h[:, :, None])[:, :, 0]).sum(axis=1)
    log_a = np.linalg.slogdet(a)[1] + 2 * np.log(sd).sum()
    scales = ((level, priors.sd["Intercept"]), (noise, priors.residual))
    prior = sum(s - np.log(unit) - 2.0 * np.log1p((np.exp(s) / unit) ** 2 / 3.0) for s, unit in scales)
    return float(logsumexp(prior - 0.5 * (PATIENTS * log_v + log_a + quadratic)))


def correlated(u: float) -> np.ndarray:
    gaps = np.abs(np.subtract.outer(np.arange(TIMES), np.arange(TIMES)))
    return np.tanh(u) ** gaps


def by_stratum(u: float) -> np.ndarray:
    return np.diag(np.where(np.arange(TIMES) % 2, np.exp(u), 1.0))


@pytest.mark.parametrize("strata", [False, True])
def test_the_density_of_the_further_number_is_that_of_the_dense_model(strata: bool) -> None:
    frame = rows(far=40.0)
    data = data_of(frame, strata)
    residuals = two_variances(data, 3.0) if strata else neighbours(WhitenedRows.of(data), 0.4)
    found = integrated(data, residuals, Priors(sd={"Intercept": 2.0}, residual=0.7))
    priors = explicit(data, Priors(sd={"Intercept": 2.0}, residual=0.7))
    noise = by_stratum if strata else correlated
    middle = [part for part, weight in zip(found.parts, found.weights, strict=True) if weight > 0.02]
    assert len(middle) >= 4
    expected = np.array([dense(frame, priors, noise(part.u)) + residuals.prior(part.u) for part in middle])
    density = np.array([part.density for part in middle])
    np.testing.assert_allclose(density - density[0], expected - expected[0], atol=0.05)


def effects_of(found: Gridded) -> tuple[np.ndarray, np.ndarray]:
    """Mean and SD of the patients' levels above the average one."""
    effect = found.effects(np.array([[0.0, 0.0]]), np.array([[1.0]]), np.arange(PATIENTS), np.random.default_rng(1))[0]
    return effect.drawn.mean(axis=0), effect.drawn.std(axis=0)


def test_draws_are_those_of_their_means_and_sds_and_know_no_units() -> None:
    frame = rows()
    found = integrated(data_of(frame, True), two_variances(data_of(frame, True), 1.0), Priors())
    effect = found.effects(np.array([[0.0, 1.0]]), np.array([[1.0]]), np.arange(PATIENTS), np.random.default_rng(1))[0]
    variance = (effect.sd**2).mean(axis=0) + effect.mean.var(axis=0)
    np.testing.assert_allclose(
        effect.drawn.mean(axis=0), effect.mean.mean(axis=0), atol=4 * np.sqrt(variance / 2000).max()
    )
    np.testing.assert_allclose(effect.drawn.std(axis=0), np.sqrt(variance), rtol=0.1)
    assert effect.drawn.shape == (2000, PATIENTS) and effect.average.shape == (2000,)
    moved = frame.assign(y=1000.0 * frame["y"] + 5e4)
    again = integrated(data_of(moved, True), two_variances(data_of(moved, True), 1.0), Priors())
    np.testing.assert_allclose([part.u for part in again.parts], [part.u for part in found.parts], atol=1e-4)
    for one, other in zip(effects_of(found), effects_of(again), strict=True):
        np.testing.assert_allclose(other / 1000.0, one, atol=0.02)


def test_a_level_shared_by_all_is_drawn_once_for_all() -> None:
    """With beta alone, every patient's effect is the same number in a draw."""
    frame = rows()
    found = integrated(data_of(frame, False), neighbours(WhitenedRows.of(data_of(frame, False)), 0.4), Priors())
    effect = found.effects(np.array([[0.0, 1.0]]), np.array([[0.0]]), np.arange(PATIENTS), np.random.default_rng(1))[0]
    np.testing.assert_allclose(effect.drawn, effect.drawn[:, :1] @ np.ones((1, PATIENTS)), atol=1e-6)
    np.testing.assert_allclose(effect.drawn[:, 0], effect.average, atol=1e-6)
    assert not effect.spread.any()


def test_without_a_further_number_there_is_one_part() -> None:
    data = data_of(rows(), False)
    for residuals in (two_variances(data, 1.0), neighbours(WhitenedRows.of(data, serial=False), 0.0)):
        found = integrated(data, residuals, Priors())
        assert len(found.parts) == 1 and found.weights.tolist() == [1.0]


def test_a_number_at_its_end_keeps_to_it() -> None:
    """Times that are not evenly spaced: the correlation cannot be below 0, and the grid ends there."""
    frame = rows(seed=5).assign(time=lambda table: table["time"] + 0.3 * (table["time"] == 2))
    frame["y"] = np.random.default_rng(1).normal(size=len(frame))
    data = data_of(frame, False)
    found = integrated(data, neighbours(WhitenedRows.of(data), 0.0), Priors())
    assert found.parts[0].u == 0.0 and found.parts[-1].u > 0.0
    u, weights = found.residual_number()
    assert u[0] == 0.0 and weights.sum() == pytest.approx(1.0)


def test_priors_of_all_terms_are_in_the_units_of_the_rows() -> None:
    data = data_of(rows(far=7.0), False)
    found = explicit(data, Priors(fixed={"time": (0.5, 0.1), "other": (9.0, 9.0)}, sd={"time": 3.0}))
    y, time = data.values, data.frame["time"].to_numpy()
    assert set(found.sd) == {"Intercept"} and set(found.fixed) == {"Intercept", "time"}
    assert found.sd["Intercept"] == pytest.approx(y.std()) and found.residual == pytest.approx(y.std())
    middle, spread = found.fixed["Intercept"]  # at zero, of values less their mean
    assert middle == pytest.approx(-0.5 * time.mean())
    assert spread == pytest.approx(np.hypot(10 * y.std(), 0.1 * time.mean()))


def test_a_formula_that_learns_from_rows_is_settled_on_all_of_them() -> None:
    model = GrowthModel(fixed="~ bs(time, df=4)", random="~ 1", bounds=(0.0, 5.0))
    data = model.data(rows(), "y")
    assert data.design is None and settled(data).columns.shape == (PATIENTS * TIMES, 4)
    assert len(integrated(settled(data), two_variances(settled(data), 1.0), Priors()).parts) == 1
    assert isinstance(two_variances(settled(data), 1.0), Residuals)
    assert settled(settled(data)).design is not None and replace(settled(data)).columns is not None
