"""`slopewise init --kind iptw`: a treatment that may change at each visit, and what may have decided on it."""

from __future__ import annotations

import numpy as np
import pandas as pd

from slopewise.cli.columns import Column, is_constant, named, readable, scalar
from slopewise.cli.init.crossover import changing_treatment
from slopewise.cli.init.guess import COVARIATES, Look
from slopewise.cli.init.proposed_effect import MARKERS, ProposedEffect
from slopewise.cohort.technical import technical

MOST_GRADES = 10
"""Values of a grade, which may decide on treatment and is no marker."""


def _counts_on(seen: Look, patient: str, time: str, column: Column) -> bool:
    """Whether a column rises from each row of a patient to the next in time, as the number of a visit does."""
    clock = seen.columns[time]
    when = np.argsort(clock.values, kind="stable") if clock.is_number else np.arange(len(column.values))
    values = pd.Series(column.values[when]).groupby(seen.measurements.text[patient].to_numpy()[when])
    steps = values.diff().dropna()
    return bool(len(steps)) and bool((steps > 0).all())


def guess_iptw(seen: Look, patient: str, time: str, date_format: str) -> ProposedEffect:
    """The effect of a treatment that may change at each visit, with all that changes within patients as confounders."""
    table = seen.measurements
    two, treatment, reference, other = changing_treatment(
        seen, patient, time, "a treatment that follows the state", "iptw"
    )
    changing = [
        column
        for name, column in seen.columns.items()
        if name not in (patient, time) and column.is_number and not is_constant(table, patient, name)
        and not technical(column.name, column.values) and not _counts_on(seen, patient, time, column)
    ]  # fmt: skip
    grades = [column.name for column in changing if 2 < column.distinct <= MOST_GRADES]
    if len(grades) == sum(column.distinct > 2 for column in changing):
        grades = []  # then they are the markers
    people = {**seen.columns, **seen.people}
    baseline = [
        name
        for name, column in people.items()
        if named(name, COVARIATES) and column.distinct > 1 and name not in (patient, time)
        and (name in seen.people or is_constant(table, patient, name))
    ]  # fmt: skip
    listed = ", ".join([MARKERS, *map(scalar, grades)])
    lines = [
        f"# The effect of {readable(treatment.name)} {readable(other)} against {readable(reference)}: has all that "
        "decided on it a column among the confounders?",
        "effects:",
        "  treatment_over_time:",
        f"    column: {scalar(treatment.name)}",
        f"    reference: {scalar(reference)}",
        f"    confounders: [{listed}]",
        f"    baseline: [{', '.join(map(scalar, baseline))}]",
        "    # given: from_this_visit, if the treatment of a row is the one that was decided at it",
        "    # followed_until: NUMBER, when follow-up was planned to end, if patients drop out",
    ]
    columns = frozenset({treatment.name, *grades, *(column.name for column in two)})
    parts = [f"{treatment.name}, {other} against {reference}", f"baseline {', '.join(baseline)}" if baseline else ""]
    return ProposedEffect(tuple(lines), columns, "; ".join(readable(part) for part in parts if part))
