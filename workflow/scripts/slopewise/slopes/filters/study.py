"""The filters of a study from its tables."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from slopewise.folds import Key, fits
from slopewise.slopes.filters.learn import Filtered, asked, learn_filters
from slopewise.slopes.filters.training import Training, slope_tests, trainings
from slopewise.slopes.inputs import GrowthInputs
from slopewise.study.model import Study


def filtered_markers(
    study: Study, measurements: pd.DataFrame, patients: pd.DataFrame, folds: pd.DataFrame, crossfit: pd.DataFrame,
    ledger: pd.DataFrame, agreement: pd.DataFrame, later: pd.DataFrame | None = None,
    batches: pd.DataFrame | None = None,
) -> Filtered:  # fmt: skip
    """What `filters` of the study leaves out of each training set; empty tables where it asks for nothing.

    Tables as in `tables`: those of ``cohort/`` and ``folds``, ``slopes/crossfit`` and, as `ledger`, ``growth/fits``;
    `agreement` is ``cohort/agreement``, `batches` is ``slopes/batch_parameters`` where batch effects are removed.
    """
    names = sorted(str(patient) for patient in patients["patient"])
    plan = list(fits(folds, names))
    sets = (
        training_sets(study, measurements, patients, folds, crossfit, ledger, agreement, later, batches)
        if asked(study.filters)
        else ()
    )
    return learn_filters(sets, study.filters, plan, names, study.landmark_time)


def training_sets(
    study: Study, measurements: pd.DataFrame, patients: pd.DataFrame, folds: pd.DataFrame, crossfit: pd.DataFrame,
    ledger: pd.DataFrame, agreement: pd.DataFrame, later: pd.DataFrame | None = None,
    batches: pd.DataFrame | None = None,
) -> Iterator[Training]:  # fmt: skip
    """What the filters see of each outer training set, everybody first; arguments as of `filtered_markers`.

    Random slopes are tested where the study asks for their q-value; else every p is 1.
    """
    names = sorted(str(patient) for patient in patients["patient"])
    plan, markers = list(fits(folds, names)), list(study.markers)
    tests: dict[Key, list[float]] = {}
    if study.filters.q_value is not None:
        own = dict(list(ledger.groupby("marker")))
        for data in GrowthInputs(study, measurements, patients, later, batches).markers():
            for key, p in slope_tests(data, plan, own[data.marker]).items():
                tests.setdefault(key, []).append(p)
    p_values = {
        key: np.array(tests.get(key, [1.0] * len(markers)))
        for key in ((f.scheme, f.repeat, f.held_out) for f in plan if f.fold == 0)
    }
    low = agreement.set_index("marker")["ci_low"].reindex(markers).to_numpy(dtype=float)
    return trainings(markers, measurements, plan, names, crossfit, p_values, low)
