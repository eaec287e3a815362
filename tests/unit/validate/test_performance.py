"""Performance: against library calls fold by fold, apparent beside validated, resampling, curves, null safety."""

import numpy as np
import pandas as pd
import pytest
from sksurv.metrics import brier_score, concordance_index_ipcw
from sksurv.util import Surv

from slopewise.metrics.ipcw import censoring_curve, kaplan_meier
from slopewise.outcome.cox import fit_cox
from slopewise.outcome.fit import fit_outcome
from slopewise.run.errors import InputError
from slopewise.tables import files as tables
from slopewise.validate.nested import nested
from slopewise.validate.performance import performance
from tests.unit.outcome.ladder_tables import STUDY, simulate


@pytest.fixture(scope="module")
def made():
    return simulate()


@pytest.fixture(scope="module")
def inputs(made):
    return made.study, made.patients, nested(*made.validation).predictions, fit_outcome(*made.outcome).apparent


@pytest.fixture(scope="module")
def result(inputs):
    return performance(*inputs)


def row(result, predictors, metric, horizon=2.0):
    table = result.performance
    own = table[(table["predictors"] == predictors) & (table["metric"] == metric) & (table["horizon"] == horizon)]
    assert len(own) == 1
    return own.iloc[0]


def step_of(predictions, predictors, repeat, horizon, patients):
    own = predictions[(predictions["predictors"] == predictors) & (predictions["horizon"] == horizon)]
    own = own[own["repeat"] == repeat].set_index("patient")
    return own.loc[patients["patient"]]


def test_the_tables_are_whole_and_pass_their_schemas(result):
    table = tables.check(result.performance, "outcome/performance")
    assert len(table) == 8 * (2 + 9 * 2)
    assert np.isfinite(table[["apparent", "validated", "ci_low", "ci_high"]]).all().all()
    assert (table["ci_low"] <= table["ci_high"]).all()
    assert table[table["predictors"] == "clinical"][["versus", "difference", "difference_low"]].isna().all().all()
    curve = tables.check(result.calibration, "outcome/calibration")
    assert len(curve) == 8 * 2 * 40 and curve["x"].between(0, 1).all() and curve["y"].between(0, 1).all()
    decision = tables.check(result.decision_curve, "outcome/decision_curve")
    assert len(decision) == 10 * 2 * 99
    assert set(decision["predictors"]) - set(table["predictors"]) == {"treat_all", "treat_none"}
    tables.check(result.ledger, "outcome/ledger")


def test_c_is_pairs_summed_over_folds_and_averaged_over_repeats(made, inputs, result):
    _, patients, predictions, _ = inputs
    time, event = patients["followup"].to_numpy(), patients["event"].to_numpy(dtype=bool)
    c = np.zeros((2, 2))
    for repeat in (1, 2):
        own = step_of(predictions, "slope", repeat, 2.0, patients)
        score, fold, sums = own["linear_predictor"].to_numpy(), own["fold"].to_numpy(), np.zeros((2, 2))
        for k in range(1, 5):
            curve = censoring_curve(time[fold != k], event[fold != k])
            inside = np.flatnonzero(fold == k)
            for i in inside[event[inside] & (time[inside] < 2.0)]:
                longer = inside[time[inside] > time[i]]
                concordant = (score[i] > score[longer]).sum()
                for measure, weight in enumerate((1.0, curve.before(time[i]) ** -2)):
                    sums[measure] += weight * concordant, weight * len(longer)
        c[repeat - 1] = sums[:, 0] / sums[:, 1]
    assert row(result, "slope", "c_harrell")["validated"] == pytest.approx(c[:, 0].mean(), abs=1e-12)
    assert row(result, "slope", "c_uno")["validated"] == pytest.approx(c[:, 1].mean(), abs=1e-12)


def test_brier_and_ipa_are_those_of_scikit_survival_on_the_pooled_risks(inputs, result):
    _, patients, predictions, _ = inputs
    values = []
    for repeat in (1, 2):
        own = step_of(predictions, "level", repeat, 1.0, patients)
        y = Surv.from_arrays(patients["event"] == 1, patients["followup"])
        loss = np.zeros(2)
        for k in range(1, 5):
            test = (own["fold"] == k).to_numpy()
            null = np.full(test.sum(), kaplan_meier(patients["followup"][~test], patients["event"][~test]).at(1.0))
            for which, survival in enumerate((1 - own["risk"].to_numpy()[test], null)):
                loss[which] += test.sum() * brier_score(y[~test], y[test], survival, 1.0)[1][0]
        values.append([loss[0] / 120, 1 - loss[0] / loss[1]])
    brier, ipa = np.mean(values, axis=0)
    assert row(result, "level", "brier", 1.0)["validated"] == pytest.approx(brier, abs=1e-12)
    assert row(result, "level", "ipa", 1.0)["validated"] == pytest.approx(ipa, abs=1e-12)


def test_calibration_slope_is_a_cox_model_of_the_pooled_cloglog_risks(inputs, result):
    _, patients, predictions, _ = inputs
    slopes = []
    for repeat in (1, 2):
        risk = step_of(predictions, "last", repeat, 1.0, patients)["risk"].to_numpy()
        time, event = np.minimum(patients["followup"], 1.0), (patients["event"] == 1) & (patients["followup"] <= 1.0)
        slopes.append(fit_cox(np.log(-np.log1p(-risk))[:, None], time, event).beta[0])
    assert row(result, "last", "calibration_slope", 1.0)["validated"] == pytest.approx(np.mean(slopes), abs=1e-8)


def test_apparent_is_the_shipped_model_on_its_own_patients(inputs, result):
    _, patients, _, apparent = inputs
    own = step_of(apparent, "level", 0, 2.0, patients)
    y = Surv.from_arrays(patients["event"] == 1, patients["followup"])
    library = concordance_index_ipcw(y, y, own["linear_predictor"], tau=2.0)[0]
    assert row(result, "level", "c_uno")["apparent"] == pytest.approx(library, abs=1e-12)
    brier = brier_score(y, y, 1 - own["risk"], 2.0)[1][0]
    assert row(result, "level", "brier")["apparent"] == pytest.approx(brier, abs=1e-12)
    assert row(result, "slope", "c_harrell")["apparent"] > row(result, "slope", "c_harrell")["validated"]


def test_net_benefit_is_the_point_of_the_decision_curve_at_the_cohorts_risk(made, result):
    risk = 1 - kaplan_meier(made.patients["followup"], made.patients["event"]).at(2.0)
    own = result.decision_curve.query("predictors == 'slope' and horizon == 2").set_index("x")
    threshold = own.index[np.argmin(np.abs(own.index - risk))]
    assert row(result, "slope", "net_benefit")["validated"] == own.loc[threshold, "y"]
    assert row(result, "slope", "net_benefit")["ci_low"] == own.loc[threshold, "ci_low"]
    assert f"horizon 2 is at the threshold {threshold:.2f}" in " ".join(result.ledger["message"])
    assert (result.decision_curve.query("predictors == 'treat_none'")["y"] == 0).all()


def test_the_band_of_a_decision_curve_is_that_of_a_bootstrap_by_hand(inputs):
    """True positives less weighted false ones in 1,000 resamples of other random numbers, and the spread of repeats."""
    study, patients, predictions, apparent = inputs
    often = study.model_copy(update={"validation": study.validation.model_copy(update={"bootstrap": 1000})})
    result = performance(often, patients, predictions, apparent)
    names, rng = patients["patient"].to_numpy(), np.random.default_rng(1)
    time, event = patients["followup"].to_numpy(), patients["event"].to_numpy() == 1
    thresholds, repeats = [0.2, 0.3, 0.5], []
    for repeat in sorted(predictions["repeat"].unique()):
        own = step_of(predictions, "level", repeat, 2.0, patients)
        case, control = np.zeros(len(names)), np.zeros(len(names))
        for fold in own["fold"].unique():
            held = (own["fold"] == fold).to_numpy()
            remain = censoring_curve(time[~held], event[~held])
            case[held] = np.where(event & (time <= 2.0), 1 / remain.at(np.nextafter(np.minimum(time, 2.0), 0)), 0.0)[
                held
            ]
            control[held] = np.where(time > 2.0, 1 / remain.at(2.0), 0.0)[held]
        treated = own["risk"].to_numpy()[:, None] >= np.array(thresholds)
        odds = np.array(thresholds) / (1 - np.array(thresholds))
        each = treated * (case[:, None] - odds * control[:, None])
        drawn = np.array([each[rng.integers(0, len(names), len(names))].mean(axis=0) for _ in range(1000)])
        low, middle, high = np.percentile(drawn, [2.5, 50, 97.5], axis=0)
        repeats.append([each.mean(axis=0), middle - low, high - middle])
    value, below, above = np.array(repeats).transpose(1, 0, 2)
    between = (1.959964 * value.std(axis=0, ddof=1)) ** 2
    table = result.decision_curve.query("predictors == 'level' and horizon == 2").set_index("x").loc[thresholds]
    np.testing.assert_allclose(table["y"], value.mean(axis=0), atol=1e-12)
    for end, arm in (("ci_low", below), ("ci_high", above)):
        half = np.sqrt((arm**2).mean(axis=0) + between)
        assert (np.abs(np.abs(table[end] - table["y"]) - half) < 0.08 * half).all(), end


def test_differences_are_paired(result):
    for step, reference in (("slope", "level"), ("level", "last"), ("slope_only", "clinical")):
        own, other = row(result, step, "c_harrell"), row(result, reference, "c_harrell")
        assert own["versus"] == reference
        assert own["difference"] == pytest.approx(own["validated"] - other["validated"], abs=1e-15)
        assert own["difference_low"] < own["difference"] < own["difference_high"]
        unpaired = (own["ci_high"] - own["ci_low"]) + (other["ci_high"] - other["ci_low"])
        assert own["difference_high"] - own["difference_low"] < unpaired


def test_a_step_that_equals_its_reference_differs_by_exactly_nothing(inputs):
    study, patients, predictions, apparent = inputs
    level = predictions[predictions["predictors"] == "level"]
    same = pd.concat([predictions[predictions["predictors"] != "slope"], level.assign(predictors="slope")])
    table = performance(study, patients, same, apparent).performance
    own = table[table["predictors"] == "slope"]
    assert (own[["difference", "difference_low", "difference_high"]] == 0).all().all()


def test_threads_and_row_order_move_no_byte(inputs, result):
    study, patients, predictions, apparent = inputs
    shuffled = [frame.sample(frac=1, random_state=4) for frame in (patients, predictions, apparent)]
    other = performance(study, *shuffled, threads=2)
    for name in ("performance", "calibration", "decision_curve", "ledger"):
        pd.testing.assert_frame_equal(getattr(other, name), getattr(result, name), check_exact=True)


def test_the_seed_moves_intervals_and_nothing_else(inputs, result):
    study, *rest = inputs
    other = performance(study.model_copy(update={"seed": 8}), *rest).performance
    assert np.array_equal(other["validated"], result.performance["validated"])
    assert not np.allclose(other["ci_low"], result.performance["ci_low"])


def test_without_resamples_there_are_no_intervals():
    made = simulate(text=STUDY.replace("bootstrap: 50", "bootstrap: 0"))
    found = performance(
        made.study, made.patients, nested(*made.validation).predictions, fit_outcome(*made.outcome).apparent
    )
    table = found.performance
    assert table[["ci_low", "ci_high", "difference_low"]].isna().all().all() and table["validated"].notna().all()
    assert found.calibration["ci_low"].isna().all() and found.decision_curve["y"].notna().all()


def test_risks_that_are_all_alike_have_no_calibration_slope_and_that_is_told(inputs):
    study, patients, predictions, apparent = inputs
    flat = predictions.copy()
    flat.loc[flat["predictors"] == "clinical", ["linear_predictor", "risk"]] = 0.0, 0.4
    found = performance(study, patients, flat, apparent)
    assert np.isnan(row(found, "clinical", "calibration_slope")["validated"])
    assert row(found, "clinical", "c_harrell")["validated"] == 0.5
    assert np.isnan(row(found, "baseline", "calibration_slope")["difference"])
    told = found.ledger[found.ledger["predictors"] == "clinical"]["message"]
    assert told.str.contains("calibration_slope at horizon 2 cannot be computed").any()


def test_incomplete_predictions_are_refused(inputs):
    study, patients, predictions, apparent = inputs
    with pytest.raises(ValueError, match="does not belong"):
        performance(study, patients, predictions.iloc[1:], apparent)
    with pytest.raises(ValueError, match="does not belong"):
        performance(study, patients.iloc[1:], predictions, apparent)
    twice = pd.concat([predictions.iloc[:1], predictions.iloc[:-1]])
    with pytest.raises(ValueError, match="one risk"):
        performance(study, patients, twice[twice["repeat"] == 1].iloc[: 120 * 16], apparent)


def test_a_horizon_without_support_is_refused(inputs):
    study, patients, predictions, apparent = inputs
    short = patients.assign(followup=patients["followup"].clip(upper=1.9))
    with pytest.raises(InputError, match=r"outcome.horizons: 2 cannot .* largest supported one is 1"):
        performance(study, short, predictions, apparent)


def test_noise_predicts_nothing():
    text = STUDY.replace(
        "validation: {folds: 4, repeats: 2, bootstrap: 50}", "validation: {folds: 4, repeats: 1, bootstrap: 0}"
    )
    validated, apparent = [], []
    for seed in range(20):
        made = simulate(seed, effect=0.0, text=text)
        shipped = fit_outcome(*made.outcome).apparent
        table = performance(made.study, made.patients, nested(*made.validation).predictions, shipped).performance
        own = table[table["metric"] == "c_harrell"].set_index("predictors")
        validated.append(own["validated"])
        apparent.append(own["apparent"])
    validated, apparent = pd.concat(validated, axis=1), pd.concat(apparent, axis=1)
    assert validated.mean(axis=1).between(0.47, 0.53).all()
    assert (
        apparent.loc[["delta", "ols", "slope"]].mean(axis=1) > 0.55
    ).all()  # what printing training metrics would claim
