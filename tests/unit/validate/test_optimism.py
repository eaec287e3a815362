"""Optimism, classification and calibration instability: against their definitions in R, and through both stages."""

import numpy as np
import pandas as pd
import pytest

from slopewise.metrics.decision import net_benefit
from slopewise.metrics.ipcw import censoring_curve, ipc_weights
from slopewise.outcome.fit import fit_ladder, ladder_data, predictions_frame
from slopewise.outcome.ladder import LADDER, Choices
from slopewise.study.reading import parse_study
from slopewise.validate.bootstrap import Resample
from slopewise.validate.instability import Instability
from slopewise.validate.optimism import Optimism
from slopewise.validate.question import cohorts
from tests.unit.outcome.ladder_tables import STUDY

HEAD, _, TAIL = STUDY.partition("outcome:")
KEYS = "after_measurements: true, covariates: [age], penalty: none}"
BINARY = f"{HEAD}outcome: {{kind: binary, column: died, positive: 1, {KEYS}\n{TAIL[TAIL.index('crossfit:') :]}"
THRESHOLDS = (0.1, 0.3, 0.5)


@pytest.fixture(scope="module")
def expected(golden):
    table = pd.read_csv(golden / "instability.csv", dtype={"name": str}, keep_default_na=False)
    return table.set_index(["model", "item", "name"])["value"].sort_index()


@pytest.fixture(scope="module")
def collected(golden):
    """Both collectors over the resamples that R drew: a marker's level and slope are two columns of the cohort."""
    cohort = pd.read_csv(golden / "regression_cohort.csv", dtype={"patient": str}).sort_values("patient")
    study = parse_study(BINARY.replace("  beta: {column: b}\n", "").encode(), "study.yaml")
    patients = cohort[["patient", "age"]].assign(outcome=cohort["died"].astype(float))
    facts = dict.fromkeys(("first", "last", "delta", "slope_ols"), cohort["log_bilirubin"])
    slopes = pd.DataFrame(
        {
            "patient": cohort["patient"], "marker": "alpha", "level": cohort["log_bilirubin"],
            "slope": cohort["albumin"], **facts,
        }
    )  # fmt: skip
    data = ladder_data(study, patients, slopes)
    data = type(data)(**{**vars(data), "choices": Choices({s.name: {} for s in LADDER}, {}, {})})
    level, slope = (cohort[[name]].to_numpy() for name in ("log_bilirubin", "albumin"))
    flags = np.zeros(1, dtype=bool)
    rows = np.arange(len(cohort))
    models = fit_ladder(data, level, slope, flags).models
    apparent = predictions_frame(data, models, level, slope, rows, 0, 0)
    unstable, optimism = Instability(data, np.nan, THRESHOLDS), Optimism(data, cohorts(study, patients), apparent)
    for number, counts in enumerate(np.loadtxt(golden / "instability_counts.csv", delimiter=",", dtype=np.int64)):
        fitted = fit_ladder(data, level, slope, flags, counts=counts)
        resample = Resample(counts, np.ones((1, len(cohort)), dtype=np.int64))
        unstable.add(unstable.of_resample(number, resample, fitted, level, slope))
        optimism.add(optimism.of_resample(number, resample, fitted, level, slope))
    return unstable, optimism, apparent, cohort["patient"].tolist()


def test_r_finds_the_same_prediction_error_and_classification(collected, expected):
    unstable, _, apparent, names = collected
    known = apparent[apparent["predictors"] == "slope"].set_index("patient")["risk"].reindex(names).to_numpy()
    for step, row in unstable.table(apparent).query("part == 0").set_index("predictors").iterrows():
        assert row["difference"] == pytest.approx(expected[step, "mape", "mean"], rel=1e-8)
    each = pd.Series(np.abs(np.array(unstable.predictions["slope"]) - known).mean(axis=0), index=names)
    own = expected["slope", "mape"].drop("mean")
    np.testing.assert_allclose(each[own.index], own, rtol=1e-8)
    for row in unstable.sides(apparent).itertuples():
        for name in ("above", "changed", "often"):
            assert getattr(row, name) == pytest.approx(expected[row.predictors, name, str(row.threshold)], abs=1e-12)


def test_r_finds_the_same_optimism(collected, expected):
    table = collected[1].table().set_index(["predictors", "metric"])
    assert set(table.index.get_level_values("metric")) == set(expected["slope", "optimism"].index)
    for (step, metric), row in table.iterrows():
        for name in ("apparent", "optimism", "corrected"):
            assert row[name] == pytest.approx(expected[step, name, metric], rel=1e-6, abs=1e-8), (step, metric, name)
    assert (table["resamples"] == 40).all() and (table["se"] > 0).all()


def test_calibration_curves_of_the_resamples_lie_about_that_of_all_patients(collected):
    unstable, optimism, _, _ = collected
    curves = optimism.curves()
    assert set(curves["predictors"]) == {"level", "slope"}
    assert (curves["low"] <= curves["high"]).all()
    middle = curves[curves["x"].between(0.2, 0.6)]
    assert ((middle["low"] <= middle["y"]) & (middle["y"] <= middle["high"])).mean() > 0.8
    reach = [(risks.min(), risks.max()) for risks in unstable.predictions["slope"]]
    last = curves[curves["predictors"] == "slope"].iloc[-1]
    assert last["resamples"] == sum(low <= last["x"] <= high for low, high in reach)


def test_r_finds_the_same_net_benefit(golden, expected, collected):
    names, apparent = collected[3], collected[2]
    cohort = pd.read_csv(golden / "outcome_cohort.csv")
    once = np.ones((1, len(cohort)), dtype=np.int64)
    binary = pd.read_csv(golden / "regression_cohort.csv", dtype={"patient": str}).set_index("patient").loc[names]
    died = np.where(binary["died"] == 1, 1.0, 2.0)
    weights = ipc_weights(died, died == 1.0, (1.5,), censoring_curve(died, np.ones(len(died), dtype=bool)))
    for name in ("all", "level", "slope"):
        own = apparent[apparent["predictors"] == name].set_index("patient")["risk"]
        risk = np.ones(len(names)) if name == "all" else own[names].to_numpy()
        found = net_benefit(risk[:, None, None], THRESHOLDS, weights, once)[0, 0, 0]
        np.testing.assert_allclose(found, expected[name, "net_benefit"], rtol=1e-10)
    time, event = cohort["followup"].to_numpy(), cohort["event"].to_numpy() == 1
    for horizon in (3, 5, 8):
        weights = ipc_weights(time, event, (float(horizon),), censoring_curve(time, event))
        risk = cohort[f"risk_{horizon}"].to_numpy()[:, None, None]
        found = net_benefit(risk, THRESHOLDS, weights, once)[0, 0, 0]
        np.testing.assert_allclose(found, expected[str(horizon), "ipcw"], rtol=1e-10)
        # dcurves takes the Kaplan-Meier risk of those at or above the threshold: another estimator of the same
        np.testing.assert_allclose(found, expected[str(horizon), "kaplan_meier"], atol=0.01)
