"""What a fit offers to users of statsmodels and lme4: summary, intervals, fitted values, a picture, pickling."""

import pickle

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf

from slopewise.growth import GrowthModel
from slopewise.growth.fit import GrowthFit
from slopewise.run.errors import InputError


@pytest.fixture(scope="module")
def rows(root):
    table = pd.read_csv(root / "data/sleepstudy/measurements.csv", dtype={"subject": str})
    table.loc[7, "reaction"] = np.nan
    return table.sample(frac=1, random_state=3)


@pytest.fixture(scope="module")
def fit(rows):
    return GrowthModel("~ day", "~ day", time="day").fit(rows, "reaction", patient="subject")


def test_values_are_those_of_statsmodels_under_its_names(rows, fit):
    own = rows.dropna().reset_index(drop=True)
    peer = smf.mixedlm("reaction ~ day", own, groups="subject", re_formula="~ day").fit(reml=True)
    assert fit.params.to_numpy() == pytest.approx(peer.fe_params.to_numpy(), rel=1e-5)
    assert fit.vcov.to_numpy() == pytest.approx(peer.cov_params().iloc[:2, :2].to_numpy(), rel=1e-3)
    assert fit.fittedvalues.index.tolist() == rows.dropna().index.tolist()
    assert fit.fittedvalues.to_numpy() == pytest.approx(peer.fittedvalues.to_numpy(), rel=1e-4)
    assert fit.resid.to_numpy() == pytest.approx(peer.resid.to_numpy(), abs=0.05)
    assert fit.resid.add(fit.fittedvalues).to_numpy() == pytest.approx(rows["reaction"].dropna().to_numpy())


def test_intervals_of_any_level_are_those_of_the_table(fit):
    table = fit.fixed_effects.set_index("term")
    interval = fit.conf_int()
    assert interval["lower"].to_numpy() == pytest.approx(table["ci_low"].to_numpy())
    assert interval["upper"].to_numpy() == pytest.approx(table["ci_high"].to_numpy())
    assert (fit.conf_int(0.5)["upper"] < interval["upper"]).all()
    with pytest.raises(ValueError, match="between 0 and 1"):
        fit.conf_int(95)


def test_rows_of_a_held_out_patient_have_no_fitted_value(rows):
    model = GrowthModel("~ day", "~ day", time="day")
    folds = {name: 1 + place % 3 for place, name in enumerate(sorted(rows["subject"].unique()))}
    fits = model.fit_many(rows, ["reaction"], patient="subject", folds=folds)
    inside = rows["subject"].map(folds).ne(2) & rows["reaction"].notna()
    assert fits["reaction", 2].fittedvalues.index.tolist() == rows.index[inside].tolist()


def test_the_summary_has_every_estimate_and_no_patient(rows, fit):
    text, page = str(fit.summary()), fit.summary()._repr_html_()
    for shown in (text, page):
        for value in (*fit.beta, fit.sigma, *np.sqrt(np.diag(fit.covariance))):
            assert f"{value:.5g}" in shown
        assert f"{fit.deviance:.4f}" in shown and "18" in shown and "179" in shown
        assert not any(name in shown for name in rows["subject"])
    assert text == repr(fit.summary()) and "Satterthwaite" in text
    assert page.count("<table>") == page.count("</table>") == 3
    stored = GrowthFit.from_dict(fit.to_dict())
    assert str(stored.summary()) == text
    with pytest.raises(InputError, match="read from a file"):
        _ = stored.fittedvalues


def test_a_name_with_a_tag_is_text(rows):
    named = rows.rename(columns={"reaction": "<b>"})
    page = GrowthModel("~ day", "~ day", time="day").fit(named, "<b>", patient="subject").summary()._repr_html_()
    assert "<b>" not in page and "&lt;b&gt;" in page


def test_strata_of_the_residual_variance_are_in_the_summary(rows):
    halves = rows.assign(half=np.where(rows["day"] < 5, "early", "late"))
    fit = GrowthModel("~ day", "~ day", time="day", residual_by="half").fit(halves, "reaction", patient="subject")
    assert "residual, early" in str(fit.summary()) and f"{fit.residual_sd['late']:.5g}" in str(fit.summary())


def test_a_fit_survives_pickling(fit):
    again = pickle.loads(pickle.dumps(fit))
    pd.testing.assert_series_equal(again.fittedvalues, fit.fittedvalues)
    assert str(again.summary()) == str(fit.summary())


def test_the_picture_has_points_courses_and_the_population(rows, fit):
    with mpl.rc_context({"backend": "agg"}):
        axes = fit.plot(most=5)
        assert len(axes.lines) == 2 * 5 + 1
        assert axes.get_xlabel() == "day" and axes.get_ylabel() == "reaction"
        line = axes.lines[-1]
        x, y = line.get_xdata(), line.get_ydata()
        assert (y[-1] - y[0]) / (x[-1] - x[0]) == pytest.approx(fit.beta["day"])
        shown = len(fit.plot(most=None).lines)
        assert shown == 2 * rows["subject"].nunique() + 1
        mpl.pyplot.close("all")
