"""Whether a study can run on its cohort: everything that a later step would refuse, asked before anything is fitted.

`slopewise check` prints it, and the first step of a run refuses by it, so that a run does not stop after an hour for
a reason that its data told at the start.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from slopewise.cohort import Cohort, prepare_cohort
from slopewise.folds import NESTED, fold_plan, make_folds
from slopewise.metrics.ipcw import check_horizons
from slopewise.outcome.fit import check_strata, check_varies
from slopewise.outcome.predictors import StratumCoding
from slopewise.run.errors import InputError
from slopewise.slopes.design import examine_design
from slopewise.study.model import Study


@dataclass(frozen=True)
class Feasibility:
    """`stops`: why the study cannot run, one sentence each; `warnings`; the outer `folds` (n,) of each repeat."""

    stops: tuple[str, ...]
    warnings: tuple[str, ...]
    folds: tuple[NDArray[np.int64], ...]


def feasibility(
    study: Study, measurements: pd.DataFrame, patients: pd.DataFrame, later: pd.DataFrame | None = None
) -> Feasibility:
    """Folds, outcome and growth models of `study` on the tables of its ``cohort/``; nothing is fitted.

    `later` are rows after the landmark, where the growth models learn from them (``growth.rows: all``).
    """
    stops: list[str] = []
    table, outer = None, []
    try:
        table = make_folds(patients, fold_plan(study), study.data.centre)
        outer = outer_folds(table, patients)
    except InputError as error:
        stops.append(str(error))
    if study.kind.predicts:
        stops += _of_outcome(study, patients, outer)
    design = examine_design(study, measurements, patients, later, table)
    return Feasibility(tuple(dict.fromkeys([*stops, *design.stops])), design.warnings, tuple(outer))


def refuse_infeasible(
    study: Study, measurements: pd.DataFrame, patients: pd.DataFrame, later: pd.DataFrame | None = None
) -> None:
    """Raise `InputError` with the first reason why the study cannot run on these tables."""
    found = feasibility(study, measurements, patients, later if study.growth.rows == "all" else None)
    if found.stops:
        raise InputError(found.stops[0])


def prepare_checked(study: Study, folder: Path) -> Cohort:
    """`prepare_cohort`, which proposes no other landmark than one at which the study can run."""

    def runs(landmark: float) -> bool:
        other = study.at(landmark)
        try:
            cohort = prepare_cohort(other, folder)
            refuse_infeasible(other, cohort.measurements, cohort.patients, cohort.later)
        except InputError:
            return False
        return True

    return prepare_cohort(study, folder, runs)


def outer_folds(folds: pd.DataFrame, patients: pd.DataFrame) -> list[NDArray[np.int64]]:
    """The outer fold of each of `patients` in each repeat of the validation, and the centres where they are folds."""
    outer = folds[folds["scheme"].isin(NESTED) & (folds["held_out"] == 0)]
    return [
        own.set_index("patient")["fold"].reindex(patients["patient"]).to_numpy()
        for _, own in outer.groupby(["scheme", "repeat"], sort=True)
    ]


def _of_outcome(study: Study, patients: pd.DataFrame, folds: list[NDArray[np.int64]]) -> list[str]:
    """What the outcome models would refuse: too few events, strata without any, horizons, an outcome all alike."""
    stops: list[str] = []
    if not study.kind.timed:
        for fold in [None, *folds]:
            _ask(stops, check_varies, patients["outcome"].to_numpy(dtype=float), study.causes[0], fold)
        return stops
    event = patients["event"].to_numpy() == 1
    _ask(stops, check_horizons, study.outcome.horizons, patients["followup"].to_numpy(dtype=float), event, None, *folds)
    strata = StratumCoding.learn(patients, study.outcome.strata)
    for fold in [None, *folds]:
        _ask(stops, check_strata, strata, strata.codes(patients), event, fold)
    return stops


def _ask(stops: list[str], check: Callable[..., None], *arguments: object) -> None:
    """Add what `check` refuses, if it does."""
    try:
        check(*arguments)
    except InputError as error:
        stops.append(str(error))
