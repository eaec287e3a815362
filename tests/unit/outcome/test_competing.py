"""Competing events: against R, against counting by hand, and through the whole ladder."""

import json

import numpy as np
import pandas as pd
import pytest

from slopewise.metrics.brier import accuracy
from slopewise.metrics.calibration import binomial_calibration
from slopewise.metrics.concordance import concordance
from slopewise.metrics.incidence import incidence
from slopewise.metrics.ipcw import aalen_johansen, censoring_curve, ipc_weights, kaplan_meier
from slopewise.outcome.cox import fit_cox
from slopewise.outcome.fit import StepModel, fit_ladder, fit_outcome, ladder_data, scores_of
from slopewise.outcome.ladder import LADDER
from slopewise.outcome.models import combined_risks
from slopewise.tables import files as tables
from slopewise.validate.nested import nested
from slopewise.validate.performance import performance
from tests.unit.outcome.ladder_tables import STUDY, simulate

HORIZONS = (3.0, 5.0, 8.0)
TERMS = ["age", "log_bilirubin", "albumin"]
TEXT = STUDY.replace("events: {1: transplant, 2: death}", "events: {1: death}\n  competing: {2: transplant}")


@pytest.fixture(scope="module")
def cohort(golden):
    return pd.read_csv(golden / "competing_cohort.csv", dtype={"patient": str})


@pytest.fixture(scope="module")
def expected(golden):
    table = pd.read_csv(golden / "competing.csv", dtype={"name": str}, keep_default_na=False)
    return table.set_index(["model", "item", "name"])["value"]


@pytest.fixture(scope="module")
def models(cohort):
    known = np.unique(cohort["followup"][cohort["event"] > 0])
    return [
        fit_cox(cohort[TERMS].to_numpy(), cohort["followup"], cohort["event"] == cause, horizons=known, terms=TERMS)
        for cause in (1, 2)
    ]


def scored(cohort, expected):
    """Weights and concordance of R's risks on everybody."""
    event, other = (cohort["event"] == 1).to_numpy(), (cohort["event"] == 2).to_numpy()
    time, once = cohort["followup"].to_numpy(), np.ones((1, len(cohort)), dtype=np.int64)
    weights = ipc_weights(time, event, HORIZONS, censoring_curve(time, event | other), other)
    risk = cohort[[f"risk_{h:g}" for h in HORIZONS]].to_numpy()[:, None, :]
    return time, event, other, once, weights, risk


def test_cause_specific_cox_models_and_the_risks_they_combine_to_agree_with_r(cohort, expected, models):
    for cause, model in enumerate(models, start=1):
        for term, beta, error in zip(TERMS, model.beta, model.standard_errors, strict=True):
            assert beta == pytest.approx(expected[f"cause_{cause}", "estimate", term], rel=1e-8)
            assert error == pytest.approx(expected[f"cause_{cause}", "se", term], rel=1e-7)
    risks = combined_risks(models, cohort[TERMS].to_numpy()[:5], HORIZONS)
    for h, horizon in enumerate(HORIZONS):
        for man in range(5):
            for cause in (1, 2):
                wanted = expected[f"cause_{cause}", f"risk_{man + 1}", f"{horizon:g}"]
                assert risks[man, cause - 1, h] == pytest.approx(wanted, abs=1e-9)


def test_risks_add_up_and_are_below_one_minus_kaplan_meiers(cohort, models):
    x = cohort[TERMS].to_numpy()
    risks = combined_risks(models, x, HORIZONS)
    both = sum(np.exp(m.linear_predictor(x))[:, None] * m.baseline[0] for m in models)
    place = np.searchsorted(models[0].horizons, HORIZONS, side="right") - 1
    assert risks.sum(axis=1) == pytest.approx(-np.expm1(-both[:, place]), abs=1e-12)
    naive = models[0].risk(x)[:, place]
    assert (risks[:, 0] < naive).all() and (naive - risks[:, 0]).max() > 0.03


def test_one_cause_alone_is_the_cox_models_own_risk(cohort):
    x, time, event = cohort[TERMS].to_numpy(), cohort["followup"], cohort["event"] == 1
    whole = fit_cox(x, time, event, horizons=np.unique(time[event]))
    assert combined_risks([whole], x, HORIZONS)[:, 0] == pytest.approx(
        fit_cox(x, time, event, horizons=HORIZONS).risk(x), abs=1e-12
    )


def test_aalen_johansen_agrees_with_r(cohort, expected):
    for cause in (1, 2):
        curve = aalen_johansen(cohort["followup"], cohort["event"], cause)
        found = incidence(cohort["followup"], cohort["event"], cause)
        for horizon in HORIZONS:
            wanted = expected[f"cause_{cause}", "aalen_johansen", f"{horizon:g}"]
            assert 1 - curve.at(horizon) == pytest.approx(wanted, abs=1e-12)
            place = np.searchsorted(found.times, horizon, side="right") - 1
            assert found.risk[place] == pytest.approx(wanted, abs=1e-12)
            error = expected[f"cause_{cause}", "aalen_johansen_se", f"{horizon:g}"]
            assert found.error[place] == pytest.approx(error, rel=1e-6)
            low, high = (end[place] for end in found.interval)
            assert 0 < low < wanted < high < 1


def test_aalen_johansen_with_one_cause_is_kaplan_meier(cohort):
    event = cohort["event"] > 0
    one, other = aalen_johansen(cohort["followup"], event), kaplan_meier(cohort["followup"], event)
    assert one.survival == pytest.approx(other.survival, abs=1e-14)


def test_auc_brier_and_ipa_agree_with_risk_regression(cohort, expected):
    time, event, other, once, weights, risk = scored(cohort, expected)
    null = np.tile(1 - aalen_johansen(time, cohort["event"]).at(HORIZONS), (len(time), 1))
    loss, fold = accuracy(risk, null, weights, once), np.ones(len(time), dtype=np.int64)
    for h, horizon in enumerate(HORIZONS):
        name = f"{horizon:g}"
        pairs = concordance(time, event, fold, risk[:, :, h], weights, HORIZONS, once, 8.0, other)
        assert pairs.auc[0, 0, h] == pytest.approx(expected["score", "auc", name], abs=1e-10)
        assert loss.brier[0, 0, h] == pytest.approx(expected["score", "brier", name], abs=1e-10)
        assert loss.ipa[0, 0, h] == pytest.approx(expected["score", "ipa", name], abs=1e-10)


def test_c_of_a_cause_agrees_with_r(cohort, expected):
    time, event, other, once, weights, risk = scored(cohort, expected)
    fold = np.ones(len(time), dtype=np.int64)
    pairs = concordance(time, event, fold, risk[:, :, 2], weights, HORIZONS, once, 8.0, other)
    assert pairs.harrell[0, 0] == pytest.approx(expected["score", "harrell", ""], abs=1e-12)
    assert pairs.uno[0, 0] == pytest.approx(expected["score", "uno", ""], abs=1e-10)


def test_counts_are_repeated_rows_in_folds(cohort, expected):
    time, event, other, _, weights, risk = scored(cohort, expected)
    rng = np.random.default_rng(1)
    fold, counts = rng.integers(1, 4, size=len(time)), rng.integers(0, 3, size=(1, len(time)))
    rows = np.repeat(np.arange(len(time)), counts[0])
    one = concordance(time, event, fold, risk[:, :, 1], weights, HORIZONS, counts, 8.0, other)
    copied = type(weights)(*(getattr(weights, name)[rows] for name in weights.__dataclass_fields__))
    once = np.ones((1, len(rows)), dtype=np.int64)
    two = concordance(time[rows], event[rows], fold[rows], risk[rows, :, 1], copied, HORIZONS, once, 8.0, other[rows])
    for name in ("harrell", "uno", "auc"):
        assert getattr(one, name) == pytest.approx(getattr(two, name), abs=1e-12)


def test_calibration_agrees_with_rs_weighted_binomial_regression(cohort, expected):
    _, _, _, once, weights, risk = scored(cohort, expected)
    found = binomial_calibration(weights, risk, "cloglog", risk[:3].transpose(1, 2, 0), once)
    for h, horizon in enumerate(HORIZONS):
        assert found.slope[0, 0, h] == pytest.approx(expected["score", "slope", f"{horizon:g}"], rel=1e-7)
        assert found.intercept[0, 0, h] == pytest.approx(expected["score", "intercept", f"{horizon:g}"], abs=1e-8)
    assert np.isfinite(found.ici).all() and np.isfinite(found.curve).all()


# --- the whole way ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def made():
    """The simulated study with a third of its events called transplants, which are nothing but chance."""
    whole = simulate(n=160, text=TEXT)
    rng = np.random.default_rng(9)
    event = whole.patients["event"].to_numpy() * np.where(rng.random(160) < 1 / 3, 2, 1)
    return whole.change(patients=whole.patients.assign(event=event))


@pytest.fixture(scope="module")
def fitted(made):
    return fit_outcome(*made.outcome)


@pytest.fixture(scope="module")
def validated(made):
    return nested(*made.validation)


@pytest.fixture(scope="module")
def measured(made, fitted, validated):
    return performance(made.study, made.patients, validated.predictions, fitted.apparent)


def test_coefficients_have_both_causes(fitted):
    table = tables.check(fitted.coefficients, "outcome/coefficients")
    assert set(table["cause"]) == {"death", "transplant"}
    assert len(table) == 2 * 2 * len(fitted.data.terms)
    assert (table.groupby("cause")["estimate"].count() == table["estimate"].notna().sum() / 2).all()


def test_a_cause_of_the_ladder_is_its_own_cox_model(made, fitted):
    data = ladder_data(made.study, made.patients, made.slopes)
    level, slope, _ = scores_of(data, made.slopes)
    found = fit_ladder(data, level, slope, np.zeros(2, dtype=bool))
    raw = data.raw(LADDER[5], np.arange(160), level, slope)
    for code, cause in ((1, "death"), (2, "transplant")):
        alone = fit_cox(raw, made.patients["followup"], made.patients["event"] == code)
        place = data.rows.index(("level", cause, "alpha.level"))
        assert found.estimate_unit[place] == pytest.approx(alone.beta[2], rel=1e-7)


def test_a_shipped_model_scores_the_same_after_json(fitted):
    rng = np.random.default_rng(2)
    for content in fitted.models.values():
        model, again = StepModel.from_dict(content), StepModel.from_dict(json.loads(json.dumps(content)))
        raw = rng.normal(size=(5, len(model.recipe.every_term)))
        assert np.array_equal(model.risks(raw), again.risks(raw))
        assert (model.risks(raw).sum(axis=1) < 1).all()
        assert set(content) == {"recipe", "horizons", "causes"}


def test_predictions_are_whole_for_every_cause(made, validated):
    table = tables.check(validated.predictions, "outcome/predictions")
    sizes = table.groupby(["cause", "predictors", "repeat", "horizon"]).size()
    assert (sizes == 160).all() and len(sizes) == 2 * 8 * 2 * 2
    total = table.groupby(["patient", "predictors", "repeat", "horizon"])["risk"].sum()
    assert total.max() <= 1 + 1e-12


def test_a_held_out_patient_moves_nothing_that_its_fold_learned(made, validated):
    who = made.patients["patient"][7]
    changed = made.patients.copy()
    changed.loc[7, "event"] = {0: 1, 1: 2, 2: 1}[int(changed.loc[7, "event"])]
    again = nested(made.study, changed, *made.validation[2:]).predictions
    own = validated.predictions["patient"] == who
    pd.testing.assert_frame_equal(validated.predictions[own], again[own], check_exact=True)
    assert (validated.predictions["risk"] != again["risk"]).any()


def test_what_predicts_death_is_found_and_transplants_are_chance(made, measured):
    table = tables.check(measured.performance, "outcome/performance")
    table = table.set_index(["cause", "predictors", "metric"]).sort_index()
    assert (table.loc[("death", "slope", "c_uno"), "validated"] > 0.7).all()
    assert set(measured.calibration["cause"]) == set(measured.decision_curve["cause"]) == {"death", "transplant"}
    auc = table.loc[("death", "slope", "auc")]
    assert (auc["ci_low"] < auc["validated"]).all() and (auc["validated"] < auc["ci_high"]).all()
    tables.check(measured.calibration, "outcome/calibration")
    tables.check(measured.decision_curve, "outcome/decision_curve")


def test_brier_is_riskregressions_on_the_pooled_risks_with_training_weights(made, validated, measured):
    study, cohort = made.study, made.patients.sort_values("patient")
    values = []
    for _, own in validated.predictions.query("cause == 'death' and predictors == 'level' and horizon == 2").groupby(
        "repeat"
    ):
        own = own.set_index("patient").loc[cohort["patient"]]
        loss = np.zeros(len(cohort))
        for fold in own["fold"].unique():
            test = (own["fold"] == fold).to_numpy()
            curve = censoring_curve(cohort["followup"][~test], cohort["event"][~test] > 0)
            time, event, risk = cohort["followup"][test], cohort["event"][test], own["risk"].to_numpy()[test]
            case, rest = ((event == 1) & (time <= 2)).to_numpy(), ((event == 2) & (time <= 2)).to_numpy()
            early = 1 / curve.before(np.minimum(time, 2.0))
            loss[test] = case * early * (1 - risk) ** 2 + rest * early * risk**2
            loss[test] += (time > 2).to_numpy() / curve.at(2.0) * risk**2
        values.append(loss.mean())
    table = measured.performance.set_index(["cause", "predictors", "metric", "horizon"])
    assert study.outcome.competing == {"2": "transplant"}
    assert table.loc[("death", "level", "brier", 2.0), "validated"] == pytest.approx(np.mean(values), abs=1e-12)
