"""The check of proportional hazards: against R's cox.zph, on simulated hazards, and its tables."""

import numpy as np
import pandas as pd
import pytest

from slopewise.design.splines import bends
from slopewise.outcome import hazards
from slopewise.outcome.cox import fit_cox
from slopewise.outcome.fit import fit_outcome
from slopewise.outcome.hazards import residuals_frame, score_test, smoothed
from slopewise.tables import files as tables
from tests.unit.outcome.ladder_tables import STUDY, simulate

TERMS = ["age", "male", "log_bilirubin", "albumin"]
MODELS = {
    "plain": ("followup", False, False), "tied": ("coarse", False, False), "entered": ("coarse", True, False),
    "stratified": ("coarse", False, True), "both": ("coarse", True, True),
}  # fmt: skip


@pytest.fixture(scope="module")
def cohort(golden):
    return pd.read_csv(golden / "outcome_cohort.csv", dtype={"patient": str})


@pytest.fixture(scope="module")
def expected(golden):
    return pd.read_csv(golden / "zph.csv").set_index(["model", "item", "name"])["value"].sort_index()


@pytest.mark.parametrize("name", MODELS)
def test_statistics_and_residuals_are_those_of_r(cohort, expected, name):
    time, entered, stratified = MODELS[name]
    terms = [term for term in TERMS if not (stratified and term == "male")]
    x = cohort[terms].to_numpy()
    entry = cohort["entry"].to_numpy() if entered else None
    strata = cohort["male"].to_numpy() if stratified else None
    beta = fit_cox(x, cohort[time], cohort["event"], entry, strata).beta
    found = score_test(x, cohort[time], cohort["event"], beta, entry, strata)
    own = expected[name]
    for place, term in enumerate([*terms, "GLOBAL"]):
        assert found.statistic[place] == pytest.approx(own["chisq", term], rel=1e-6), term
        assert found.p_value[place] == pytest.approx(own["p", term], rel=1e-6), term
    assert found.df.tolist() == [1] * len(terms) + [len(terms)]
    centre = centre_of(cohort, time, entry)
    for place, term in enumerate(terms):
        residual = found.residual[:, place]
        assert residual.sum() == pytest.approx(own["residual_sum", term], rel=1e-6, abs=1e-6), term
        moment = residual @ (found.moment + centre)
        assert moment == pytest.approx(own["residual_moment", term], rel=1e-6, abs=1e-6), term
        assert found.variance[place, place] == pytest.approx(own["variance", term], rel=1e-6), term


def centre_of(cohort, time, entry):
    """Mean over events of one minus Kaplan–Meier's curve just before them, by hand."""
    alive, before = 1.0, {}
    late = np.full(len(cohort), -np.inf) if entry is None else entry
    times, event = cohort[time].to_numpy(), cohort["event"].to_numpy() == 1
    for at in np.unique(times[event]):
        before[at] = 1.0 - alive
        alive *= 1.0 - (event & (times == at)).sum() / ((late < at) & (times >= at)).sum()
    return np.mean([before[at] for at in times[event]])


def test_the_units_of_predictors_do_not_matter(cohort):
    x = cohort[TERMS].to_numpy()
    beta = fit_cox(x, cohort["followup"], cohort["event"]).beta
    plain = score_test(x, cohort["followup"], cohort["event"], beta)
    scaled = score_test(1e3 * x + 5.0, cohort["followup"], cohort["event"], beta / 1e3)
    assert scaled.statistic == pytest.approx(plain.statistic, rel=1e-8)
    assert scaled.residual == pytest.approx(plain.residual / 1e3, rel=1e-7, abs=1e-9)


def test_an_effect_that_fades_is_found_and_the_curve_falls():
    rng = np.random.default_rng(4)
    n = 600
    x = rng.normal(size=(n, 2))
    early = rng.exponential(1 / np.exp(1.2 * x[:, 0] + 0.5 * x[:, 1]))
    late = 0.7 + rng.exponential(1 / np.exp(0.5 * x[:, 1]))  # after 0.7 the first has no effect
    time = np.where(early < 0.7, early, late)
    found = score_test(x, time, time < 4.0, fit_cox(x, time, time < 4.0).beta)
    assert found.p_value[0] < 1e-4 and found.p_value[1] > 0.01 and found.p_value[2] < 1e-3
    curve = smoothed(found, 0)
    assert curve["smooth"].iloc[0] > 0.8 and abs(curve["smooth"].iloc[-1]) < 0.5
    assert (curve["ci_low"] < curve["smooth"]).all() and curve["time"].is_monotonic_increasing


@pytest.mark.parametrize("deaths", [1, 2])
def test_events_at_one_moment_alone_tell_nothing_of_change(deaths):
    rng = np.random.default_rng(1)
    x, time = rng.normal(size=(30, 2)), np.arange(1.0, 31.0)
    time[4 : 4 + deaths] = 5.0
    event = np.isin(np.arange(30), range(4, 4 + deaths))
    found = score_test(x, time, event, np.zeros(2))
    assert np.isnan(found.statistic).all() and np.isnan(found.p_value).all() and found.df[-1] == 0
    assert tables.check(hazards.tests_frame("slope", "death", ["a", "b"], found), "outcome/proportional_hazards").empty
    assert residuals_frame("slope", "death", ["a", "b"], found)["smooth"].isna().all()


def test_a_term_that_only_one_event_tells_of_is_left_out_of_the_test(cohort):
    time, event = cohort["followup"].to_numpy(), cohort["event"].to_numpy() == 1
    first = np.sort(time[event])[0]
    rare = np.zeros(len(time))
    gone = np.flatnonzero((time > first) & (time < np.sort(time[event])[1]))
    rare[gone if len(gone) else np.flatnonzero(time == first)] = 1.0
    x = np.column_stack([cohort[["age", "albumin"]].to_numpy(), rare])
    beta = np.append(fit_cox(x[:, :2], time, event).beta, 0.0)
    both, plain = score_test(x, time, event, beta), score_test(x[:, :2], time, event, beta[:2])
    assert np.isnan(both.statistic[2]) and both.df[-1] == 2
    assert both.statistic[:2] == pytest.approx(plain.statistic[:2], rel=0.05)
    rows = hazards.tests_frame("slope", "death", ["age", "albumin", "rare"], both)
    assert rows["term"].tolist() == ["age", "albumin", ""]


def test_bends_are_cubic_inside_and_straight_outside():
    x = np.linspace(-3, 3, 61)
    knots = (-1.0, 0.0, 1.5, 2.0)
    columns = bends(x, knots)
    assert columns.shape == (61, 2) and not columns[x <= -1].any()
    beyond = columns[x >= 2.0]
    assert np.allclose(np.diff(beyond, n=2, axis=0), 0, atol=1e-12)
    fine = bends(np.linspace(-2.0, 3.0, 50001), knots)
    assert abs(np.diff(fine, n=2, axis=0)).max() < 1e-6  # twice differentiable, also at the knots


def test_the_tables_have_every_step_and_only_the_pictures_residuals():
    found = fit_outcome(*simulate().outcome).hazards()
    tests = tables.check(found.tests, "outcome/proportional_hazards")
    assert set(tests["predictors"]) == {"clinical", "baseline", "last", "delta", "ols", "level", "slope", "slope_only"}
    whole = tests[tests["term"] == ""].set_index("predictors")
    assert whole.loc["slope", "df"] == 6 and whole.loc["clinical", "df"] == 2
    residuals = tables.check(found.residuals, "outcome/schoenfeld")
    assert set(residuals["predictors"]) == {"slope"} and residuals["term"].nunique() == 6


def test_a_penalised_model_is_not_tested():
    found = fit_outcome(*simulate(text=STUDY.replace("penalty: none", "penalty: elastic_net")).outcome).hazards()
    assert tables.check(found.tests, "outcome/proportional_hazards").empty
    assert tables.check(found.residuals, "outcome/schoenfeld").empty
