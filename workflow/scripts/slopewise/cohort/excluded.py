"""Characteristics of the patients who are analysed and of those who leave before: who they are, and what is missing."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from slopewise.cohort.flow import State
from slopewise.cohort.landmark import snap
from slopewise.cohort.rows import transformed
from slopewise.study.model import Study

ANALYSED, EXCLUDED = "analysed", "excluded"
COLUMNS = ["kind", "characteristic", "level", "group", "patients", "known", "mean", "sd", "count"]


def characteristics_by_group(study: Study, before: State, cohort: State) -> pd.DataFrame:
    """The table ``cohort/excluded``: a row for each group and characteristic, of a category for each of its levels.

    before: patients with the outcome that the study asks for, on the study's clock, before any leaves for what happened
    by the landmark; cohort: those who are analysed. Covariates, the first and last value of each marker
    (transformed) up to the landmark, and the number of visits up to it. known: patients with a value. Empty where
    nobody left.
    """
    people = before.people.set_index("patient").sort_index()
    kept = people.index.to_series().isin(cohort.people["patient"])
    if kept.all():
        return pd.DataFrame(columns=COLUMNS)
    groups = {ANALYSED: people.index[kept.to_numpy()], EXCLUDED: people.index[~kept.to_numpy()]}
    found = []
    for kind, name, values in _characteristics(study, before, people):
        levels = [""] if pd.api.types.is_numeric_dtype(values) else sorted(set(values.dropna().astype(str)))
        for level in levels:
            for group, members in groups.items():
                found.append({"kind": kind, "characteristic": name, "level": level, "group": group,
                              **_summary(values.reindex(members), level)})  # fmt: skip
    return pd.DataFrame(found, columns=COLUMNS)


def _characteristics(study: Study, before: State, people: pd.DataFrame) -> Iterator[tuple[str, str, pd.Series]]:
    """Kind, name and the values by patient."""
    for name in study.outcome.covariates:
        if name in people:  # a covariate that changes over time is no column of the patients before the landmark
            yield "covariate", name, people[name]
    rows = transformed(before.rows, study.markers).assign(time=snap(before.rows["time"], study.landmark_time))
    rows = rows[rows["time"] <= study.landmark_time]
    for marker in study.markers:
        # Sorted by value too, so that of two rows at one time the file's order does not choose.
        known = rows[rows[marker].notna()].sort_values(["patient", "time", marker])
        own = known.groupby("patient")[marker]
        yield "first", marker, own.first().reindex(people.index)
        yield "last", marker, own.last().reindex(people.index)
    measured = rows[rows[list(study.markers)].notna().any(axis=1)]
    visits = measured.groupby("patient")["time"].nunique().reindex(people.index).fillna(0)
    yield "visits", "visits", visits.astype(float)


def _summary(values: pd.Series, level: str) -> dict[str, float | int]:
    """Of the patients of one group: how many, how many with a value, mean and SD, or how many have the level."""
    known = values.dropna()
    if level:
        had = int((known.astype(str) == level).sum())
        return {"patients": len(values), "known": len(known), "mean": float("nan"), "sd": float("nan"), "count": had}
    return {"patients": len(values), "known": len(known), "mean": float(known.mean()) if len(known) else float("nan"),
            "sd": float(known.std()) if len(known) > 1 else float("nan"), "count": 0}  # fmt: skip
