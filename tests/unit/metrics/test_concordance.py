"""Concordance: against R, scikit-survival and a count of all pairs; resampling by counts; what must not matter."""

import numpy as np
import pandas as pd
import pytest
from sksurv.metrics import concordance_index_censored, concordance_index_ipcw, cumulative_dynamic_auc
from sksurv.util import Surv

from slopewise.metrics.concordance import concordance, concordance_single
from slopewise.metrics.ipcw import censoring_curve, ipc_weights
from slopewise.metrics.resampling import compiled_threads, resample_counts

HORIZONS = (3.0, 5.0, 8.0)


@pytest.fixture(scope="module")
def cohort(golden):
    return pd.read_csv(golden / "outcome_cohort.csv", dtype={"patient": str})


@pytest.fixture(scope="module")
def expected(golden):
    table = pd.read_csv(golden / "outcome_metrics.csv", dtype={"name": str}, keep_default_na=False)
    return table.set_index(["model", "item", "name"])["value"]


def simulated(seed, n=120, ties=False):
    """Follow-up, event, score and fold; with `ties` many equal times and equal scores."""
    rng = np.random.default_rng(seed)
    score = rng.normal(size=n)
    death, censored = rng.exponential(np.exp(-0.8 * score)), rng.exponential(1.5, size=n)
    time, event = np.minimum(death, censored) + 0.01, death <= censored
    if ties:
        time, score = np.ceil(time * 5) / 5, np.round(score, 1)
    return time, event, score, rng.integers(1, 4, size=n)


def in_folds(time, event, fold, scores, horizons, counts, tau=np.inf, threads=1):
    weights = ipc_weights(time, event, horizons, censoring_curve(time, event))
    with compiled_threads(threads):
        return concordance(time, event, fold, scores, weights, horizons, counts, tau)


def all_pairs(time, event, score, fold, horizon, tau):
    """Harrell's C, Uno's C and AUC by looking at every pair of patients of a fold."""
    curve = censoring_curve(time, event)
    sums = np.zeros((3, 2))
    for i in np.flatnonzero(event):
        weight = 1 / curve.before(time[i])
        for j in range(len(time)):
            if fold[j] != fold[i] or j == i:
                continue
            outlived = time[j] > time[i] or (time[j] == time[i] and not event[j])
            concordant = float(score[i] > score[j]) + 0.5 * float(score[i] == score[j])
            if outlived and time[i] < tau:
                sums[0] += concordant, 1
                sums[1] += weight**2 * concordant, weight**2
            if time[i] <= horizon < time[j]:
                both = weight / curve.at(horizon)
                sums[2] += both * concordant, both
    return sums[:, 0] / sums[:, 1]


def test_agrees_with_r(cohort, expected):
    time, event, score = (cohort[name].to_numpy() for name in ("followup", "event", "score"))
    curve = censoring_curve(time, event)
    harrell, _, _ = concordance_single(time, event, score)
    assert harrell == pytest.approx(expected["harrell", "all", ""], abs=1e-12)
    harrell, uno, auc = concordance_single(time, event, score, HORIZONS, curve, tau=8.0)
    assert harrell == pytest.approx(expected["harrell", "tau", ""], abs=1e-12)
    assert uno == pytest.approx(expected["uno", "tau", ""], abs=1e-12)
    for horizon, value in zip(HORIZONS, auc, strict=True):
        assert value == pytest.approx(expected["auc", "score", f"{horizon:g}"], abs=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_agrees_with_scikit_survival(seed):
    time, event, score, _ = simulated(seed)
    train_time, train_event, _, _ = simulated(seed + 100)
    train_time = np.append(train_time, time.max() + 1)  # the library wants training follow-up to span the test's
    train_event = np.append(train_event, False)
    curve = censoring_curve(train_time, train_event)
    horizons = tuple(np.quantile(time, [0.3, 0.5, 0.7]))
    test, train = Surv.from_arrays(event, time), Surv.from_arrays(train_event, train_time)
    harrell, _, _ = concordance_single(time, event, score)
    assert harrell == pytest.approx(concordance_index_censored(event, time, score)[0], abs=1e-12)
    _, uno, auc = concordance_single(time, event, score, horizons, curve, tau=horizons[-1])
    assert uno == pytest.approx(concordance_index_ipcw(train, test, score, tau=horizons[-1])[0], abs=1e-12)
    assert auc == pytest.approx(cumulative_dynamic_auc(train, test, score, horizons)[0], abs=1e-12)


@pytest.mark.parametrize("seed", range(4))
def test_equals_a_count_of_all_pairs_within_folds_when_times_and_scores_tie(seed):
    time, event, score, fold = simulated(seed, n=60, ties=True)
    once = np.ones((1, 60), dtype=np.int64)
    found = in_folds(time, event, fold, score[:, None], (0.6, 0.4), once, tau=1.0)
    for h, horizon in enumerate((0.6, 0.4)):
        harrell, uno, auc = all_pairs(time, event, score, fold, horizon, 1.0)
        assert found.harrell[0, 0] == pytest.approx(harrell, abs=1e-13)
        assert found.uno[0, 0] == pytest.approx(uno, abs=1e-13)
        assert found.auc[0, 0, h] == pytest.approx(auc, abs=1e-13)


def test_patients_of_different_folds_are_not_compared():
    # Inside each fold the order is right; between the folds every pair would be wrong.
    time, event = np.array([1.0, 2.0, 3.0, 4.0]), np.ones(4, dtype=bool)
    score, fold = np.array([1.0, 0.0, 11.0, 10.0]), np.array([1, 1, 2, 2])
    found = in_folds(time, event, fold, score[:, None], (1.5,), np.ones((1, 4), dtype=np.int64))
    assert found.harrell[0, 0] == 1.0
    assert concordance_single(time, event, score)[0] == pytest.approx(2 / 6)


def test_a_count_of_two_is_two_rows():
    time, event, score, fold = simulated(5, ties=True)
    counts = np.random.default_rng(1).integers(0, 4, size=len(time))
    rows = np.repeat(np.arange(len(time)), counts)
    weights = ipc_weights(time, event, (0.4, 0.6), censoring_curve(time, event))
    copied = type(weights)(
        weights.event[rows], weights.beyond[rows], weights.case[rows], weights.control[rows], weights.competing[rows]
    )
    a = concordance(time, event, fold, score[:, None], weights, (0.4, 0.6), counts[None], 1.0)
    once = np.ones((1, len(rows)), dtype=np.int64)
    b = concordance(time[rows], event[rows], fold[rows], score[rows][:, None], copied, (0.4, 0.6), once, 1.0)
    for name in ("harrell", "uno", "auc"):
        assert getattr(a, name) == pytest.approx(getattr(b, name), abs=1e-13)


def test_order_of_patients_and_a_monotone_transform_do_not_matter():
    time, event, score, fold = simulated(6, ties=True)
    once = np.ones((1, len(time)), dtype=np.int64)
    plain = in_folds(time, event, fold, score[:, None], (0.4,), once)
    bent = in_folds(time, event, fold, np.exp(3 * score)[:, None], (0.4,), once)
    order = np.random.default_rng(2).permutation(len(time))
    shuffled = in_folds(time[order], event[order], fold[order], score[order][:, None], (0.4,), once)
    reverse = in_folds(time, event, fold, -score[:, None], (0.4,), once)
    for name in ("harrell", "uno", "auc"):
        assert np.array_equal(getattr(plain, name), getattr(bent, name))
        assert getattr(plain, name) == pytest.approx(getattr(shuffled, name), abs=1e-13)
        assert getattr(plain, name) == pytest.approx(1 - getattr(reverse, name), abs=1e-13)


def test_threads_change_no_bit():
    time, event, score, fold = simulated(7)
    scores = np.column_stack([score, score**2, np.random.default_rng(3).normal(size=len(time))])
    counts = resample_counts(np.random.default_rng(4), len(time), 100)
    one, two = (in_folds(time, event, fold, scores, (0.2, 0.5), counts, 0.6, threads) for threads in (1, 2))
    for name in ("harrell", "uno", "auc"):
        assert np.array_equal(getattr(one, name), getattr(two, name), equal_nan=True)


def test_without_a_comparable_pair_there_is_no_number():
    time, event = np.array([1.0, 2.0]), np.array([False, False])
    found = in_folds(time, event, np.ones(2, dtype=int), np.zeros((2, 1)), (0.5,), np.ones((1, 2), dtype=np.int64))
    assert np.isnan(found.harrell[0, 0]) and np.isnan(found.uno[0, 0]) and np.isnan(found.auc[0, 0, 0])


def test_noise_is_not_concordant():
    values = [
        concordance_single(*simulated(seed)[:2], np.random.default_rng(seed).permutation(120))[0] for seed in range(40)
    ]
    assert np.mean(values) == pytest.approx(0.5, abs=0.02)
