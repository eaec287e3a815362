"""Checks of the growth models against lme4, lmerTest and lm (tests/golden/checks.R), and their properties."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from slopewise.growth import GrowthModel
from slopewise.growth.evidence.compare import (
    SideBySide,
    comparison_rows,
    fit_side_by_side,
    q_values,
    textbook_model,
    variance_components,
)
from slopewise.growth.evidence.effort import Effort
from slopewise.growth.evidence.influence import LARGE_SD, LARGE_SE, influence, largest_influence
from slopewise.growth.evidence.normality import (
    envelopes,
    normality,
    residual_classes,
    residual_rows,
    standardised,
    visits_and_slopes,
)
from slopewise.growth.evidence.pooling import patient_rows, planned_reliability, reliability_of, residuals
from slopewise.growth.evidence.serial import SerialFit
from slopewise.growth.evidence.standard_residuals import StandardResiduals
from slopewise.growth.evidence.tables import compare_marker
from slopewise.growth.evidence.trends import implied_correlation, implied_variance, trends, variogram
from slopewise.tables import files as tables
from tests.unit.growth.growth_golden import numbers, studies_side_by_side

ROOT = Path(__file__).resolve().parents[4]
GOLDEN = pd.read_csv(
    ROOT / "tests/golden/checks.csv", keep_default_na=False, na_values={"value": ["NA"]}, dtype={"name": str}
)
CASES = ("sleepstudy", "orthodont", "pbc_growth")
TERMS = {"(Intercept)": "Intercept", "sexMale": "sex[T.Male]", "time:sexMale": "time:sex[T.Male]"}


def golden(case: str, model: str, kind: str) -> pd.Series:
    return numbers(GOLDEN, case, model, kind)


@pytest.fixture(scope="module")
def models() -> dict[str, SideBySide]:
    return studies_side_by_side(CASES)


@pytest.mark.parametrize("case", CASES)
def test_pooled_regression_is_lm(models: dict[str, SideBySide], case: str) -> None:
    fit = models[case].reml["pooled"]
    own = fit.fixed_effects.set_index("term")
    for kind, column in (("Estimate", "estimate"), ("Std. Error", "se"), ("df", "df")):
        expected = golden(case, "pooled", kind).rename(TERMS)
        np.testing.assert_allclose(own[column], expected.reindex(own.index), rtol=1e-6, err_msg=kind)
    residual = variance_components(fit).iloc[-1]
    assert residual["sd_or_correlation"] == pytest.approx(golden(case, "pooled", "sigma")[""], rel=1e-8)
    for end in ("ci_low", "ci_high"):
        assert residual[end] == pytest.approx(golden(case, "pooled", end)["Residual|Residual"], rel=1e-5)


def test_the_models_of_the_trial_are_those_of_lme4(models: dict[str, SideBySide]) -> None:
    rows = comparison_rows(models["pbc_growth"]).set_index("model")
    for model in ("random_intercept", "random_slope"):
        for kind in ("deviance_ml", "deviance_reml", "aic", "bic"):
            expected = golden("pbc_growth", model, kind)[""]
            assert rows.loc[model, kind] == pytest.approx(expected, rel=1e-8), (model, kind)
        for kind in ("icc", "r2_marginal", "r2_conditional"):
            assert rows.loc[model, kind] == pytest.approx(golden("pbc_growth", model, kind)[""], rel=1e-4), kind
        own = models["pbc_growth"].reml[model].fixed_effects.set_index("term")
        for kind, column, tolerance in (("Estimate", "estimate", 1e-4), ("Std. Error", "se", 1e-4), ("df", "df", 5e-3)):
            expected = golden("pbc_growth", model, kind).rename(TERMS).reindex(own.index)
            np.testing.assert_allclose(own[column], expected, rtol=tolerance, atol=1e-6, err_msg=kind)
    own = variance_components(models["pbc_growth"].reml["random_slope"])
    names = own["term_1"] + "|" + own["term_2"]
    for end in ("ci_low", "ci_high"):
        np.testing.assert_allclose(own[end], golden("pbc_growth", "random_slope", end).reindex(names), rtol=1e-4)


@pytest.mark.parametrize("case", CASES)
def test_residuals_and_the_correlation_that_is_implied(models: dict[str, SideBySide], case: str) -> None:
    points, shape = normality(models[case].reml["random_slope"], np.random.default_rng(1))
    own = shape.set_index("what").loc["residual"]
    for name in ("number", "skewness", "kurtosis", "beyond_2", "largest"):
        expected = golden(case, "random_slope", name)["residual"]
        assert own[name] == pytest.approx(expected, rel=2e-4, abs=2e-4), name
    assert set(points["what"]) == {"residual", "intercept", "slope"}
    surface = implied_correlation(models[case]).pivot(index="time_1", columns="time_2", values="random_slope")
    three = surface.to_numpy()[::3, ::3]  # of seven times the first, the middle and the last
    expected = golden(case, "random_slope", "correlation")
    found = {f"{i + 1}{j + 1}": three[i, j] for i in range(3) for j in range(i, 3)}
    np.testing.assert_allclose([found[name] for name in expected.index], expected, rtol=2e-4)
    np.testing.assert_allclose(three, three.T, rtol=1e-12)


@pytest.mark.parametrize("case", CASES)
def test_no_pooling_partial_pooling_and_complete_pooling(models: dict[str, SideBySide], case: str) -> None:
    rows = patient_rows(models[case]).set_index("patient")
    fit, pooled = models[case].reml["random_slope"], models[case].reml["pooled"]
    effects = fit.random_effects().set_index("patient")
    for column, kind in (("Intercept", "b_intercept"), ("time", "b_slope"), ("se_time", "slope_se")):
        expected = golden(case, "random_slope", kind)
        own = effects.loc[expected.index, column]
        np.testing.assert_allclose(own, expected, rtol=1e-3, atol=1e-4 * effects[column].abs().max(), err_msg=kind)
    for column, kind in (("intercept_ols", "intercept"), ("slope_ols", "slope")):
        expected = golden(case, "no_pooling", kind)
        expected = expected[golden(case, "no_pooling", "slope").notna()]  # one visit: no line
        np.testing.assert_allclose(rows.loc[expected.index, column], expected, rtol=1e-8)
    slope = [term for term in fit.beta.index if "time" in term]
    total = rows["slope"] - effects["time"]
    assert set(total.round(8)) <= {round(fit.beta["time"], 8), round(fit.beta[slope].sum(), 8)}
    assert set(rows["slope_pooled"].round(8)) <= {round(pooled.beta["time"], 8), round(pooled.beta[slope].sum(), 8)}
    np.testing.assert_allclose(rows["reliability"], fit.reliability().set_index("patient")["time"], atol=1e-12)


@pytest.mark.parametrize("case", CASES)
def test_leaving_out_a_patient_is_a_fit_without_the_patient(models: dict[str, SideBySide], case: str) -> None:
    own = influence(models[case]).set_index("patient")
    assert len(own) == models[case].reml["random_slope"].n_patients
    for kind in ("slope_sd_change", "cook"):
        expected = golden(case, "influence", kind)
        np.testing.assert_allclose(own.loc[expected.index, kind], expected, rtol=2e-3, atol=2e-5, err_msg=kind)
    again = influence(models[case], threads=2).set_index("patient")
    pd.testing.assert_frame_equal(own, again)


def test_the_change_of_the_average_slope_is_in_its_own_standard_errors(models: dict[str, SideBySide]) -> None:
    fit = models["sleepstudy"].reml["random_slope"]
    own = influence(models["sleepstudy"])
    se = fit.fixed_effects.set_index("term").loc["time", "se"]
    np.testing.assert_allclose(own["slope_change"], own["slope_change_se"] * se, rtol=1e-9)
    # Leave-one-out in a balanced study: the average slope is the mean of the patients' own slopes.
    slopes = patient_rows(models["sleepstudy"])["slope_ols"].to_numpy()
    expected = [np.delete(slopes, i).mean() - slopes.mean() for i in range(len(slopes))]
    np.testing.assert_allclose(own["slope_change"], expected, rtol=1e-4, atol=1e-6)


def test_whether_being_seen_often_is_informative(models: dict[str, SideBySide]) -> None:
    case = models["pbc_growth"]
    model = GrowthModel(fixed="~ time * trt")
    rows = patient_rows(case)
    own = visits_and_slopes(case, model, rows).iloc[0]
    for name, kind, tolerance in (("estimate", "Estimate", 1e-3), ("se", "Std. Error", 1e-3), ("df", "df", 5e-3)):
        assert own[name] == pytest.approx(golden("pbc_growth", "visits", kind)[""], rel=tolerance), name
    assert own["ci_low"] < own["estimate"] < own["ci_high"] < 0 and own["correlation"] < 0
    same = models["sleepstudy"]
    own = visits_and_slopes(same, GrowthModel(), patient_rows(same)).iloc[0]
    assert own["fewest"] == own["most"] == 10 and np.isnan(own["estimate"]) and np.isnan(own["correlation"])


def test_adjusted_p_values_are_those_of_r() -> None:
    p, q = (golden("", "adjusted", kind).to_numpy() for kind in ("p", "q"))
    np.testing.assert_allclose(q_values(p), q, rtol=1e-9)


def test_the_reliability_that_is_planned_is_the_one_that_is_had(models: dict[str, SideBySide]) -> None:
    fit = models["sleepstudy"].reml["random_slope"]
    rows = patient_rows(models["sleepstudy"])
    had = reliability_of(fit.estimates.covariance[0], fit.sigma, np.arange(10.0))
    np.testing.assert_allclose(rows["reliability"], had, atol=1e-9)
    plan = planned_reliability(models["sleepstudy"], rows).pivot(index="visits", columns="span", values="reliability")
    assert plan.loc[10, 9.0] == pytest.approx(had)
    assert list(plan.columns) == [4.5, 9.0, 18.0] and list(plan.index) == list(range(2, 13))
    assert (plan.diff().iloc[1:] > -1e-12).all().all() and (plan.diff(axis=1).iloc[:, 1:] > 0).all().all()


def noise(seed: int, n: int = 200, visits: int = 5, tails: float = 0.0) -> pd.DataFrame:
    """Random intercept and slope, residuals normal or (`tails` > 0) with that share ten times as wide."""
    rng = np.random.default_rng(seed)
    patient = np.repeat(np.arange(n), visits)
    time = np.tile(np.arange(visits, dtype=float), n)
    wide = np.where(rng.random(len(time)) < tails, 10.0, 1.0)
    y = rng.normal(size=n)[patient] + rng.normal(0.2, 0.5, n)[patient] * time + 0.5 * wide * rng.normal(size=len(time))
    return pd.DataFrame({"patient": [f"{p:03d}" for p in patient], "time": time, "y": y})


def fitted(frame: pd.DataFrame) -> SideBySide:
    return fit_side_by_side(textbook_model(GrowthModel()).data(frame, "y"))


def test_normal_data_look_normal_and_heavy_tails_are_seen() -> None:
    right = normality(fitted(noise(1)).reml["random_slope"], np.random.default_rng(1))[1].set_index("what")
    assert (right["kurtosis"].abs() < 0.8).all() and (right["skewness"].abs() < 0.5).all()
    assert right.loc["residual", "beyond_3"] < 0.01 and right.loc["slope", "outside"] < 0.3
    wrong = normality(fitted(noise(1, tails=0.02)).reml["random_slope"], np.random.default_rng(1))[1].set_index("what")
    assert wrong.loc["residual", "kurtosis"] > 5 and wrong.loc["residual", "largest"] > 5


def test_standardised_predictions_have_unit_variance_under_the_model() -> None:
    """A prediction is divided by the SD that it should have, not by that of the random effect."""
    frame = noise(3, n=1500, visits=3)
    frame = frame[~((frame["time"] > 0) & (frame["patient"].str[-1] == "7"))]  # some have one visit
    points = normality(fitted(frame).reml["random_slope"], np.random.default_rng(1))[0]
    for what in ("intercept", "slope"):
        own = points[points["what"] == what]
        inner = own[own["normal"].abs() < 1.5]
        assert np.polyfit(inner["normal"], inner["seen"], 1)[0] == pytest.approx(1.0, abs=0.08)


def test_printed_reference_values_are_those_of_data_from_the_model() -> None:
    """4.6%, 0.3%, 5%, skewness and kurtosis 0; the fitted classes' SD 1; trends, variogram, implied variance."""
    shapes, spread, ratios = [], [], []
    for seed in range(40):
        models = fitted(noise(seed, n=40, visits=4))
        fit = models.reml["random_slope"]
        shapes.append(normality(fit, np.random.default_rng(seed))[1])
        spread.append(residual_classes(fit)["sd"].to_numpy())
        implied = implied_variance(models)
        serial = SerialFit(np.nan, 0.0, np.nan, models.reml["random_intercept"].sigma)
        pairs = variogram(models, serial)
        ratios.append(
            (
                (implied["seen"] / implied["random_slope"]).mean(),
                (pairs["seen"] / pairs["random_slope"]).mean(),
            )
        )
    found = pd.concat(shapes).groupby("what").mean()
    # Of one data set the share outside has a standard deviation of about 0.08, since neighbours leave together.
    np.testing.assert_allclose(found["outside"], 0.05, atol=0.035)
    p_values = pd.concat(shapes)["p_value"]
    assert p_values.between(1 / 400, 1).all() and (p_values < 0.05).mean() < 0.12 and (p_values < 0.5).mean() > 0.3
    np.testing.assert_allclose(found["beyond_2"], 0.0455, atol=0.012)
    np.testing.assert_allclose(found["beyond_3"], 0.0027, atol=0.003)
    np.testing.assert_allclose(found[["skewness", "kurtosis"]], 0.0, atol=0.3)
    assert found.loc["residual", ["skewness", "kurtosis"]].abs().max() < 0.1
    np.testing.assert_allclose(np.mean(spread, axis=0), 1.0, atol=0.1)
    np.testing.assert_allclose(np.mean(ratios, axis=0), 1.0, atol=0.03)


def test_where_no_slope_differs_the_trends_spread_as_noise_does() -> None:
    rng, ratio = np.random.default_rng(3), []
    for _ in range(40):
        frame = noise(0, n=40, visits=4)
        level = np.repeat(rng.normal(size=40), 4)
        found = trends(fitted(frame.assign(y=level + rng.normal(size=160))).reml["random_intercept"])
        ratio.append(found.sd_seen / found.sd_expected)
    assert np.mean(ratio) == pytest.approx(1.0, abs=0.05)


@pytest.mark.parametrize("strata", [False, True])
def test_each_residual_and_effect_is_divided_by_its_own_sd(strata: bool) -> None:
    """Against the same formulas with whole matrices."""
    frame = noise(7, n=30, visits=4).drop(index=[1, 2, 3, 9])  # the first patient has one row
    frame["device"] = np.where(frame.index % 3 == 0, "old", "new")
    frame["w"] = 1.0 + frame.index % 2
    model = GrowthModel(residual_by="device" if strata else None, weights="w")
    fit = model.fit(frame, "y")
    own = StandardResiduals.of(fit)
    x, y = np.column_stack([np.ones(len(own.y)), own.z[:, 1]]), own.y
    z = np.zeros((len(y), 60))
    z[np.arange(len(y)), 2 * own.place], z[np.arange(len(y)), 2 * own.place + 1] = 1.0, own.z[:, 1]
    psi = np.kron(np.eye(30), own.sigma)
    inverse = np.linalg.inv(z @ psi @ z.T + np.diag(own.r))
    assert len(set(own.r.round(9))) == (4 if strata else 2)
    p = inverse - inverse @ x @ np.linalg.solve(x.T @ inverse @ x, x.T @ inverse)
    found = standardised(fit)
    residual = residuals(fit)  # about the predicted lines
    sd = np.sqrt(np.diag(np.diag(own.r) @ p @ np.diag(own.r)))
    np.testing.assert_allclose(found["residual"], (residual / sd)[own.rows], rtol=1e-6, atol=1e-8)
    b = psi @ z.T @ p @ y
    sd = np.sqrt(np.diag(psi @ z.T @ p @ z @ psi))
    for k, what in enumerate(("intercept", "slope")):
        np.testing.assert_allclose(found[what], (b / sd)[k::2][own.patients(k)], rtol=1e-6, atol=1e-8)
    drawn = own.simulated(np.random.default_rng(1), 4000)
    np.testing.assert_allclose(own.residuals(own.projected(drawn)).std(axis=1), 1.0, atol=0.06)
    np.testing.assert_allclose(np.cov(drawn)[:5, :5], (z @ psi @ z.T + np.diag(own.r))[:5, :5], atol=0.2)


def test_a_band_is_about_the_line_and_does_not_depend_on_the_rows_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    from slopewise.growth.evidence import normality as module

    fit = fitted(noise(4, n=60)).reml["random_slope"]
    every = envelopes(fit, np.random.default_rng(1))["residual"]
    assert (every["low"] < every["normal"]).mean() > 0.9 and (every["high"] > every["normal"]).mean() > 0.9
    monkeypatch.setattr(module, "JUDGED", 50)
    some = envelopes(fit, np.random.default_rng(1))["residual"]
    assert len(some) < len(every) == 300
    pd.testing.assert_frame_equal(
        every[every["rank"].isin(some["rank"])].reset_index(drop=True), some.reset_index(drop=True)
    )


def test_the_residuals_that_are_kept_hold_the_largest_and_are_few() -> None:
    fit = fitted(noise(4, n=600, tails=0.01)).reml["random_slope"]
    rows, classes = residual_rows(fit), residual_classes(fit)
    assert len(rows) <= 320 and rows["fitted"].is_monotonic_increasing
    largest = normality(fit, np.random.default_rng(1))[1].set_index("what").loc["residual", "largest"]
    assert rows["residual"].abs().max() == pytest.approx(largest)
    assert classes["rows"].sum() == 3000
    square = (standardised(fit)["residual"] ** 2).mean()
    assert np.average(classes["sd"] ** 2, weights=classes["rows"]) == pytest.approx(square, rel=1e-9)


def test_an_outlier_is_the_most_influential_patient() -> None:
    frame = noise(6, n=60)
    frame.loc[frame["patient"] == "017", "y"] += 6 * frame.loc[frame["patient"] == "017", "time"]
    own = influence(fitted(frame)).set_index("patient")
    assert own["cook"].idxmax() == own["slope_sd_change"].idxmin() == "017"
    assert own.loc["017", "slope_sd_change"] < 0 and own.loc["017", "slope_change"] < 0


@pytest.mark.parametrize(("factor", "found"), [(0.0, False), (12.0, True)])
def test_a_large_influence_is_compared_with_that_in_data_drawn_from_the_fit(factor: float, found: bool) -> None:
    """Eight patients: one of them always has a large influence, also where nobody's values are wrong."""
    frame = noise(31, n=8)
    frame.loc[frame["patient"] == "003", "y"] += factor * frame.loc[frame["patient"] == "003", "time"]
    models = fitted(frame)
    changes = influence(models)
    row = largest_influence(models, changes, np.random.default_rng(1)).iloc[0]
    spread = np.sqrt(models.reml["random_slope"].covariance.loc["time", "time"])
    assert row["slope_sd_change"] == pytest.approx(changes["slope_sd_change"].abs().max() / spread)
    assert row["slope_change_se"] == changes["slope_change_se"].abs().max()
    assert row["slope_sd_change"] > LARGE_SD and bool(row["p_value"] < 0.05) is found


def test_with_many_markers_a_large_influence_takes_few_draws_of_few_patients(monkeypatch: pytest.MonkeyPatch) -> None:
    from slopewise.growth.evidence import influence as module

    many, taken = Effort.of(25), []
    assert 1 / (many.influences + 1) < 0.05 <= 1 / many.influences and many.compared == many.deleted
    own = module._without_each
    monkeypatch.setattr(module, "_without_each", lambda *rest: taken.append(len(rest[3])) or own(*rest))
    for factor in (0.0, 12.0):
        frame = noise(31, n=8)
        frame.loc[frame["patient"] == "003", "y"] += factor * frame.loc[frame["patient"] == "003", "time"]
        models = fitted(frame)
        changes = influence(models, most=many.deleted)
        taken.clear()
        row = largest_influence(models, changes, np.random.default_rng(1), effort=many).iloc[0]
        assert row["slope_sd_change"] > LARGE_SD and bool(row["p_value"] < 0.05) is (factor > 0)
        assert len(taken) == (20 if factor else round(1 / row["p_value"]))


def test_an_influence_that_is_not_large_is_compared_with_nothing() -> None:
    models = fitted(noise(6, n=60))
    row = largest_influence(models, influence(models), np.random.default_rng(1)).iloc[0]
    assert row["slope_change_se"] < LARGE_SE and row["slope_sd_change"] < LARGE_SD and np.isnan(row["p_value"])


def test_more_patients_than_are_left_out_one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    from slopewise.growth.evidence import influence as module

    frame = noise(6, n=60)
    frame.loc[frame["patient"] == "017", "y"] += 6 * frame.loc[frame["patient"] == "017", "time"]
    every = influence(fitted(frame)).set_index("patient")
    monkeypatch.setattr(module, "AT_ONCE", 3)
    some = influence(fitted(frame), most=7).set_index("patient")
    assert len(some) == 7 and "017" in some.index
    pd.testing.assert_frame_equal(some, every.loc[some.index])


@pytest.mark.parametrize("fixed", ["~ time", "~ poly(time, 2)", "~ cr(time, df=3)"])
def test_the_tables_of_a_marker_pass_their_schemas(fixed: str) -> None:
    frame = noise(8, n=40)
    frame.loc[frame["patient"].isin(["001", "002"]) & (frame["time"] > 0), "y"] = np.nan  # one visit
    frame.loc[frame["patient"] == "003", "y"] = np.nan  # none
    model = GrowthModel(fixed=fixed)
    found = compare_marker(model, model.fit(frame, "y"), 0, np.random.default_rng(1), in_time=True)
    for name in ("patients", "planned", "scatter", "spread", "quantiles", "normality", "visits", "correlation"):
        assert len(tables.check(found[name].assign(marker="y"), f"growth/{name}"))
    rows = found["patients"].set_index("patient")
    assert "003" not in rows.index and np.isnan(rows.loc["001", "slope_ols"]) and rows.loc["001", "visits"] == 1
    assert rows["slope_change"].notna().all()


def test_units_move_no_check() -> None:
    frame = noise(9, n=50)
    other = frame.assign(time=365.25 * frame["time"], y=1000 * frame["y"] + 1e6)
    one, two = fitted(frame), fitted(other)
    a, b = influence(one), influence(two)
    np.testing.assert_allclose(a["slope_change_se"], b["slope_change_se"], rtol=1e-3, atol=1e-6)
    np.testing.assert_allclose(a["slope_sd_change"] * 1000 / 365.25, b["slope_sd_change"], rtol=1e-3, atol=1e-6)
    c, d = (normality(models.reml["random_slope"], np.random.default_rng(1))[0]["seen"] for models in (one, two))
    np.testing.assert_allclose(c, d, rtol=1e-4, atol=1e-5)
    e, f = (implied_correlation(models)["random_slope"] for models in (one, two))
    np.testing.assert_allclose(e, f, rtol=1e-5)
