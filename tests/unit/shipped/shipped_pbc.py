"""A model of a part of the PBC trial, made in this process as the workflow makes it, and files of new patients."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from slopewise.cohort import prepare_cohort
from slopewise.folds import FoldPlan, fits, make_folds
from slopewise.outcome.fit import OutcomeFit, fit_outcome
from slopewise.run.files import write_json
from slopewise.shipped.writing import shipped_model
from slopewise.slopes.crossfit import cross_fit
from slopewise.slopes.facts import facts, published
from slopewise.slopes.marker import growth_model, marker_data
from slopewise.study.reading import parse_study
from slopewise.tables import files as tables
from tests.workflow.running import pbc_part


@dataclass(frozen=True)
class Shipped:
    """The outcome model on everybody, the path of its model.json, and the raw files of its cohort up to the landmark.

    `visits` and `people` hold the study's own columns; `people` has no outcome.
    """

    outcome: OutcomeFit
    model: Path
    visits: pd.DataFrame
    people: pd.DataFrame
    landmark: float


def ship(folder: Path, filters: pd.DataFrame | None = None, **changes: Any) -> Shipped:
    """Fit the study of `pbc_part` with keys changed (``growth__fixed="~ time * sex"``) and write its model.json.

    `filters`: what filters left out, the table ``slopes/filters``.

    The patients have three more columns: `died`, `score` (a number that depends on age) and `entry` (day of entry).
    """
    raw = pbc_part()
    raw.study["data"]["duplicates"] = "error"
    raw.study["outcome"]["bootstrap"] = 0
    raw.study["crossfit"]["repeats"] = 1
    people = raw.patients
    people["died"], people["score"] = (people["status"] == 2).astype(int), (people["age"] + people["id"] % 7).round(1)
    people["entry"] = (people["id"] % 400).clip(upper=people["futime"])  # nobody enters after the end
    for key, value in changes.items():
        *parents, last = key.split("__")
        place = raw.study
        for parent in parents:
            place = place.setdefault(parent, {})
        place[last] = value
    raw.write(folder)
    study = parse_study(yaml.safe_dump(raw.study, sort_keys=False).encode(), "study.yaml")
    cohort = prepare_cohort(study, folder)
    patients = tables.check(cohort.patients, "cohort/patients")
    folds = make_folds(patients, FoldPlan(study.crossfit.folds, 1, 2, 1, study.seed))
    plan = list(fits(folds[folds["scheme"] == "crossfit"], sorted(patients["patient"])))
    markers = [
        marker_data(growth_model(study), name, cohort.measurements, patients, study.landmark_time)
        for name in study.markers
    ]
    scored = [cross_fit(data, plan) for data in markers]
    slopes = pd.concat(
        published(own, facts(cohort.measurements, patients, data.marker, data.marker == "log_bilirubin"))
        for data, (own, _, _) in zip(markers, scored, strict=True)
    )
    crossfit, ledger = (pd.concat(own[place] for own in scored) for place in (0, 1))
    outcome = fit_outcome(study, patients, slopes, crossfit, ledger, filters)
    model = shipped_model(study, markers, outcome, cohort.measurements, patients)
    write_json(folder / "model.json", {**model, "recommended": {"predictors": "slope", "reason": "it gains"}})
    ids = patients["patient"].astype(int)
    early = raw.measurements["day"] <= study.landmark_time * 365.25
    return Shipped(
        outcome=outcome,
        model=folder / "model.json",
        visits=raw.measurements[raw.measurements["id"].isin(ids) & early].reset_index(drop=True),
        people=raw.patients.loc[raw.patients["id"].isin(ids), ["id", "age", "sex"]].reset_index(drop=True),
        landmark=study.landmark_time,
    )
