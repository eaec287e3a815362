"""The slope of each marker alone beside its level: against lifelines and statsmodels, where there is none."""

import lifelines
import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from slopewise.growth.evidence.compare import q_values
from slopewise.outcome.associations import FLAT, associations
from slopewise.outcome.fit import fit_outcome
from slopewise.tables import files as tables
from tests.unit.outcome.ladder_tables import STUDY, of_kind, simulate


def columns(found, place):
    """Slope and level of a marker and the covariates, per SD."""
    x = np.column_stack([found.slope[:, place], found.level[:, place], found.data.covariates])
    return pd.DataFrame((x - x.mean(axis=0)) / x.std(axis=0, ddof=1)).add_prefix("x")


def test_a_survival_outcome_has_the_coefficient_of_lifelines():
    found = fit_outcome(*simulate().outcome)
    table = tables.check(associations(found), "outcome/associations").set_index("marker")
    for place, marker in enumerate(found.data.markers):
        frame = columns(found, place).assign(time=found.data.followup, event=found.data.event)
        peer = lifelines.CoxPHFitter().fit(frame, "time", "event").summary.loc["x0"]
        row = table.loc[marker, ["estimate", "se", "p_value"]].tolist()
        assert row == pytest.approx([peer["coef"], peer["se(coef)"], peer["p"]], rel=1e-3)
    assert table["q_value"].tolist() == q_values(table["p_value"].to_numpy()).tolist()
    assert table.loc["alpha", "p_value"] < 0.001  # the slope of alpha has an effect


@pytest.mark.parametrize("kind", ["binary", "continuous"])
def test_regressions_have_the_coefficients_of_statsmodels(kind):
    found = fit_outcome(*of_kind(kind).outcome)
    row = associations(found).set_index("marker").loc["beta"]
    x = sm.add_constant(columns(found, 1))
    peer = sm.Logit(found.data.outcome, x).fit(disp=0) if kind == "binary" else sm.OLS(found.data.outcome, x).fit()
    expected = [peer.params["x0"], peer.bse["x0"], peer.pvalues["x0"]]
    assert row[["estimate", "se", "p_value"]].tolist() == pytest.approx(expected, rel=1e-4)


def test_each_cause_has_its_own_and_a_penalty_changes_nothing():
    made = of_kind("competing")
    table = associations(fit_outcome(*made.outcome))
    assert table.groupby("cause").size().tolist() == [2, 2] and table["estimate"].nunique() == 4
    plain = associations(fit_outcome(*simulate().outcome))
    shrunk = associations(fit_outcome(*simulate(text=STUDY.replace("none", "elastic_net")).outcome))
    pd.testing.assert_frame_equal(plain, shrunk)


@pytest.mark.parametrize("of", ["constant", "level"])
def test_a_slope_that_holds_nothing_of_its_own_has_no_estimate(of):
    from dataclasses import replace

    found = fit_outcome(*simulate().outcome)
    slope = found.slope.copy()
    slope[:, 1] = 0.25 if of == "constant" else 3 * found.level[:, 1] - found.data.covariates[:, 0]
    table = associations(replace(found, slope=slope)).set_index("marker")
    assert table.loc["beta", "message"] == FLAT and np.isnan(table.loc["beta", "p_value"])
    assert (
        np.isfinite(table.loc["alpha", "estimate"]) and table.loc["alpha", "q_value"] == table.loc["alpha", "p_value"]
    )
