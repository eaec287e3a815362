"""Binary and continuous outcomes: against R, and through the whole ladder."""

import json

import numpy as np
import pandas as pd
import pytest

from slopewise.folds import FoldPlan, make_folds
from slopewise.metrics.brier import accuracy
from slopewise.metrics.calibration import binomial_calibration
from slopewise.metrics.concordance import concordance
from slopewise.metrics.continuous import closeness
from slopewise.metrics.ipcw import censoring_curve, ipc_weights
from slopewise.outcome.fit import StepModel, fit_outcome
from slopewise.outcome.glm import GlmFit, fit_linear, fit_logistic
from slopewise.run.errors import InputError
from slopewise.tables import files as tables
from slopewise.validate.nested import nested
from slopewise.validate.performance import performance
from tests.unit.outcome.ladder_tables import STUDY, simulate

TERMS = ["age", "log_bilirubin", "albumin"]
HEAD, _, TAIL = STUDY.partition("outcome:")
REST = TAIL[TAIL.index("crossfit:") :]
KEYS = "after_measurements: true, covariates: [age, sex], penalty: none}"
BINARY = f"{HEAD}outcome: {{kind: binary, column: died, positive: 1, {KEYS}\n{REST}"
CONTINUOUS = f"{HEAD}outcome: {{kind: continuous, column: score, {KEYS}\n{REST}"


@pytest.fixture(scope="module")
def cohort(golden):
    return pd.read_csv(golden / "regression_cohort.csv", dtype={"patient": str})


@pytest.fixture(scope="module")
def expected(golden):
    table = pd.read_csv(golden / "regression.csv", dtype={"name": str}, keep_default_na=False)
    return table.set_index(["model", "item", "name"])["value"].sort_index()


@pytest.mark.parametrize("model", ["plain", "repeated"])
@pytest.mark.parametrize(
    ("kind", "fit", "column"), [("logistic", fit_logistic, "died"), ("linear", fit_linear, "value")]
)
def test_coefficients_agree_with_r(cohort, expected, kind, fit, column, model):
    x = cohort[TERMS].to_numpy()
    centre, scale = x.mean(axis=0), x.std(axis=0)
    counts = cohort["copies"].to_numpy() if model == "repeated" else None
    found = fit((x - centre) / scale, cohort[column], counts=counts, terms=TERMS)
    name = f"{kind}_{model}"
    for i, term in enumerate(TERMS):
        assert found.beta[i] / scale[i] == pytest.approx(expected[name, "estimate", term], rel=1e-8)
        assert found.standard_errors[i] / scale[i] == pytest.approx(expected[name, "se", term], rel=1e-7)
    for man in range(5):
        value = found.risk((x[[man]] - centre) / scale)[0, 0]
        assert value == pytest.approx(expected[name, "prediction", str(man + 1)], abs=1e-10)
    if kind == "linear":
        assert found.residual_sd == pytest.approx(expected[name, "residual_sd", ""], rel=1e-10)
    again = GlmFit.from_dict(json.loads(json.dumps(found.to_dict())))
    assert np.array_equal(again.risk(x), found.risk(x)) and again.df == found.df


def test_a_predictor_that_separates_is_told():
    x = np.linspace(-1, 1, 20)[:, None]
    found = fit_logistic(x, x[:, 0] > 0, terms=["dose"])
    assert "coefficient of dose grows" in found.message and np.isnan(found.standard_errors).all()
    assert "does not vary" in fit_logistic(x, np.ones(20)).message


def test_metrics_of_a_binary_outcome_agree_with_r(cohort, expected):
    died, risk = cohort["died"].to_numpy() == 1, cohort["risk"].to_numpy()[:, None, None]
    time, once = np.where(died, 1.0, 2.0), np.ones((1, len(died)), dtype=np.int64)
    weights = ipc_weights(time, died, (1.5,), censoring_curve(time, died))
    assert set(np.unique(weights.case + weights.control)) == {1.0}
    pairs = concordance(time, died, np.ones(len(died), dtype=np.int64), risk[:, :, 0], weights, (1.5,), once)
    loss = accuracy(risk, np.full((len(died), 1), died.mean()), weights, once)
    fit = binomial_calibration(weights, risk, "logit", risk[:3].transpose(1, 2, 0), once)
    found = {"auc": pairs.auc, "brier": loss.brier, "ipa": loss.ipa, "slope": fit.slope, "intercept": fit.intercept}
    for item, value in {**found, "ici": fit.ici}.items():
        assert value.item() == pytest.approx(expected["binary", item, ""], abs=1e-8), item


def test_metrics_of_a_continuous_outcome_agree_with_r(cohort, expected):
    value, prediction = cohort["value"].to_numpy(), cohort["prediction"].to_numpy()
    once = np.ones((1, len(value)), dtype=np.int64)
    found = closeness(value, prediction[:, None], np.full(len(value), value.mean()), prediction[None, :5], once)
    for item in ("r2", "rmse", "mae", "slope"):
        assert getattr(found, item).item() == pytest.approx(expected["continuous", item, ""], rel=1e-9), item
    wanted = [expected["continuous", "curve", str(i)] for i in range(1, 6)]
    assert found.curve[0, 0] == pytest.approx(wanted, rel=1e-8)


def test_counts_are_repeated_rows(cohort):
    value, prediction = cohort["value"].to_numpy(), cohort["prediction"].to_numpy()[:, None]
    counts, null = cohort["copies"].to_numpy()[None, :], np.full(len(value), 1.0)
    rows = np.repeat(np.arange(len(value)), counts[0])
    grid = prediction[:4].T
    one = closeness(value, prediction, null, grid, counts)
    two = closeness(value[rows], prediction[rows], null[rows], grid, np.ones((1, len(rows)), dtype=np.int64))
    for item in ("r2", "rmse", "mae", "slope"):
        assert getattr(one, item) == pytest.approx(getattr(two, item), rel=1e-10)


# --- the whole way ---------------------------------------------------------------------------------------------------


def of_kind(kind):
    """The simulated study with an outcome that follows the level of alpha, and 0.7 of it its slope."""
    made = simulate(n=150, text=BINARY if kind == "binary" else CONTINUOUS)
    wide = made.slopes.pivot(index="patient", columns="marker")
    rng = np.random.default_rng(4)
    score = (wide["level"]["alpha"] + 0.7 * wide["slope"]["alpha"]).to_numpy() + rng.normal(0, 0.7, 150)
    outcome = (score > 0.3).astype(float) if kind == "binary" else 10 + 3 * score
    patients = made.patients.drop(columns=["entry", "followup", "event"]).assign(outcome=outcome)
    return made.change(patients=patients)


@pytest.fixture(scope="module", params=["binary", "continuous"])
def whole(request):
    made = of_kind(request.param)
    shipped, validated = fit_outcome(*made.outcome), nested(*made.validation)
    return (
        request.param,
        made,
        shipped,
        validated,
        performance(made.study, made.patients, validated.predictions, shipped.apparent),
    )


def test_the_tables_pass_their_schemas(whole):
    kind, _, shipped, validated, measured = whole
    tables.check(shipped.coefficients, "outcome/coefficients")
    predictions = tables.check(validated.predictions, "outcome/predictions")
    table = tables.check(measured.performance, "outcome/performance")
    tables.check(measured.calibration, "outcome/calibration")
    curve = tables.check(measured.decision_curve, "outcome/decision_curve")
    assert predictions["horizon"].isna().all() and table["horizon"].isna().all()
    assert len(predictions) == 150 * 8 * 2
    wanted = {
        "binary": {
            *(
                "auc",
                "log_score",
                "brier",
                "ipa",
                "calibration_slope",
                "calibration_intercept",
                "ici",
                "observed_expected",
                "net_benefit",
            ),
        },
        "continuous": {"r2", "rmse", "mae", "calibration_slope"},
    }
    assert set(table["metric"]) == wanted[kind]
    assert (len(curve) == 0) == (kind == "continuous")
    assert shipped.coefficients["ratio"].isna().all() == (kind == "continuous")


def test_what_the_slope_adds_is_found(whole):
    kind, _, shipped, _, measured = whole
    table = measured.performance.set_index(["predictors", "metric"])
    row = table.loc[("slope", "auc" if kind == "binary" else "r2")]
    assert row["difference_low"] > 0 and row["validated"] < row["apparent"] + 0.02
    effects = shipped.coefficients.set_index(["predictors", "term", "scale"])
    row = effects.loc[("slope", "alpha.slope", "unit")]
    assert row["p_value"] < 1e-4
    if kind == "continuous":
        assert row["ci_low"] < 3 * 0.7 < row["ci_high"] and np.isnan(row["ratio"])


def test_metrics_are_those_of_the_pooled_predictions(whole):
    kind, made, _, validated, measured = whole
    own = validated.predictions.query("predictors == 'level'")
    truth = made.patients.set_index("patient")["outcome"]
    table = measured.performance.set_index(["predictors", "metric"])
    if kind == "binary":
        brier = np.mean(
            [((part["risk"] - part["patient"].map(truth)) ** 2).mean() for _, part in own.groupby("repeat")]
        )
        assert table.loc[("level", "brier"), "validated"] == pytest.approx(brier, abs=1e-12)
    else:
        mae = np.mean([(part["risk"] - part["patient"].map(truth)).abs().mean() for _, part in own.groupby("repeat")])
        assert table.loc[("level", "mae"), "validated"] == pytest.approx(mae, abs=1e-12)


def test_a_held_out_patient_moves_nothing_that_its_fold_learned(whole):
    _, made, _, validated, _ = whole
    who, changed = made.patients["patient"][7], made.patients.copy()
    changed.loc[7, "outcome"] = 1 - changed.loc[7, "outcome"]
    again = nested(made.study, changed, *made.validation[2:]).predictions
    own = validated.predictions["patient"] == who
    pd.testing.assert_frame_equal(validated.predictions[own], again[own], check_exact=True)
    assert (validated.predictions["risk"] != again["risk"]).any()


def test_a_shipped_model_scores_the_same_after_json(whole):
    _, _, shipped, _, _ = whole
    rng = np.random.default_rng(2)
    for content in shipped.models.values():
        model, again = StepModel.from_dict(content), StepModel.from_dict(json.loads(json.dumps(content)))
        raw = rng.normal(size=(5, len(model.recipe.every_term)))
        assert np.array_equal(model.risks(raw), again.risks(raw)) and model.risks(raw).shape == (5, 1, 1)


def test_an_outcome_without_variation_is_refused(whole):
    _, made, _, _, _ = whole
    with pytest.raises(InputError, match="the same for all training patients"):
        fit_outcome(made.study, made.patients.assign(outcome=1.0), *made.outcome[2:])


def test_folds_are_balanced_by_a_binary_outcome():
    made = of_kind("binary")
    folds = make_folds(made.patients, FoldPlan(3, 2, 4, 2, 7))
    own = folds[(folds["scheme"] == "validation") & (folds["held_out"] == 0)].merge(made.patients, on="patient")
    events = own.groupby(["repeat", "fold"])["outcome"].sum()
    assert events.max() - events.min() <= 1
