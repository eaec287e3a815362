"""The comparison of growth models against lme4, lmerTest, nlme and lm (tests/golden/compare.R), and its properties."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize

from slopewise.growth import GrowthModel
from slopewise.growth.evidence import compare
from slopewise.growth.evidence.compare import (
    SideBySide,
    bootstrap_p,
    boundary_p,
    comparison_rows,
    fit_side_by_side,
    naive_p,
    q_values,
    textbook_model,
    variance_components,
)
from slopewise.growth.evidence.effort import Effort
from slopewise.growth.evidence.influence import influence
from slopewise.growth.evidence.profile import RISE
from slopewise.growth.evidence.serial import compare_serial
from slopewise.growth.evidence.tables import compare_marker
from slopewise.growth.evidence.trends import implied_variance, trends, variogram
from slopewise.growth.fit import design_of
from slopewise.growth.fitting import everybody, fit_batch, fit_everybody
from tests.unit.growth.growth_dense import dense_deviance
from tests.unit.growth.growth_golden import numbers, studies_side_by_side

ROOT = Path(__file__).resolve().parents[4]
GOLDEN = pd.read_csv(ROOT / "tests/golden/compare.csv", keep_default_na=False)
CASES = ("sleepstudy", "orthodont", "beat_the_blues", "math_achieve")
TERMS = {"day": "time", "month": "time", "(Intercept)": "Intercept", "sexMale": "sex[T.Male]", "drugYes": "drug[T.Yes]"}
TERMS |= {"time:sexMale": "time:sex[T.Male]", "treatmentTAU": "treatment[T.TAU]", "length>6m": "length[T.>6m]"}
TERMS |= {"month:treatmentTAU": "time:treatment[T.TAU]", "sectorPublic": "sector[T.Public]"}
TERMS |= {"ses:sectorPublic": "ses:sector[T.Public]"}


def golden(case: str, model: str, kind: str) -> pd.Series:
    return numbers(GOLDEN, case, model, kind)


@pytest.fixture(scope="module")
def models() -> dict[str, SideBySide]:
    return studies_side_by_side(CASES)


@pytest.mark.parametrize("case", CASES)
def test_deviances_and_criteria_are_those_of_lme4(models: dict[str, SideBySide], case: str) -> None:
    rows = comparison_rows(models[case]).set_index("model")
    for model in rows.index:
        for kind in ("deviance_ml", "deviance_reml", "aic", "bic"):
            assert rows.loc[model, kind] == pytest.approx(golden(case, model, kind)[""], rel=1e-8), (model, kind)
    for model in ("random_intercept", "random_slope"):
        for kind in ("icc", "r2_marginal", "r2_conditional"):
            assert rows.loc[model, kind] == pytest.approx(golden(case, model, kind)[""], rel=2e-4), (model, kind)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("model", ["random_intercept", "random_slope"])
def test_fixed_effects_and_their_degrees_of_freedom(models: dict[str, SideBySide], case: str, model: str) -> None:
    own = models[case].reml[model].fixed_effects.set_index("term")
    for kind, column, tolerance in (("Estimate", "estimate", 1e-5), ("Std. Error", "se", 1e-4), ("df", "df", 5e-3)):
        expected = golden(case, model, kind).rename(TERMS)
        # On the boundary lmerTest's Hessian is not positive definite and its df mean nothing.
        if kind == "df" and models[case].reml[model].singular:
            continue
        np.testing.assert_allclose(own[column], expected.reindex(own.index), rtol=tolerance, err_msg=kind)


@pytest.mark.parametrize("case", ["sleepstudy", "orthodont", "beat_the_blues"])
def test_profile_intervals_of_variance_components(models: dict[str, SideBySide], case: str) -> None:
    own = variance_components(models[case].reml["random_slope"])
    slope = own["term_1"].iloc[2]
    names = (own["term_1"] + "|" + own["term_2"]).str.replace(slope, "slope")
    for end, outwards in (("ci_low", -1), ("ci_high", 1)):
        expected = golden(case, "random_slope", end).reindex(names).to_numpy()
        beyond = outwards * (own[end].to_numpy() - expected)
        # Nelder-Mead in R stops short of the minimum at correlation 1 (orthodont, residual): its end lies inside;
        # the other way round ours would have missed a minimum.
        assert (beyond > -2e-3 * (1 + np.abs(expected))).all(), end
        assert (beyond < 1e-2 * (1 + np.abs(expected))).all(), end
        assert (np.abs(beyond) < 2e-3 * (1 + np.abs(expected))).sum() >= 3, end


@pytest.mark.parametrize("data", ["sleepstudy", "orthodont"])
def test_the_deviance_has_risen_by_the_quantile_at_each_end_of_an_interval(
    models: dict[str, SideBySide], data: str
) -> None:
    """Orthodont's fit is singular; the likelihood is that of full matrices, minimised without derivatives."""
    fit = models[data].reml["random_slope"]
    x, z = design_of(fit)
    response, patients = models[data].data.values, models[data].data.codes
    covariance, sd = fit.covariance.to_numpy(), fit.sigma
    scale = np.sqrt(np.diag(covariance))

    def risen(held: int, value: float) -> float:
        def deviance(free: np.ndarray) -> float:
            parts = np.insert(free, held, value)
            if np.abs(parts[1]) > 1 or (np.delete(parts, 1) < 0).any():
                return 1e9
            a, s = parts[0], parts[2]
            both = np.array([[a * a, a * s * parts[1]], [a * s * parts[1], s * s]])
            residual = np.full(len(response), parts[3] ** 2)
            return dense_deviance(response, x, z, patients, both, residual)[0] - fit.deviance

        lowest = np.inf
        for correlation in (-0.9, 0.3):
            start = np.delete(np.array([scale[0], correlation, max(scale[1], 0.1), sd]), held)
            options = {"xatol": 1e-5, "fatol": 1e-6, "maxiter": 600}
            lowest = min(lowest, float(minimize(deviance, start, method="Nelder-Mead", options=options).fun))
        return lowest

    rows, limits = variance_components(fit), ((0.0, np.inf), (-1.0, 1.0), (0.0, np.inf), (0.0, np.inf))
    for held, end in ((0, "ci_high"), (1, "ci_low"), (2, "ci_low"), (2, "ci_high"), (3, "ci_low")):
        value = float(rows[end].iloc[held])
        if value in limits[held]:
            assert risen(held, value) < RISE
        else:
            assert risen(held, value) == pytest.approx(RISE, abs=2e-3), (held, end)


@pytest.mark.parametrize("case", CASES)
def test_the_exact_f_test_of_equal_slopes_is_that_of_lm(models: dict[str, SideBySide], case: str) -> None:
    own = trends(models[case].reml["random_intercept"])
    for name in ("f", "p_value", "df1", "df2"):
        assert getattr(own, name) == pytest.approx(golden(case, "detective", name)[""], rel=1e-6), name


@pytest.mark.parametrize("case", ["sleepstudy", "orthodont", "beat_the_blues"])
def test_serial_correlation_fits_at_least_as_well_as_in_nlme(models: dict[str, SideBySide], case: str) -> None:
    found = compare_serial(models[case].reml["random_intercept"], models[case].reml["random_slope"])
    serial = golden(case, "serial", "deviance_reml")[""]
    both = golden(case, "slope_and_serial", "deviance_reml")[""]
    assert found.deviance["serial"] == pytest.approx(serial, abs=2e-3)
    assert found.deviance["slope_and_serial"] <= both + 2e-3  # nlme stops early on the flat ridge of beat_the_blues
    assert found.deviance["slope_and_serial"] >= both - 0.1


def test_the_parametric_bootstrap_agrees_with_one_in_r(models: dict[str, SideBySide]) -> None:
    expected = golden("orthodont", "random_slope", "p_value_bootstrap")[""]
    own = bootstrap_p(models["orthodont"], 1000, np.random.default_rng(3))
    # Two shares of the same p, 20 exceedances here and of 2000 draws in R: within four standard errors.
    assert own == pytest.approx(expected, abs=4 * np.sqrt(expected**2 / 20 + expected * (1 - expected) / 2000))
    again = bootstrap_p(models["orthodont"], 1000, np.random.default_rng(3), threads=3)
    assert own == again


def test_the_bootstrap_has_its_floor_and_can_be_left_out(models: dict[str, SideBySide]) -> None:
    assert bootstrap_p(models["sleepstudy"], 99, np.random.default_rng(1)) == 0.01
    assert np.isnan(bootstrap_p(models["sleepstudy"], 0, np.random.default_rng(1)))


@pytest.mark.parametrize("case", ["orthodont", "sleepstudy"])
def test_the_bootstrap_ends_at_the_twentieth_exceedance(
    models: dict[str, SideBySide], case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Drawn to the end and counted by hand; what is drawn afterwards does not depend on where it ended."""
    fits = models[case].reml
    observed = fits["random_intercept"].deviance - fits["random_slope"].deviance
    simulated = fits["random_intercept"].simulate(np.random.default_rng(5), 150)
    ratios = []
    for values in simulated:
        deviance = fit_batch(models[case].data.with_values(values), everybody(models[case].data, 2), [
            "intercept", "correlated"]).deviance  # fmt: skip
        ratios.append(deviance[0] - deviance[1])
    reached = np.cumsum(np.array(ratios) >= observed - 1e-6)
    sequential, whole = np.random.default_rng(5), np.random.default_rng(5)
    own = bootstrap_p(models[case], 150, sequential)
    if reached[-1] >= 20:
        assert own == 20 / (1 + np.flatnonzero(reached == 20)[0])
    else:
        assert own == (1 + reached[-1]) / 151
    monkeypatch.setattr(compare, "EXCEEDANCES", 10**6)
    assert bootstrap_p(models[case], 150, whole) == (1 + reached[-1]) / 151
    assert sequential.standard_normal() == whole.standard_normal()


def test_sequential_p_values_have_their_size() -> None:
    """Of data without slopes, by draws from the true null: p <= 0.05 in at most 5% (within four standard errors)."""
    rng, draws, sets = np.random.default_rng(8), 199, 4000
    ratios = rng.chisquare(1, (sets, draws + 1)) * (rng.random((sets, draws + 1)) < 0.5)
    larger = np.cumsum(ratios[:, 1:] >= ratios[:, :1], axis=1)
    p = [compare.sequential_p(row, compare.EXCEEDANCES) for row in larger]
    for level in (0.01, 0.05, 0.2):
        assert np.mean(np.array(p) <= level) <= level + 4 * np.sqrt(level * (1 - level) / sets)
    assert np.mean(np.array(p) <= 0.05) > 0.03


def test_serial_deviances_are_those_of_full_matrices(models: dict[str, SideBySide]) -> None:
    fits = models["sleepstudy"].reml
    found = compare_serial(fits["random_intercept"], fits["random_slope"]).serial
    x, z = design_of(fits["random_slope"])
    values, codes, time = models["sleepstudy"].data.values, models["sleepstudy"].data.codes, z[:, 1]

    def deviance(log: np.ndarray) -> float:
        intercept, sd = np.exp(log)
        total, logs = np.zeros((x.shape[1] + 1,) * 2), 0.0
        for patient in np.unique(codes):
            own = codes == patient
            distance = np.abs(time[own][:, None] - time[own])
            process = found.share * np.exp(-distance / found.range) + (1 - found.share) * np.eye(own.sum())
            v, both = intercept**2 + sd**2 * process, np.column_stack([x[own], values[own]])
            logs += np.linalg.slogdet(v)[1]
            total += both.T @ np.linalg.solve(v, both)
        left = total[-1, -1] - total[-1, :-1] @ np.linalg.solve(total[:-1, :-1], total[:-1, -1])
        freedom = len(values) - x.shape[1]
        return float(logs + np.linalg.slogdet(total[:-1, :-1])[1] + left + freedom * np.log(2 * np.pi))

    best = minimize(deviance, np.log([20.0, found.sd]), method="Nelder-Mead", options={"xatol": 1e-6, "fatol": 1e-9})
    assert best.fun == pytest.approx(found.deviance, abs=1e-6)
    assert np.exp(best.x[1]) == pytest.approx(found.sd, rel=1e-4)


def test_p_values_at_the_boundary() -> None:
    # Half of chi-square 1 beyond 2.7055 is 0.05; the mixture of 1 and 2 reaches 0.05 at 5.1387 (Morrell 1998).
    assert boundary_p(2.705543, 1) == pytest.approx(0.05, abs=1e-6)
    assert boundary_p(5.138715, 2) == pytest.approx(0.05, abs=1e-4)
    assert naive_p(5.991465, 2) == pytest.approx(0.05, abs=1e-6)
    assert boundary_p(0.0, 1) == boundary_p(0.0, 2) == 1.0
    assert np.isnan(boundary_p(float("nan"), 2))


def test_q_values_of_benjamini_and_hochberg() -> None:
    # R: p.adjust(c(0.01, 0.02, 0.03, 0.5), "BH")
    np.testing.assert_allclose(q_values(np.array([0.03, 0.01, np.nan, 0.5, 0.02])), [0.04, 0.04, np.nan, 0.5, 0.04])


def simulated(seed: int, slope_sd: float, lag: float = 0.0, n: int = 150, visits: int = 6) -> pd.DataFrame:
    """Random intercept (SD 1), slopes of SD `slope_sd`, residuals (SD 0.5) with correlation `lag` at distance 1."""
    rng = np.random.default_rng(seed)
    patient = np.repeat(np.arange(n), visits)
    time = np.tile(np.arange(visits, dtype=float), n)
    error = rng.normal(size=(n, visits))
    for k in range(1, visits):
        error[:, k] = lag * error[:, k - 1] + np.sqrt(1 - lag**2) * error[:, k]
    start, slope = rng.normal(size=n), rng.normal(0, slope_sd, n)
    y = 2 + 0.1 * time + start[patient] + slope[patient] * time + 0.5 * error.ravel()
    return pd.DataFrame({"patient": [f"{p:03d}" for p in patient], "time": time, "y": y})


def side_by_side(frame: pd.DataFrame) -> SideBySide:
    return fit_side_by_side(textbook_model(GrowthModel()).data(frame, "y"))


def test_serial_correlation_is_not_taken_for_a_trend() -> None:
    """Without any slope the likelihood ratio cries trend; beside the serial model it does not survive."""
    survived = 0
    for seed in range(10):
        models = side_by_side(simulated(seed, 0.0, lag=0.6))
        rows = comparison_rows(models).set_index("model")
        assert rows.loc["random_slope", "p_value"] < 0.05
        found = compare_serial(models.reml["random_intercept"], models.reml["random_slope"])
        survived += found.p_value < 0.05
    assert survived <= 2


def test_a_real_slope_survives_and_is_seen_in_the_trends() -> None:
    models = side_by_side(simulated(1, 0.3))
    found = compare_serial(models.reml["random_intercept"], models.reml["random_slope"])
    assert found.p_value < 1e-4
    seen = trends(models.reml["random_intercept"])
    assert seen.p_value < 1e-6
    assert seen.sd_seen > 1.5 * seen.sd_expected
    curve = variogram(models, found.serial)
    assert curve["pairs"].sum() == 150 * 15
    np.testing.assert_allclose(curve["seen"], curve["random_slope"], rtol=0.25)
    assert curve["seen"].iloc[-1] > 2 * curve["random_intercept"].iloc[-1]
    shape = implied_variance(models)
    np.testing.assert_allclose(shape["seen"], shape["random_slope"], rtol=0.25)
    assert np.ptp(shape["random_intercept"]) == 0


def test_equal_slopes_give_an_f_that_is_f_distributed() -> None:
    from scipy.stats import kstest

    p = [
        trends(side_by_side(simulated(seed, 0.0, n=12, visits=4)).reml["random_intercept"]).p_value
        for seed in range(200)
    ]
    assert kstest(p, "uniform").pvalue > 0.01


def test_a_model_that_cannot_be_identified_is_left_out() -> None:
    frame = simulated(1, 0.2, visits=1)
    assert list(side_by_side(frame).reml) == ["pooled"]
    model = GrowthModel()
    tables = compare_marker(model, model.fit(frame, "y"), 10, np.random.default_rng(1), in_time=True)
    assert set(tables["comparison"]["model"]) == {"pooled", "study"}
    assert tables["serial"].empty and tables["trends"].empty


def test_units_of_time_and_response_move_no_test() -> None:
    frame = simulated(4, 0.1)
    other = frame.assign(time=365.25 * frame["time"], y=1000 * frame["y"] + 1e6)
    one, two = side_by_side(frame), side_by_side(other)
    for name in ("lrt", "p_value", "icc", "r2_marginal", "r2_conditional"):
        np.testing.assert_allclose(comparison_rows(one)[name], comparison_rows(two)[name], rtol=1e-5, err_msg=name)
    a, b = (variance_components(models.reml["random_slope"]) for models in (one, two))
    scale = np.array([1000, 1, 1000 / 365.25, 1000])
    np.testing.assert_allclose(a["ci_low"] * scale, b["ci_low"], rtol=1e-3)
    f, g = (trends(models.reml["random_intercept"]) for models in (one, two))
    assert f.f == pytest.approx(g.f, rel=1e-6)


def test_the_study_s_own_model_stands_beside_the_three() -> None:
    frame = simulated(5, 0.3)
    model = GrowthModel(structure="diagonal")
    tables = compare_marker(model, model.fit(frame, "y"), 0, np.random.default_rng(1), in_time=False)
    own = tables["comparison"].set_index("model").loc["study"]
    assert own["parameters"] == 5
    assert own["deviance_reml"] == pytest.approx(model.fit(frame, "y").deviance, rel=1e-9)
    assert np.isnan(own["lrt"])


def test_three_random_effects_have_bootstrap_intervals() -> None:
    """No profile is made of them; the intervals hold the truth and are the same for the same generator."""
    frame = simulated(6, 0.3, n=120)
    model = GrowthModel(random="~ poly(time, 2)")
    data = model.data(frame, "y")
    found = [
        compare_marker(model, fit_everybody(data), draws, np.random.default_rng(1), in_time=False)["covariance"].query(
            "model=='study'"
        )
        for draws in (0, 60, 60)
    ]
    assert len(found[1]) == 7 and found[0]["ci_low"].isna().all()
    pd.testing.assert_frame_equal(found[1], found[2])
    own = found[1].set_index(["term_1", "term_2"])
    sd = own[[one == other for one, other in own.index]]
    assert (sd["ci_low"] <= sd["ci_high"]).all() and (sd["ci_low"] >= 0).all()
    residual = own.loc[("Residual", "Residual")]
    assert residual["ci_low"] < 0.5 < residual["ci_high"] < 0.6
    assert own["ci_low"].notna().all() and own.loc[("Intercept", "Intercept"), "ci_low"] > 0.5


def test_a_study_of_many_markers_spends_its_draws_where_the_decision_is_open(models):
    """Slopes beyond doubt take 199 draws; others as many as ever, with the same p."""
    many = Effort.of(25)
    evident = bootstrap_p(models["sleepstudy"], 1000, np.random.default_rng(3), effort=many)
    assert evident == 1 / 200
    kept = bootstrap_p(models["orthodont"], 1000, np.random.default_rng(3), effort=many)
    assert kept == bootstrap_p(models["orthodont"], 1000, np.random.default_rng(3))
    assert Effort.of(24) == Effort()
    found = influence(models["sleepstudy"], most=5).set_index("patient")
    every = influence(models["sleepstudy"]).set_index("patient")
    assert len(found) == 5 < len(every)
    pd.testing.assert_frame_equal(found, every.loc[found.index], check_exact=True)
