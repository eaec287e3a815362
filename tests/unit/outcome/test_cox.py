"""The Cox model: against R's coxph and survfit, lifelines and statsmodels; counts, entry, strata; what goes wrong."""

import json
import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from slopewise.outcome.cox import CoxFit, fit_cox, independent, risk_sets

HORIZONS = (3.0, 5.0, 8.0)
TERMS = ["age", "male", "log_bilirubin", "albumin"]


@pytest.fixture(scope="module")
def cohort(golden):
    return pd.read_csv(golden / "outcome_cohort.csv", dtype={"patient": str})


@pytest.fixture(scope="module")
def expected(golden):
    table = pd.read_csv(golden / "outcome_cox.csv", dtype={"name": str}, keep_default_na=False)
    return table.set_index(["model", "item", "name"])["value"]


def fit(cohort, name):
    arguments = {"horizons": HORIZONS, "terms": TERMS}
    if name == "plain":
        return fit_cox(cohort[TERMS].to_numpy(), cohort["followup"], cohort["event"], **arguments)
    x, time, event = cohort[TERMS].to_numpy(), cohort["coarse"], cohort["event"]
    if name == "repeated":
        return fit_cox(x, time, event, counts=cohort["copies"].to_numpy(), **arguments)
    if name == "entered":
        return fit_cox(x, time, event, entry=cohort["entry"], **arguments)
    if name == "stratified":
        terms = ["age", "log_bilirubin", "albumin"]
        x = cohort[terms].to_numpy()
        return fit_cox(x, time, event, cohort["entry"], cohort["male"], horizons=HORIZONS, terms=terms)
    return fit_cox(x, time, event, **arguments)


@pytest.mark.parametrize("name", ["plain", "tied", "repeated", "entered", "stratified"])
def test_agrees_with_coxph(cohort, expected, name):
    found = fit(cohort, name)
    assert found.message == ""
    for term, beta, error in zip(found.terms, found.beta, found.standard_errors, strict=True):
        assert beta == pytest.approx(expected[name, "estimate", term], rel=1e-8, abs=1e-9)
        assert error == pytest.approx(expected[name, "se", term], rel=1e-7)
    assert found.loglik_null == pytest.approx(expected[name, "loglik", "null"], abs=1e-8)
    assert found.loglik == pytest.approx(expected[name, "loglik", "fit"], abs=1e-8)


@pytest.mark.parametrize("name", ["plain", "tied", "repeated", "entered"])
def test_baseline_hazard_agrees_with_survfit(cohort, expected, name):
    found = fit(cohort, name)
    for horizon, hazard in zip(HORIZONS, found.baseline[0], strict=True):
        assert hazard == pytest.approx(expected[name, "hazard", f"{horizon:g}"], rel=1e-7)


def test_baseline_hazard_of_strata_agrees_with_survfit(cohort, expected):
    found = fit(cohort, "stratified")
    for stratum in (0, 1):
        for horizon, hazard in zip(HORIZONS, found.baseline[stratum], strict=True):
            name = ("stratified", f"hazard_male={stratum}", f"{horizon:g}")
            assert hazard == pytest.approx(expected[name], rel=1e-7)
    x = cohort[["age", "log_bilirubin", "albumin"]].to_numpy()
    risk = found.risk(x, cohort["male"].to_numpy())
    man = int(np.flatnonzero(cohort["male"])[0])
    lp = found.linear_predictor(x[[man]])[0]
    assert risk[man] == pytest.approx(1 - np.exp(-found.baseline[1] * np.exp(lp)), abs=1e-14)


def test_risks_agree_with_survfit(cohort, expected):
    risk = fit(cohort, "tied").risk(cohort[TERMS].to_numpy()[:5])
    for i in range(5):
        for h, horizon in enumerate(HORIZONS):
            assert risk[i, h] == pytest.approx(expected["tied", f"risk_{i + 1}", f"{horizon:g}"], abs=1e-9)


def test_agrees_with_statsmodels_and_lifelines(cohort):
    from statsmodels.duration.hazard_regression import PHReg

    found = fit(cohort, "tied")
    library = PHReg(cohort["coarse"], cohort[TERMS], status=cohort["event"], ties="efron").fit(disp=0)
    assert found.beta == pytest.approx(library.params, rel=1e-5, abs=1e-6)
    assert found.standard_errors == pytest.approx(library.bse, rel=1e-5)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from lifelines import CoxPHFitter

        other = CoxPHFitter().fit(cohort[["coarse", "event", *TERMS]], "coarse", "event")
    assert found.beta == pytest.approx(other.params_[TERMS].to_numpy(), rel=1e-5, abs=1e-6)
    assert found.loglik == pytest.approx(other.log_likelihood_, abs=1e-6)


def test_a_count_of_two_is_two_tied_rows(cohort):
    rows = cohort.loc[cohort.index.repeat(cohort["copies"])]
    a = fit(cohort, "repeated")
    b = fit_cox(rows[TERMS].to_numpy(), rows["coarse"], rows["event"], horizons=HORIZONS)
    assert a.beta == pytest.approx(b.beta, rel=1e-10, abs=1e-11)
    assert a.baseline == pytest.approx(b.baseline, rel=1e-10)
    assert (a.patients, a.events) == (b.patients, b.events)


def test_who_has_count_0_moves_no_bit(cohort):
    x, time, event = cohort[TERMS].to_numpy(), cohort["coarse"].to_numpy(), cohort["event"].to_numpy()
    counts = cohort["copies"].to_numpy()
    out = counts == 0
    a = fit_cox(x, time, event, counts=counts, horizons=HORIZONS)
    spoiled, other_event = x.copy(), event.copy()
    spoiled[out], other_event[out] = 1e9, 1 - event[out]
    b = fit_cox(spoiled, time, other_event, counts=counts, horizons=HORIZONS)
    c = fit_cox(x[~out], time[~out], event[~out], counts=counts[~out], horizons=HORIZONS)
    for other in (b, c):
        assert np.array_equal(a.beta, other.beta) and np.array_equal(a.baseline, other.baseline)
        assert np.array_equal(a.covariance, other.covariance)


def test_units_and_offsets_of_predictors_do_not_matter(cohort):
    x = cohort[TERMS].to_numpy()
    a = fit_cox(x, cohort["coarse"], cohort["event"], horizons=HORIZONS)
    b = fit_cox(1e6 + 1000 * x, cohort["coarse"], cohort["event"], horizons=HORIZONS)
    assert 1000 * b.beta == pytest.approx(a.beta, rel=1e-6)
    assert b.risk(1e6 + 1000 * x) == pytest.approx(a.risk(x), abs=1e-7)


def test_order_of_patients_does_not_matter(cohort):
    order = np.random.default_rng(1).permutation(len(cohort))
    a, b = fit(cohort, "entered"), fit(cohort.iloc[order], "entered")
    assert a.beta == pytest.approx(b.beta, rel=1e-10) and a.baseline == pytest.approx(b.baseline, rel=1e-10)


def test_without_predictors_the_hazard_is_that_of_the_cohort():
    time, event = np.array([1.0, 2.0, 3.0, 4.0]), np.array([1, 0, 1, 0])
    found = fit_cox(np.empty((4, 0)), time, event, horizons=(0.5, 2.0, 9.0))
    assert found.baseline[0] == pytest.approx([0.0, 1 / 4, 1 / 4 + 1 / 2])
    assert found.risk(np.empty((2, 0)))[1] == pytest.approx(1 - np.exp([0.0, -0.25, -0.75]))
    assert found.message == ""


def test_a_predictor_that_separates_is_told_and_has_no_standard_error():
    time = np.arange(1.0, 41.0)
    event = time <= 20
    x = np.column_stack([event.astype(float), np.sin(time)])
    found = fit_cox(x, time, event, terms=("sick", "noise"))
    assert "rises without end" in found.message and "sick" in found.message
    assert np.isnan(found.standard_errors).all() and np.isfinite(found.beta).all()
    assert np.isfinite(found.risk(x)).all()
    alone = fit_cox(x[:, :1], time, event, terms=("sick",))
    assert "rises without end" in alone.message and alone.iterations <= 30


@pytest.mark.parametrize("size", [1.0, 400.0])
def test_risks_after_separation_are_0_or_1_and_never_missing(size):
    # Hazards of exp(+-2000) and more: as far as a separated fold goes, and the product of two such is no number.
    fit = replace(
        fit_cox(np.array([[0.0], [1.0], [2.0], [3.0]]), [1.0, 2.0, 3.0, 4.0], [1, 1, 0, 0], horizons=(1.5, 2.5)),
        beta=np.array([-5.0 * size]),
        baseline=np.array([[1e-300, 1e-3]]),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        risk = fit.risk(np.array([[-400.0], [1.5], [400.0]]))
    assert risk[:, 1] == pytest.approx([1.0, 0.00099950017, 0.0], rel=1e-6, abs=1e-12)
    assert risk[0, 0] == 1.0 and risk[2].tolist() == [0.0, 0.0]


def test_a_predictor_that_no_risk_set_can_tell_apart_is_left_out_and_told():
    # The second predictor differs only for a patient who is censored before the first event.
    time, event = np.array([0.5, 1.0, 2.0, 3.0, 4.0, 5.0]), np.array([0, 1, 1, 0, 1, 1])
    x = np.column_stack([[0.3, 1.0, -0.4, 0.5, 0.6, -1.0], [1.0, 0, 0, 0, 0, 0]])
    found = fit_cox(x, time, event, terms=("dose", "early"), horizons=(3.0,))
    assert found.aliased == (False, True) and "early" in found.message
    alone = fit_cox(x[:, :1], time, event, terms=("dose",))
    assert found.beta == pytest.approx([alone.beta[0], 0.0], abs=1e-9)
    assert found.standard_errors[0] == pytest.approx(alone.standard_errors[0]) and np.isnan(found.standard_errors[1])


def test_no_event_gives_no_model_but_a_message():
    found = fit_cox(np.ones((3, 1)) * [[1.0], [2.0], [3.0]], [1.0, 2.0, 3.0], [0, 0, 0], horizons=(1.0,))
    assert "no patient had the event" in found.message and found.baseline[0, 0] == 0.0


def test_entry_after_the_end_is_refused():
    with pytest.raises(ValueError, match="entry"):
        risk_sets([1.0, 2.0], [1, 1], entry=[0.0, 2.0])


def test_independent_rows_of_a_gram_matrix():
    rng = np.random.default_rng(1)
    z = rng.normal(size=(50, 4))
    z = np.column_stack([z[:, 0], z[:, 1], z[:, 0] - 2 * z[:, 1], z[:, 3], np.zeros(50)])
    assert independent(z.T @ z, 1e-10).tolist() == [True, True, False, True, False]


def test_to_dict_is_json_and_comes_back_whole(cohort):
    found = fit(cohort, "tied")
    text = json.dumps(found.to_dict(), allow_nan=False)
    again = CoxFit.from_dict(json.loads(text))
    assert np.array_equal(again.risk(cohort[TERMS].to_numpy()), found.risk(cohort[TERMS].to_numpy()))
    assert json.dumps(again.to_dict()) == text
    separated = fit_cox(np.array([[0.0], [0.0], [1.0]]), [3.0, 2.0, 1.0], [0, 0, 1])
    again = CoxFit.from_dict(json.loads(json.dumps(separated.to_dict(), allow_nan=False)))
    assert np.isnan(again.covariance).all()
