"""Weights from a Cox model of the censoring: riskRegression's figures, a known truth, nothing of tested patients."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from slopewise.metrics.ipcw import censoring_curve, ipc_weights
from slopewise.outcome.fit import fit_outcome
from slopewise.outcome.ladder import ladder_data
from slopewise.study.kinds import KINDS
from slopewise.tables import files as tables
from slopewise.validate.censoring import CensoringModel, censoring_table
from slopewise.validate.censoring import _design as design_of
from slopewise.validate.censoring import _weights as weights_of
from slopewise.validate.nested import nested
from slopewise.validate.question import AnalysisSet, cohorts
from slopewise.validate.sensitivity import nested_splits
from tests.unit.outcome.ladder_tables import of_kind

GOLDEN = Path(__file__).parents[2] / "golden"


def question(followup, event, horizons):
    n = len(followup)
    return AnalysisSet(
        tuple(map(str, range(n))), KINDS["survival"], "event", followup, event == 1, np.zeros(n, dtype=bool),
        np.full(n, np.nan), horizons, horizons,
    )  # fmt: skip


def brier(weights, risk):
    return (weights.case * (1 - risk) ** 2 + weights.control * risk**2).mean(axis=0)


def auc(weights, risk):
    case, control = weights.case[:, None], weights.control[None, :]
    better = (risk[:, None] > risk[None, :]) + 0.5 * (risk[:, None] == risk[None, :])
    return float((case * control * better).sum() / (case * control).sum())


def test_brier_and_auc_are_those_of_riskregression():
    people = pd.read_csv(GOLDEN / "outcome_cohort.csv")
    expected = pd.read_csv(GOLDEN / "censoring.csv").set_index(["metric", "horizon"])["value"]
    horizons = (3.0, 5.0, 8.0)
    cohort = question(people["followup"].to_numpy(), people["event"].to_numpy(), horizons)
    x = people[["age", "log_bilirubin"]].to_numpy()
    everybody = np.arange(len(people))
    found = CensoringModel.learn(x, cohort.followup, cohort.event).weights(cohort, everybody, x)
    risk = people[[f"risk_{horizon:g}" for horizon in horizons]].to_numpy()
    assert brier(found, risk) == pytest.approx(expected["brier"].to_numpy(), rel=1e-6)
    for place, horizon in enumerate(horizons):
        one = type(found)(found.event, found.beyond, found.case[:, place], found.control[:, place], found.competing)
        assert auc(one, risk[:, place]) == pytest.approx(expected["auc", horizon], rel=1e-6)


def test_conditional_weights_find_the_truth_that_marginal_ones_miss():
    rng = np.random.default_rng(5)
    n, horizon = 6000, 2.0
    x = rng.normal(size=n)
    death, lost = rng.exponential(2 / np.exp(x)), rng.exponential(2 / np.exp(1.2 * x))
    risk = np.clip(0.2 + 0.1 * x, 0.02, 0.98)[:, None]  # miscalibrated, so that weights matter
    truth = float((((death <= horizon) - risk[:, 0]) ** 2).mean())
    cohort = question(np.minimum(death, lost), (death <= lost).astype(int), (horizon,))
    marginal = ipc_weights(cohort.followup, cohort.event, (horizon,), censoring_curve(cohort.followup, cohort.event))
    model = CensoringModel.learn(x[:, None], cohort.followup, cohort.event)
    conditional = model.weights(cohort, np.arange(n), x[:, None])
    assert abs(brier(marginal, risk)[0] - truth) > 0.03
    assert abs(brier(conditional, risk)[0] - truth) < 0.015
    without = CensoringModel.learn(np.empty((n, 0)), cohort.followup, cohort.event)
    plain = without.weights(cohort, np.arange(n), np.empty((n, 0)))
    assert brier(plain, risk) == pytest.approx(brier(marginal, risk), rel=2e-3)


@pytest.mark.parametrize("kind", ["survival", "competing"])
def test_the_table_has_both_weights_learned_on_training_patients(kind):
    made = of_kind(kind, n=200)
    predictions = nested(*made.validation).predictions
    data = ladder_data(made.study, made.patients, made.slopes)
    splits = list(nested_splits(data, made.folds, made.crossfit, made.fits))
    found = tables.check(
        censoring_table(data, cohorts(made.study, made.patients), splits, predictions), "outcome/censoring"
    )
    assert len(found) == 8 * len(data.causes) * 4 * 2
    assert found["difference"].abs().between(1e-9, 0.2).any()
    assert found["difference"].to_numpy() == pytest.approx((found["conditional"] - found["marginal"]).to_numpy())


def test_a_tested_patient_moves_nobody_elses_weight():
    made = of_kind("survival", n=200)
    tested = made.folds[(made.folds["scheme"] == "validation") & (made.folds["held_out"] == 0)]
    fold = tested[(tested["repeat"] == 1) & (tested["fold"] == 1)]["patient"].tolist()
    people = made.patients.set_index("patient")
    people.loc[fold[0], ["followup", "event", "age"]] = [0.3, 0, 90.0]
    found = []
    for one in (made, made.change(patients=people.reset_index())):
        data = ladder_data(one.study, one.patients, one.slopes)
        first = next(iter(nested_splits(data, one.folds, one.crossfit, one.fits)))
        own = weights_of(cohorts(one.study, one.patients)[0], [(first, design_of(data, first))])
        found.append(own.beyond[[data.patients.index(name) for name in fold]])
    assert np.array_equal(found[0][1:], found[1][1:]) and not np.array_equal(found[0][0], found[1][0])


def test_without_enough_censored_patients_and_without_time_there_is_no_table():
    made = of_kind("binary")
    data = ladder_data(made.study, made.patients, made.slopes)
    splits = list(nested_splits(data, made.folds, made.crossfit, made.fits))
    assert not len(
        censoring_table(data, cohorts(made.study, made.patients), splits, fit_outcome(*made.outcome).apparent)
    )
    made = of_kind("survival")
    people = made.patients.assign(event=1)
    data = ladder_data(made.study, people, made.slopes)
    splits = list(nested_splits(data, made.folds, made.crossfit, made.fits))
    empty = censoring_table(data, cohorts(made.study, people), splits, pd.DataFrame(columns=["cause", "repeat"]))
    assert tables.check(empty, "outcome/censoring").empty
