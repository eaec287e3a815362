"""Observed over expected events: against R, with copies of patients, and where nothing is expected."""

import numpy as np
import pandas as pd
import pytest

from slopewise.metrics.ipcw import Weights, censoring_curve, ipc_weights
from slopewise.metrics.observed import observed_over_expected

HORIZONS = (3.0, 5.0, 8.0)


@pytest.fixture(scope="module")
def cohort(golden):
    return pd.read_csv(golden / "outcome_cohort.csv", dtype={"patient": str})


def risks(cohort):
    return cohort[[f"risk_{h:g}" for h in HORIZONS]].to_numpy()[:, None, :]


def own_weights(cohort) -> Weights:
    time, event = cohort["followup"].to_numpy(), cohort["event"].to_numpy(dtype=bool)
    return ipc_weights(time, event, HORIZONS, censoring_curve(time, event))


def test_observed_over_expected_agrees_with_r(cohort, golden):
    table = pd.read_csv(golden / "outcome_metrics.csv", dtype={"name": str}, keep_default_na=False)
    expected = table[table["model"] == "observed_expected"].set_index("name")["value"]
    found = observed_over_expected(risks(cohort), own_weights(cohort), np.ones((1, len(cohort)), dtype=np.int64))
    assert found.shape == (1, 1, 3)
    assert found[0, 0] == pytest.approx(expected[[f"{h:g}" for h in HORIZONS]].to_numpy(), abs=1e-12)


def test_counts_are_repeated_rows_and_each_step_has_its_own_risks(cohort):
    counts = cohort["copies"].to_numpy()[None, :]
    weights = own_weights(cohort)
    both = np.concatenate([risks(cohort), risks(cohort) / 2], axis=1)
    found = observed_over_expected(both, weights, counts)
    rows = np.repeat(np.arange(len(cohort)), counts[0])
    assert found[0, 0] == pytest.approx(weights.case[rows].sum(axis=0) / risks(cohort)[rows, 0].sum(axis=0), rel=1e-12)
    assert found[0, 1] == pytest.approx(2 * found[0, 0], rel=1e-12)


def test_nothing_expected_is_missing_and_no_event_is_nought(cohort):
    weights, once = own_weights(cohort), np.ones((1, len(cohort)), dtype=np.int64)
    assert np.isnan(observed_over_expected(np.zeros((len(cohort), 1, 3)), weights, once)).all()
    free = (weights.case.sum(axis=1) == 0).astype(np.int64)[None, :]
    assert (observed_over_expected(risks(cohort), weights, free) == 0).all()
