"""Straight or bent, by stratum, under two zeros: against lme4 and lmerTest (tests/golden/population.R), and no leak."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from slopewise.cohort import prepare_cohort
from slopewise.design.screen import straight
from slopewise.folds import FoldPlan, fits, make_folds
from slopewise.growth import GrowthFit, GrowthModel
from slopewise.growth.fitting import fit_batch
from slopewise.slopes.crossfit import cross_fit
from slopewise.slopes.marker import MarkerData, growth_model, marker_data
from slopewise.slopes.shape import centring, linearity
from slopewise.slopes.strata import describe, slopes_by_stratum
from slopewise.study.reading import load_study
from slopewise.tables import files as tables

ROOT = Path(__file__).resolve().parents[3]
GOLDEN = pd.read_csv(ROOT / "tests/golden/population.csv").set_index(["case", "kind", "name"])["value"]
PBC = ("log_bilirubin", "log_cholesterol", "albumin", "log_alk_phos", "log_ast", "platelets", "log_prothrombin")


def shipped(name: str, marker: str | None = None) -> tuple[GrowthModel, MarkerData, GrowthFit]:
    study = load_study(ROOT / f"config/studies/{name}.yaml")
    cohort = prepare_cohort(study, ROOT)
    model, marker = growth_model(study), marker or next(iter(study.markers))
    data = marker_data(model, marker, cohort.measurements, cohort.patients, study.landmark_time)
    return model, data, GrowthFit.from_batch(fit_batch(data.growth, data.everybody()), 0)


@pytest.fixture(scope="module")
def pbc() -> dict[str, tuple[GrowthModel, MarkerData, GrowthFit]]:
    return {marker: shipped("pbc_growth", marker) for marker in PBC}


def compare(case: str, found: pd.DataFrame, strata: tuple[str, str]) -> None:
    rows = found.set_index(["stratum", "versus"])
    places = {"everybody": ("everybody", ""), "first": (strata[0], ""), "second": (strata[1], "")}
    places["difference"] = (strata[1], strata[0])
    for name, place in places.items():
        expected = GOLDEN.loc[case].xs(name, level="name")
        row = rows.loc[place]
        assert row["estimate"] == pytest.approx(expected["Estimate"], rel=1e-4, abs=1e-7)
        assert row["se"] == pytest.approx(expected["Std. Error"], rel=1e-4)
        assert row["df"] == pytest.approx(expected["df"], rel=2e-3)
        assert row["ci_low"] == pytest.approx(expected["lower"], rel=1e-3, abs=1e-4 * row["se"] + 1e-7)
        assert row["ci_high"] == pytest.approx(expected["upper"], rel=1e-3, abs=1e-4 * row["se"] + 1e-7)
        assert row["p_value"] == pytest.approx(expected["Pr(>|t|)"], rel=2e-2, abs=1e-4)


def test_slopes_of_girls_and_boys_are_those_of_lmertest() -> None:
    model, data, fit = shipped("orthodont")
    assert fit.batch is not None
    found = describe(model, data, fit.batch)
    compare("orthodont", found["slopes_by_stratum"], ("Female", "Male"))
    assert found["slopes_by_stratum"]["patients"].tolist()[:3] == [27, 11, 16]
    for name, frame in found.items():
        if len(frame):
            tables.check(frame.assign(marker="distance"), f"growth/{name}")


@pytest.mark.parametrize("marker", PBC)
def test_slopes_by_treatment_are_those_of_lmertest(pbc: dict[str, Any], marker: str) -> None:
    _, data, fit = pbc[marker]
    compare(marker, slopes_by_stratum(data, fit), ("0", "1"))


@pytest.mark.parametrize("case", ["sleepstudy", "log_bilirubin"])
def test_shapes_are_those_of_lme4(pbc: dict[str, Any], case: str) -> None:
    model, data, fit = pbc[case] if case in pbc else shipped(case)
    rows = linearity(model, data, fit.structure).set_index("shape")
    for shape in ("linear", "quadratic", "spline"):
        assert rows.loc[shape, "deviance_ml"] == pytest.approx(GOLDEN.loc[case, "deviance_ml", shape], abs=1e-5)
        assert rows.loc[shape, "aic"] == pytest.approx(GOLDEN.loc[case, "aic", shape], abs=1e-5)
    assert rows["df"].tolist()[1:] == [1, 2] and (rows["lrt"].dropna() > 0).all()
    assert rows.loc["linear", "slope_first"] == pytest.approx(rows.loc["linear", "slope_last"])


def test_a_bent_course_is_found_and_its_slopes_are_told(rows: pd.DataFrame) -> None:
    bent = rows.assign(y=rows["y"] + 0.5 * rows["time"] ** 2)
    model = GrowthModel(bounds=(0.0, 4.0))
    found = linearity(model, laid_out(model, bent), "correlated").set_index("shape")
    assert found.loc["quadratic", "p_value"] < 1e-10 and found.loc["spline", "p_value"] < 1e-10
    assert found.loc["quadratic", "slope_last"] - found.loc["quadratic", "slope_first"] == pytest.approx(3.2, abs=0.3)
    own = GrowthModel(fixed="~ cr(time, df=2)", bounds=(0.0, 4.0))
    assert {"linear", "quadratic", "spline", "study"} == set(linearity(own, laid_out(own, bent), "correlated")["shape"])
    scarce = bent.assign(time=np.minimum(bent["time"].round(), 1.0))
    model = GrowthModel(random="~ 1")
    assert linearity(model, laid_out(model, scarce), "correlated")["shape"].tolist() == ["linear"]


def test_the_spline_covers_the_later_rows_that_fits_learn_from() -> None:
    rng, n = np.random.default_rng(0), 80
    time, names = np.tile(np.arange(10.0), n), np.repeat([f"p{k:03d}" for k in range(n)], 10)
    y = rng.normal(size=n).repeat(10) + 0.15 * np.maximum(time - 5.0, 0.0) ** 2 + rng.normal(size=len(time))
    rows = pd.DataFrame({"patient": names, "time": time, "y": y})
    cohort = pd.DataFrame({"patient": sorted(set(names))})
    early, later = (rows[part].reset_index(drop=True) for part in (rows["time"] <= 2, rows["time"] > 2))
    model = GrowthModel(bounds=(0.0, 2.0))
    found = linearity(model, marker_data(model, "y", early, cohort, 2.0, later), "correlated").set_index("shape")
    whole = GrowthModel(bounds=(0.0, 9.0))
    expected = linearity(whole, marker_data(whole, "y", rows, cohort, 9.0), "correlated").set_index("shape")
    columns = ["deviance_ml", "lrt", "slope_first", "slope_last"]
    assert found.loc["spline", columns].tolist() == pytest.approx(expected.loc["spline", columns].tolist(), rel=1e-6)


def test_two_zeros_are_one_model_or_two() -> None:
    model, data, _ = shipped("sleepstudy")
    found = centring(model, data)
    assert found["zero"].tolist() == [0.0, 0.0, 4.5, 4.5]
    for row in found.to_dict("records"):
        at = f"{row['structure']}_{row['zero']:g}"
        assert row["deviance"] == pytest.approx(GOLDEN.loc["sleepstudy", "deviance", at], abs=1e-5)
        for name in ("intercept", "slope", "intercept_sd", "slope_sd"):
            assert row[name] == pytest.approx(GOLDEN.loc["sleepstudy", name, at], rel=1e-4)
        if row["structure"] == "correlated":
            assert row["correlation"] == pytest.approx(GOLDEN.loc["sleepstudy", "correlation", at], abs=1e-4)
    rows = found.set_index(["structure", "zero"])["deviance"]
    assert abs(rows["correlated", 0.0] - rows["correlated", 4.5]) < 1e-7
    assert rows["diagonal", 4.5] - rows["diagonal", 0.0] > 9


@pytest.mark.parametrize(
    ("formula", "line"),
    [
        ("~ time", "~ time"),
        ("~ cr(time, df=3) * sex + age", "~ time * sex + age"),
        ("~ poly(time, 2):sex + log(age)", "~ time:sex + log(age)"),
        ("~ time + I(time**2)", "~ time + time"),
    ],
)
def test_a_formula_is_put_straight(formula: str, line: str) -> None:
    assert straight(formula, "time") == line


def test_a_few_groups_have_lines_of_their_own() -> None:
    model, data, fit = shipped("schools_app")
    assert fit.batch is not None
    found = describe(model, data, fit.batch)["lines"]
    tables.check(found.assign(marker="score"), "growth/lines")
    own = pd.read_csv(ROOT / "data/schools_app/measurements.csv")
    for row, (_, part) in zip(found.itertuples(), own.groupby("school"), strict=True):
        slope, intercept = np.polyfit(part["hours"], part["score"], 1)
        assert (row.slope_ols, row.intercept_ols) == pytest.approx((slope, intercept))
        assert (row.first, row.last) == (part["hours"].min(), part["hours"].max())
    effects = fit.random_effects()
    np.testing.assert_allclose(found["slope"], fit.beta["hours"] + effects["hours"])
    np.testing.assert_allclose(found["intercept"], fit.beta["Intercept"] + effects["Intercept"])
    assert found["slope"].std() < found["slope_ols"].std(), "drawn towards each other"


# -- curves: slope at the landmark, and nothing of a test patient in a recipe


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    rng = np.random.default_rng(4)
    patients = np.repeat([f"p{k:02d}" for k in range(40)], 6)
    time = np.tile(np.linspace(0, 3, 6), 40) + rng.uniform(0, 0.9, 240)
    level, slope = rng.normal(0, 1, 40), rng.normal(1, 0.5, 40)
    whose = np.repeat(np.arange(40), 6)
    y = level[whose] + slope[whose] * time + rng.normal(0, 0.3, 240)
    return pd.DataFrame({"patient": patients, "time": time, "y": y})


def laid_out(model: GrowthModel, rows: pd.DataFrame, landmark: float = 4.0) -> MarkerData:
    cohort = pd.DataFrame({"patient": sorted(rows["patient"].unique())})
    return marker_data(model, "y", rows, cohort, landmark)


CURVED = ("~ cr(time, df=3)", "~ poly(time, 2)", "~ bs(time, df=4)", "~ time + I(time**2)")


@pytest.mark.parametrize("formula", CURVED)
def test_a_slope_is_the_derivative_at_the_landmark(rows: pd.DataFrame, formula: str) -> None:
    model = GrowthModel(fixed=formula, bounds=(0.0, 4.0))
    data = laid_out(model, rows)
    folds = make_folds(pd.DataFrame({"patient": data.patients}), FoldPlan(4, 1, 2, 1, 1))
    scores, ledger, batch = cross_fit(data, list(fits(folds[folds["scheme"] == "crossfit"], data.patients)))
    assert ledger["converged"].all()
    one = scores[(scores["repeat"] == 0) & (scores["patient"] == "p07")].iloc[0]
    patient = data.covariates[data.covariates["patient"] == "p07"]
    effects = batch.random_effects([0], [7])[0][0]

    def value(at: float) -> float:
        x, z = batch.design(patient, at, 0)
        return float((x @ batch.beta[0] + z @ effects)[0])

    step = 1e-5
    assert one["slope"] == pytest.approx((value(4.0) - value(4.0 - step)) / step, rel=1e-3)
    assert one["level"] == pytest.approx(value(4.0))


@pytest.mark.parametrize("formula", CURVED)
def test_no_row_of_a_held_out_patient_reaches_knots_constants_or_coefficients(rows: pd.DataFrame, formula: str) -> None:
    model = GrowthModel(fixed=formula, random="~ poly(time, 2)", bounds=(0.0, 4.0))

    def learnt(frame: pd.DataFrame) -> tuple[list[dict[str, Any]], np.ndarray, pd.Series]:
        data = laid_out(model, frame)
        folds = make_folds(pd.DataFrame({"patient": data.patients}), FoldPlan(4, 1, 2, 1, 1))
        folds = folds[folds["scheme"] == "crossfit"]
        plan = list(fits(folds, data.patients))
        _, _, batch = cross_fit(data, plan)
        recipes = [GrowthFit.from_batch(batch, j).design for j in range(len(plan))]
        return [{"fixed": r.fixed.to_dict(), "random": r.random.to_dict()} for r in recipes], batch.beta, folds

    before, beta, folds = learnt(rows)
    held = folds[(folds["repeat"] == 1) & (folds["fold"] == 2)]["patient"]
    theirs = rows["patient"].isin(held)
    moved = rows.assign(time=rows["time"].where(~theirs, 0.5 * rows["time"] + 0.1), y=rows["y"].where(~theirs, 50.0))
    after, other, _ = learnt(moved)
    same = [j for j in range(len(before)) if np.array_equal(beta[j], other[j])]
    assert len(same) == 1, "exactly the fit that did not see them is untouched, to the last bit"
    assert before[same[0]] == after[same[0]]
    changed = [j for j in range(len(before)) if before[j] != after[j]]
    stateful = model.specification().stateful
    assert stateful and len(changed) == len(before) - 1, "every other fit learnt other constants from them"
