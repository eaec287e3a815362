"""Censoring weights, the Brier score and decision curves, against R, scikit-survival and first principles."""

import numpy as np
import pandas as pd
import pytest
from lifelines import KaplanMeierFitter
from sklearn.metrics import log_loss
from sksurv.metrics import brier_score
from sksurv.nonparametric import kaplan_meier_estimator
from sksurv.util import Surv

from slopewise.metrics.brier import accuracy
from slopewise.metrics.decision import net_benefit
from slopewise.metrics.ipcw import censoring_curve, check_horizons, ipc_weights, kaplan_meier
from slopewise.run.errors import InputError
from slopewise.validate.risk_groups import with_interval

HORIZONS = (3.0, 5.0, 8.0)


@pytest.fixture(scope="module")
def cohort(golden):
    return pd.read_csv(golden / "outcome_cohort.csv", dtype={"patient": str})


@pytest.fixture(scope="module")
def expected(golden):
    table = pd.read_csv(golden / "outcome_metrics.csv", dtype={"name": str}, keep_default_na=False)
    return table.set_index(["model", "item", "name"])["value"]


def risks(cohort):
    return cohort[[f"risk_{h:g}" for h in HORIZONS]].to_numpy()[:, None, :]


def once(n):
    return np.ones((1, n), dtype=np.int64)


def test_kaplan_meier_agrees_with_r(cohort, expected):
    time, event = cohort["followup"], cohort["event"]
    for horizon in HORIZONS:
        name = f"{horizon:g}"
        survival, censoring = kaplan_meier(time, event).at(horizon), censoring_curve(time, event).at(horizon)
        assert survival == pytest.approx(expected["kaplan_meier", "event", name], abs=1e-13)
        assert censoring == pytest.approx(expected["kaplan_meier", "censoring", name], abs=1e-13)


def test_the_curve_of_the_report_is_the_estimator_of_the_metrics(cohort):
    curve = kaplan_meier(cohort["followup"], cohort["event"] == 1)
    shown = with_interval(cohort)
    np.testing.assert_allclose(curve.at(shown["time"]), shown["survival"], rtol=0, atol=1e-13)


def test_the_median_of_a_curve(cohort):
    assert kaplan_meier([1.0, 2.0, 3.0, 4.0], [1, 1, 1, 1]).median == 2.0  # at one half, not below
    assert kaplan_meier([1.0, 2.0, 3.0, 4.0], [1, 0, 0, 0]).median == np.inf
    assert kaplan_meier([1.0, 2.0], [0, 0]).median == np.inf
    for code in (0, 1):
        fitted = KaplanMeierFitter().fit(cohort["followup"], cohort["event"] == code)
        assert kaplan_meier(cohort["followup"], cohort["event"] == code).median == fitted.median_survival_time_


def test_kaplan_meier_agrees_with_scikit_survival_under_ties(cohort):
    time, event = cohort["coarse"].to_numpy(), cohort["event"].to_numpy(dtype=bool)
    for curve, reverse in ((kaplan_meier(time, event), False), (censoring_curve(time, event), True)):
        moments, survival = kaplan_meier_estimator(event, time, reverse=reverse)
        assert curve.at(moments) == pytest.approx(survival, abs=1e-12)


def test_at_a_tie_events_come_before_censoring_and_the_weight_looks_just_before():
    time, event = np.array([1.0, 1.0, 2.0]), np.array([True, False, False])
    curve = censoring_curve(time, event)
    assert curve.at([0.5, 1.0, 1.5]).tolist() == [1.0, 0.5, 0.5]  # one of the two still at risk is censored at 1
    weights = ipc_weights(time, event, (1.5,), curve)
    assert weights.event.tolist() == [1.0, 0.0, 0.0]
    assert weights.case[:, 0].tolist() == [1.0, 0.0, 0.0] and weights.control[:, 0].tolist() == [0.0, 0.0, 2.0]


def test_weights_add_up_to_the_patients_in_expectation(cohort):
    # With weights from the patients themselves, cases and controls together stand for everybody.
    weights = ipc_weights(
        cohort["followup"], cohort["event"], HORIZONS, censoring_curve(cohort["followup"], cohort["event"])
    )
    assert (weights.case + weights.control).sum(axis=0) == pytest.approx([278, 278, 278], abs=1e-9)


def test_brier_score_and_ipa_agree_with_r(cohort, expected):
    time, event = cohort["followup"].to_numpy(), cohort["event"].to_numpy(dtype=bool)
    weights = ipc_weights(time, event, HORIZONS, censoring_curve(time, event))
    null = np.tile(1 - kaplan_meier(time, event).at(HORIZONS), (len(time), 1))
    found = accuracy(risks(cohort), null, weights, once(len(time)))
    for h, horizon in enumerate(HORIZONS):
        assert found.brier[0, 0, h] == pytest.approx(expected["brier", "score", f"{horizon:g}"], abs=1e-12)
        assert found.ipa[0, 0, h] == pytest.approx(expected["ipa", "score", f"{horizon:g}"], abs=1e-12)


def test_brier_score_agrees_with_scikit_survival_with_other_training_patients(cohort):
    rng = np.random.default_rng(1)
    time, event = rng.exponential(5, 100), rng.random(100) < 0.6  # no ties, where the library's convention differs
    risk = rng.random((100, 1, 2))
    train_time, train_event = np.append(rng.exponential(5, 150), 100.0), np.append(rng.random(150) < 0.6, False)
    weights = ipc_weights(time, event, (2.0, 6.0), censoring_curve(train_time, train_event))
    found = accuracy(risk, risk[:, 0, :], weights, once(100))
    train, test = Surv.from_arrays(train_event, train_time), Surv.from_arrays(event, time)
    _, library = brier_score(train, test, 1 - risk[:, 0, :], (2.0, 6.0))
    assert found.brier[0, 0] == pytest.approx(library, abs=1e-12)
    assert found.ipa[0, 0] == pytest.approx([0.0, 0.0], abs=1e-15)


def test_log_score_without_censoring_is_minus_scikit_learns_log_loss_and_weighs_as_the_brier_score():
    rng = np.random.default_rng(3)
    time, event, risk = rng.exponential(1, 200), np.ones(200, dtype=bool), rng.random((200, 2, 1))
    weights = ipc_weights(time, event, (0.7,), censoring_curve(time, event))
    found = accuracy(risk, risk[:, 0], weights, once(200)).log_score
    for step in range(2):
        assert found[0, step, 0] == pytest.approx(-log_loss(time <= 0.7, risk[:, step, 0]), abs=1e-12)
    # Under censoring whoever is censored before the horizon has no part, and the others stand for them.
    censored = ipc_weights(time, rng.random(200) < 0.6, (0.7,), censoring_curve(time, rng.random(200) < 0.6))
    own = censored.case * np.log(risk[:, 0]) + censored.control * np.log(1 - risk[:, 0])
    assert accuracy(risk, risk[:, 0], censored, once(200)).log_score[0, 0, 0] == pytest.approx(own.mean(), abs=1e-12)
    certain = accuracy(np.ones((200, 1, 1)), risk[:, 0], weights, once(200)).log_score
    assert np.isfinite(certain).all()


def test_brier_score_with_counts_is_that_of_repeated_rows(cohort):
    time, event = cohort["followup"].to_numpy(), cohort["event"].to_numpy(dtype=bool)
    weights = ipc_weights(time, event, HORIZONS, censoring_curve(time, event))
    counts = cohort["copies"].to_numpy(dtype=np.int64)
    found = accuracy(risks(cohort), risks(cohort)[:, 0] * 0.5, weights, np.stack([counts, counts * 2]))
    rows = np.repeat(np.arange(len(time)), counts)
    loss = weights.case * (1 - risks(cohort)[:, 0]) ** 2 + weights.control * risks(cohort)[:, 0] ** 2
    assert found.brier[0, 0] == pytest.approx(loss[rows].mean(axis=0), abs=1e-13)
    assert np.allclose(found.brier[0], found.brier[1], rtol=1e-14)


def test_net_benefit_without_censoring_is_the_textbook_formula():
    rng = np.random.default_rng(2)
    time, event, risk = rng.exponential(1, 200), np.ones(200, dtype=bool), rng.random(200)
    risk[:50] = 0.3  # exactly at a threshold: treated
    weights = ipc_weights(time, event, (0.7,), censoring_curve(time, event))
    thresholds = (0.1, 0.3, 0.6)
    found = net_benefit(risk[:, None, None], thresholds, weights, once(200))[0, 0, 0]
    for level, value in zip(thresholds, found, strict=True):
        treated, sick = risk >= level, time <= 0.7
        right = (treated & sick).sum() / 200 - (treated & ~sick).sum() / 200 * level / (1 - level)
        assert value == pytest.approx(right, abs=1e-14)


def test_net_benefit_under_censoring_counts_and_policies(cohort):
    time, event = cohort["followup"].to_numpy(), cohort["event"].to_numpy(dtype=bool)
    weights = ipc_weights(time, event, HORIZONS, censoring_curve(time, event))
    counts = cohort["copies"].to_numpy(dtype=np.int64)
    policies = np.concatenate([risks(cohort), np.ones((278, 1, 3)), np.zeros((278, 1, 3))], axis=1)
    found = net_benefit(policies, (0.2, 0.5), weights, np.stack([np.ones(278, dtype=np.int64), counts]))
    risk = 1 - kaplan_meier(time, event).at(HORIZONS)
    # Treating everybody: the weighted share of cases is the Kaplan-Meier risk.
    assert found[0, 1, :, 1] == pytest.approx(risk - (1 - risk), abs=1e-12)
    assert (found[:, 2] == 0).all()
    rows = np.repeat(np.arange(278), counts)
    treated = risks(cohort)[rows, 0, 1] >= 0.2
    right = (weights.case[rows, 1][treated].sum() - 0.25 * weights.control[rows, 1][treated].sum()) / len(rows)
    assert found[1, 0, 1, 0] == pytest.approx(right, abs=1e-13)


def test_thresholds_must_be_between_0_and_1():
    weights = ipc_weights([1.0], [True], (1.0,), censoring_curve([1.0], [True]))
    with pytest.raises(ValueError, match="thresholds"):
        net_benefit(np.ones((1, 1, 1)), (0.5, 1.0), weights, once(1))


def test_a_horizon_without_support_is_refused_with_the_largest_supported_one():
    time, event = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0]), np.array([1, 0, 1, 1, 0, 0], dtype=bool)
    check_horizons((1.0, 5.9), time, event)
    with pytest.raises(InputError, match=r"outcome.horizons: 6, 9 cannot .*the largest supported one is 4.*below 6 "):
        check_horizons((4.0, 6.0, 9.0), time, event)
    with pytest.raises(InputError, match=r"0.5 cannot .*none of the list is supported"):
        check_horizons((0.5,), time, event)


def test_a_horizon_needs_support_in_every_training_set_and_pairs_in_a_fold():
    time, event = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0]), np.array([1, 0, 1, 1, 0, 1], dtype=bool)
    fold = np.array([1, 2, 1, 2, 1, 2])
    check_horizons((4.5,), time, event, fold)
    with pytest.raises(InputError, match=r"5\.5 cannot"):  # without fold 2 nobody is followed past 5
        check_horizons((5.5,), time, event, fold)
    with pytest.raises(InputError, match="2 cannot"):  # every event by 2 is alone in its fold
        check_horizons((2.0,), np.array([1.0, 1.5, 4.0, 5.0]), np.array([1, 1, 1, 1], bool), np.array([1, 1, 2, 2]))
    with pytest.raises(InputError, match="too few"):
        check_horizons((2.0,), np.array([1.0, 4.0]), np.array([True, False]), np.array([1, 2]))


def test_dcurves_finds_the_same_net_benefit(cohort, golden):
    """Without censoring to rounding; under it dcurves takes the Kaplan-Meier risk of those above the threshold, which
    is the same number where all are treated, and another estimate of the same for a model."""
    expected = pd.read_csv(golden / "decision.csv").set_index(["kind", "horizon", "model"]).sort_index()
    time, event = cohort["followup"].to_numpy(), cohort["event"].to_numpy() == 1
    thresholds = np.array([0.1, 0.3, 0.5])
    had = np.where(event, 1.0, 2.0)
    known = ipc_weights(had, event, (1.5,), censoring_curve(had, np.ones(len(had), dtype=bool)))
    for horizon in (3, 5, 8):
        risk = cohort[f"risk_{horizon}"].to_numpy()[:, None, None]
        plain = net_benefit(risk, thresholds, known, once(len(cohort)))[0, 0, 0]
        np.testing.assert_allclose(plain, expected.loc[("plain", 0, f"risk_{horizon}"), "net_benefit"], rtol=1e-10)
        weights = ipc_weights(time, event, (float(horizon),), censoring_curve(time, event))
        everybody = net_benefit(np.ones_like(risk), thresholds, weights, once(len(cohort)))[0, 0, 0]
        np.testing.assert_allclose(everybody, expected.loc[("timed", horizon, "all"), "net_benefit"], rtol=1e-8)
        found = net_benefit(risk, thresholds, weights, once(len(cohort)))[0, 0, 0]
        own = expected.loc[("timed", horizon, f"risk_{horizon}"), "net_benefit"]
        np.testing.assert_allclose(found, own, atol=0.01)
