"""Likelihood ratio tests of the ladder's steps: against lifelines and statsmodels, and where there is none."""

import lifelines
import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy.stats import chi2

from slopewise.outcome.fit import fit_outcome
from slopewise.outcome.ladder import LADDER
from slopewise.outcome.likelihood_ratio import NOTHING, PENALISED, likelihood_ratios
from slopewise.tables import files as tables
from tests.unit.outcome.ladder_tables import STUDY, of_kind, simulate


def columns(found, name):
    step = next(one for one in LADDER if one.name == name)
    raw = found.data.raw(step, np.arange(len(found.data.patients)), found.level, found.slope)
    return found.fitted.models[name].recipe.standardise(raw)


def test_cox_models_have_the_test_of_lifelines():
    found = fit_outcome(*simulate().outcome)
    table = tables.check(likelihood_ratios(found), "outcome/likelihood_ratio").set_index("predictors")
    assert set(table.index) == {"baseline", "delta", "ols", "slope", "slope_only"}  # `level` does not contain `last`
    logs = []
    for name in ("slope", "level"):
        frame = pd.DataFrame(columns(found, name)).add_prefix("x")
        frame = frame.assign(time=found.data.followup, event=found.data.event)
        logs.append(lifelines.CoxPHFitter().fit(frame, "time", "event").log_likelihood_)
    row = table.loc["slope"]
    assert row["statistic"] == pytest.approx(2 * (logs[0] - logs[1]), rel=1e-5)
    assert row["df"] == 2 and row["p_value"] == pytest.approx(chi2.sf(2 * (logs[0] - logs[1]), 2), rel=1e-4)
    assert row["p_value"] < 0.001  # the slope of alpha has an effect


@pytest.mark.parametrize("kind", ["binary", "continuous"])
def test_regressions_have_the_tests_of_statsmodels(kind):
    found = fit_outcome(*of_kind(kind).outcome)
    row = likelihood_ratios(found).set_index("predictors").loc["slope"]
    x = [sm.add_constant(columns(found, name)) for name in ("slope", "level")]
    if kind == "binary":
        larger, smaller = (sm.Logit(found.data.outcome, one).fit(disp=0) for one in x)
        assert row["statistic"] == pytest.approx(2 * (larger.llf - smaller.llf), rel=1e-5)
        assert row["p_value"] == pytest.approx(chi2.sf(row["statistic"], 2))
        return
    larger, smaller = (sm.OLS(found.data.outcome, one).fit() for one in x)
    statistic, p, df = larger.compare_f_test(smaller)
    assert row[["statistic", "p_value", "df"]].tolist() == pytest.approx([statistic, p, df], rel=1e-6)
    assert row["df_residual"] == larger.df_resid


def test_each_cause_has_its_own_test():
    found = fit_outcome(*of_kind("competing").outcome)
    table = likelihood_ratios(found)
    assert table.groupby("predictors")["cause"].nunique().eq(2).all() and table["p_value"].notna().all()


def test_where_there_is_no_test_the_table_says_why():
    shrunk = likelihood_ratios(fit_outcome(*simulate(text=STUDY.replace("none", "elastic_net")).outcome))
    assert shrunk["p_value"].isna().all() and set(shrunk["message"]) == {PENALISED}
    made = simulate()
    fits = made.fits.assign(singular=True)
    table = likelihood_ratios(fit_outcome(*made.change(fits=fits).outcome)).set_index("predictors")
    assert table.loc["slope", "message"] == NOTHING and np.isnan(table.loc["slope", "p_value"])


def test_noise_is_found_as_often_as_the_level_says():
    found = []
    for seed in range(40):
        made = simulate(seed=seed, n=80)
        rng = np.random.default_rng(seed)
        slope = made.slopes.assign(slope=rng.normal(size=len(made.slopes)))  # carries nothing
        table = likelihood_ratios(fit_outcome(made.study, made.patients, slope, made.crossfit, made.fits))
        found.append(float(table.set_index("predictors").loc["slope", "p_value"]))
    assert np.mean(found) == pytest.approx(0.5, abs=0.15) and np.mean(np.array(found) < 0.05) < 0.15
