"""What `slopewise check` counts for an effect: values by treatment, rows about a moment, decisions by stratum."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from slopewise.cohort import Cohort
from slopewise.cohort.moments import FEWEST, INTERRUPTION
from slopewise.effects.coding import PERIOD, TREATED, Coded, coded
from slopewise.effects.inputs import EffectRows
from slopewise.effects.weighting.diagnostics import histories, positivity
from slopewise.effects.weighting.prepared import prepared
from slopewise.run.errors import InputError
from slopewise.study.keys_of_effects import OVER_TIME
from slopewise.study.model import Study


@dataclass(frozen=True)
class EffectCounts:
    """A table of counts: its title, its columns (the first `words` are words) and its rows."""

    title: str
    columns: list[str]
    rows: list[list[str]]
    words: int = 1


def _treatment(study: Study, cohort: Cohort) -> list[EffectCounts]:
    rows = EffectRows.of(study, cohort.measurements, cohort.patients)
    each = [coded(rows, marker) for marker in study.markers]
    found = [
        EffectCounts(
            "Can effects of single patients be estimated? Patients by number of values under each treatment",
            ["marker", "treatment", "none", "1", "2", "3 or more", "rows"],
            [line for one in each for line in _by_treatment(one)],
            words=2,
        )
    ]
    if study.effects.period is not None:
        found.append(
            EffectCounts(
                f"Values in each {study.effects.period}, by treatment",
                ["marker", str(study.effects.period), "patients", "values", *_levels(each[0])],
                [line for one in each for line in _by_period(one)],
                words=2,
            )
        )
    return found


def _levels(one: Coded) -> tuple[str, str]:
    return f"under {one.reference}", f"under {one.versus}"


def _by_treatment(one: Coded) -> Iterator[list[str]]:
    """A line for each treatment: patients by number of values, and values."""
    for code, level in ((0.0, one.reference), (1.0, one.versus)):
        values = one.rows_by[code]
        counts = [int((values == number).sum()) for number in (0, 1, 2)] + [int((values > 2).sum())]
        yield [one.marker, level, *map(str, counts), str(int(values.sum()))]


def _by_period(one: Coded) -> Iterator[list[str]]:
    """A line for each period: patients with a value in it, values, and values under each treatment."""
    for period, rows in one.frame.groupby(PERIOD, sort=False):
        treated = int(rows[TREATED].sum())
        counts = rows["patient"].nunique(), len(rows), len(rows) - treated, treated
        yield [one.marker, str(period), *map(str, counts)]


def _interruption(study: Study, cohort: Cohort) -> list[EffectCounts]:
    each = {marker: rows_about(study, cohort, marker) for marker in study.markers}
    summary = []
    for marker, counts in each.items():
        known = counts[counts[INTERRUPTION].notna()]
        reached = known[["before", "after"]] >= FEWEST
        summary.append(
            [marker, *map(str, (int(reached.all(axis=1).sum()), int((~reached["before"]).sum()),
                                int((~reached["after"]).sum()), len(counts) - len(known),
                                int(known["before"].sum()), int(known["after"].sum())))]
        )  # fmt: skip
    first, counts = next(iter(each.items()))
    known = counts[counts[INTERRUPTION].notna()].assign(least=lambda rows: rows[["before", "after"]].min(axis=1))
    lines = [
        [str(unit), f"{row[INTERRUPTION]:.6g}", f"{row['before']:g}", f"{row['after']:g}",
         "yes" if row["least"] >= FEWEST else "no"]
        for unit, row in known.sort_values("least", kind="stable").iterrows()
    ]  # fmt: skip
    enough = f"{FEWEST} and {FEWEST}"
    moment = f"moment ({study.data.analysis_unit} since time zero)"
    return [
        EffectCounts(
            f"Can changes of single units be estimated? Units by rows before and after (few: below {FEWEST})",
            ["marker", enough, "few before", "few after", "no moment", "rows before", "rows after"],
            summary,
        ),
        EffectCounts(
            f"Rows of {first} before and after the moment of each unit, the fewest first",
            [study.data.patient, moment, "before", "after", enough],
            lines,
        ),
    ]  # fmt: skip


def rows_about(study: Study, cohort: Cohort, marker: str) -> pd.DataFrame:
    """By unit: the moment (since time zero; missing for a control), and the rows of a marker before and after it."""
    rows = EffectRows.of(study, cohort.measurements, cohort.patients).of_marker(marker)
    after = (rows["time"] >= rows[INTERRUPTION]).to_numpy()
    made = rows.assign(after=after, before=~after & rows[INTERRUPTION].notna().to_numpy())
    counts = made.groupby("patient").agg({INTERRUPTION: "first", "before": "sum", "after": "sum"})
    counts[["before", "after"]] = counts[["before", "after"]].astype(np.int64)
    return counts


def _treatment_over_time(study: Study, cohort: Cohort) -> list[EffectCounts]:
    """Patients and rows by how treatment went; decisions by strata of the confounders.

    Raises `InputError` where no weights can be estimated.
    """
    ready = prepared(EffectRows.of(study, cohort.measurements, cohort.patients))
    went = [list(map(str, row)) for row in histories(ready.rows).itertuples(index=False)]
    try:
        weights = ready.models().weights(ready.asked.truncation)
    except InputError as error:
        raise InputError(f"{OVER_TIME}: {ready.shown(str(error))}") from None
    table = positivity(ready.rows, ready.confounders, weights)
    strata = [
        [*map(str, row[:5]), f"{row[5]:.2g} to {row[6]:.2g}", "" if 0 < row[4] < row[3] else "all went one way"]
        for row in zip(
            table["column"].map(ready.shown), table["stratum"], table["previous"], table["decisions"].tolist(),
            table["treated"].tolist(), table["lowest"].tolist(), table["highest"].tolist(), strict=True,
        )
    ]  # fmt: skip
    named = ["confounder at the last visit", "stratum", "treated then", "decisions", "for treatment",
             "estimated probability", ""]  # fmt: skip
    return [
        EffectCounts("How did treatment go? Patients and their rows", ["history", "patients", "rows", "treated"], went),
        EffectCounts("Could every decision have gone either way? Decisions by stratum", named, strata, words=3),
    ]


COUNTS: dict[str, Callable[[Study, Cohort], list[EffectCounts]]] = {
    "treatment": _treatment,
    "interruption": _interruption,
    "treatment_over_time": _treatment_over_time,
}
"""By the kind of effect."""


def effect_counts(study: Study, cohort: Cohort) -> list[EffectCounts]:
    """The counts of the study's effect, a table each; none for a study without one."""
    counts = COUNTS.get(study.effects.kind)
    return [] if counts is None else counts(study, cohort)
