"""Calibration at a horizon: against R's Cox models with rms splines, resampling by counts, and what it must find."""

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize

from slopewise.kernels import binomial as binomial_kernels
from slopewise.metrics.calibration import calibration, calibration_grid, cloglog, spline_basis
from slopewise.metrics.resampling import compiled_threads, percentile_interval, resample_counts
from slopewise.outcome.cox import fit_cox

HORIZONS = (3.0, 5.0, 8.0)


@pytest.fixture(scope="module")
def cohort(golden):
    return pd.read_csv(golden / "outcome_cohort.csv", dtype={"patient": str})


@pytest.fixture(scope="module")
def expected(golden):
    table = pd.read_csv(golden / "outcome_calibration.csv", dtype=str, keep_default_na=False)
    return table.astype({"value": float}).set_index(["model", "item", "name"])["value"]


def arrays(cohort, column="followup"):
    risk = cohort[[f"risk_{h:g}" for h in HORIZONS]].to_numpy()[:, None, :]
    return cohort[column].to_numpy(), cohort["event"].to_numpy(dtype=bool), risk


def once(n):
    return np.ones((1, n), dtype=np.int64)


def test_agrees_with_r(cohort, expected):
    time, event, risk = arrays(cohort)
    grid = np.quantile(risk, [0.1, 0.5, 0.9], axis=0).transpose(1, 2, 0)
    found = calibration(time, event, risk, HORIZONS, grid, once(len(time)))
    for h, horizon in enumerate(HORIZONS):
        name = f"{horizon:g}"
        assert found.slope[0, 0, h] == pytest.approx(expected["slope", "", name], abs=1e-8)
        assert found.intercept[0, 0, h] == pytest.approx(expected["intercept", "", name], abs=1e-8)
        assert found.ici[0, 0, h] == pytest.approx(expected["ici", "", name], abs=1e-8)
        for g, quantile in enumerate(("0.1", "0.5", "0.9")):
            assert found.curve[0, 0, h, g] == pytest.approx(expected["curve", quantile, name], abs=1e-8)


def test_a_count_of_two_is_two_rows_under_ties(cohort):
    time, event, risk = arrays(cohort, "coarse")
    counts = cohort["copies"].to_numpy(dtype=np.int64)
    counts[:20] = 1 + counts[:20]
    rows = np.repeat(np.arange(len(time)), counts)
    grid = calibration_grid(risk, 5)
    a = calibration(time, event, risk, HORIZONS, grid, counts[None])
    b = calibration(time[rows], event[rows], risk[rows], HORIZONS, grid, once(len(rows)))
    # Knots follow the sample as a whole, so the curve of repeated rows may bend elsewhere; slope and intercept not.
    assert a.slope == pytest.approx(b.slope, abs=1e-9)
    assert a.intercept == pytest.approx(b.intercept, abs=1e-12)
    assert a.curve == pytest.approx(b.curve, abs=0.05)


def test_what_happens_after_the_horizon_does_not_matter(cohort):
    time, event, risk = arrays(cohort)
    risk, grid = risk[:, :, :1], calibration_grid(risk[:, :, :1], 5)
    a = calibration(time, event, risk, (3.0,), grid, once(len(time)))
    late = time > 3
    other_time, other_event = time.copy(), event.copy()
    other_time[late], other_event[late] = 3.0 + 10 / time[late], ~event[late]
    b = calibration(other_time, other_event, risk, (3.0,), grid, once(len(time)))
    for name in ("slope", "intercept", "ici", "curve"):
        assert getattr(a, name) == pytest.approx(getattr(b, name), abs=1e-10)


@pytest.mark.parametrize(("stretch", "shift"), [(1.0, 0.0), (2.0, 0.0), (1.0, 0.7)])
def test_finds_right_too_extreme_and_too_low_risks(stretch, shift):
    rng = np.random.default_rng(1)
    x = rng.normal(-0.7, 1.0, size=4000)
    death, censored = rng.exponential(np.exp(-x)), rng.uniform(0.5, 3.0, size=4000)
    time, event = np.minimum(death, censored), death <= censored
    stated = -0.7 + stretch * (x + 0.7) - shift  # hazard exp(x), so the log cumulative hazard at 1 is x
    risk = -np.expm1(-np.exp(stated))[:, None, None]
    found = calibration(time, event, risk, (1.0,), calibration_grid(risk, 9), once(4000))
    assert found.slope[0, 0, 0] == pytest.approx(1 / stretch, abs=0.06)
    if stretch == 1:
        assert found.intercept[0, 0, 0] == pytest.approx(shift, abs=0.08)
    truth = -np.expm1(-np.exp((cloglog(calibration_grid(risk, 9)) + shift + 0.7) / stretch - 0.7))
    assert found.curve[0] == pytest.approx(truth, abs=0.05)
    assert found.ici[0, 0, 0] == pytest.approx(np.abs(-np.expm1(-np.exp(x)) - risk[:, 0, 0]).mean(), abs=0.02)


def test_risks_that_are_all_alike_have_an_intercept_but_no_slope(cohort):
    time, event, risk = arrays(cohort)
    flat = np.full_like(risk, 0.3)
    found = calibration(time, event, flat, HORIZONS, calibration_grid(risk, 4), once(len(time)))
    assert np.isnan(found.slope).all() and np.isnan(found.ici).all() and np.isnan(found.curve).all()
    assert np.isfinite(found.intercept).all()


def test_risks_of_0_and_1_are_kept_finite():
    assert np.isfinite(cloglog([0.0, 1.0])).all()
    assert cloglog(1 - np.exp(-1)) == pytest.approx(0.0, abs=1e-12)


def test_the_spline_is_straight_beyond_its_outer_knots():
    basis = spline_basis(np.array([-9.0, -8.0, -7.0, 7.0, 8.0, 9.0]), np.array([-1.0, 0.0, 1.0]))
    assert np.diff(basis[:3, 1], 2) == pytest.approx([0.0]) and np.diff(basis[3:, 1], 2) == pytest.approx([0.0])


def test_threads_change_no_bit_and_resamples_differ(cohort):
    time, event, risk = arrays(cohort)
    counts = resample_counts(np.random.default_rng(1), len(time), 40)
    results = []
    for threads in (1, 2):
        with compiled_threads(threads):
            results.append(calibration(time, event, risk, HORIZONS, calibration_grid(risk, 5), counts))
    for name in ("slope", "intercept", "ici", "curve"):
        assert np.array_equal(getattr(results[0], name), getattr(results[1], name), equal_nan=True)
    assert len(np.unique(results[0].slope[:, 0, 0])) == 41


def test_percentile_interval_leaves_out_missing_draws_but_not_most_of_them():
    draws = np.stack([np.arange(101.0), np.where(np.arange(101) < 20, np.nan, np.arange(101)), np.full(101, np.nan)], 1)
    low, high, missing = percentile_interval(draws)
    assert low[0] == 2.5 and high[0] == 97.5 and low[1] == 22.0 and np.isnan(low[2])
    assert missing.tolist() == [0, 20, 101]
    assert np.isnan(percentile_interval(np.empty((0, 2)))[0]).all()


def test_resamples_start_with_everybody_and_keep_the_number_of_patients():
    counts = resample_counts(np.random.default_rng(5), 30, 10)
    assert counts.shape == (11, 30) and (counts[0] == 1).all() and (counts.sum(axis=1) == 30).all()
    assert (counts[1:] != 1).any()


def test_slopes_of_resamples_are_those_of_the_cox_model(cohort):
    time, event, risk = arrays(cohort, "coarse")
    counts = resample_counts(np.random.default_rng(2), len(time), 6)
    found = calibration(time, event, risk, HORIZONS, calibration_grid(risk, 3), counts)
    for b, copies in enumerate(counts):
        rows = np.repeat(np.arange(len(time)), copies)
        for h, horizon in enumerate(HORIZONS):
            x = cloglog(risk[rows, 0, h])[:, None]
            cut = np.minimum(time[rows], horizon)
            fit = fit_cox(x, cut, event[rows] & (time[rows] <= horizon), horizons=(horizon,))
            assert found.slope[b, 0, h] == pytest.approx(fit.beta[0], abs=1e-9)


def test_a_cloglog_regression_finds_the_highest_likelihood_wherever_it_starts():
    for seed in range(20):
        rng = np.random.default_rng(seed)
        x = np.column_stack([np.ones(150), rng.normal(size=150)])
        y = (rng.random(150) < -np.expm1(-np.exp(-2.0 + 1.8 * x[:, 1]))).astype(float)
        weight = rng.uniform(1.0, 2.0, size=150) * rng.integers(0, 3, size=150)
        x[:, 1] += 2.0 * (rng.random(150) < 0.05)  # a few who look worse than they fared

        def deviance(beta, x=x, y=y, weight=weight):
            hazard = np.exp(np.clip(x @ beta, -34.0, 3.5))
            return -float((weight * np.where(y == 1, np.log(-np.expm1(-hazard)), -hazard)).sum())

        best = minimize(deviance, [-3.0, 1.0], method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-12})
        for start in ([-3.5, 1.2], [-1.0, 3.0], [0.0, 0.0]):
            beta, loglik, _, iterations, status = binomial_kernels.fit(
                y, weight, np.zeros(150), x, np.array(start), binomial_kernels.CLOGLOG
            )
            assert status == binomial_kernels.CONVERGED
            assert iterations < 20  # scoring by the expected information may swing to and fro a hundred times
            assert beta == pytest.approx(best.x, abs=1e-5)
            assert loglik == pytest.approx(-best.fun, abs=1e-9)
