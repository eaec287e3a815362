"""Times of visits that cannot be as they stand: a patient's in another unit, day and month exchanged, a time zero that
lies elsewhere than everybody's, visits that are numbered in place of timed.

Each is a warning with what was seen, where it stands first and the way out; nothing is changed.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from slopewise.cohort.conversions import OF_TIME
from slopewise.cohort.findings import WARNING, Findings
from slopewise.cohort.slips import FEW, FEWEST, NEAR
from slopewise.sources.table import shown
from slopewise.study.model import Study

LOOKED_AT = 500_000
"""So many rows are looked at: the first of a larger table."""
TIMES = 4
"""With fewer times a patient has no usual distance of visits."""
SAME = 1e-3
"""The share of the squared changes of a marker that an age may have, which is rounded."""
EARLY = 0.05
"""The share of the time up to the landmark within which all visits of all patients are not expected to lie."""

Told = tuple[str, str, int]
"""A message, the way out, and the line where it stands first."""


def tell_mistimed(study: Study, rows: pd.DataFrame, file: str, findings: Findings) -> None:
    """Warn of such times in `rows`, indexed by the line of the file and on the file's own clock."""
    dated, rows = study.data.time_unit == "date", rows.iloc[:LOOKED_AT]
    found = [*(_exchanged(study, rows) if dated else _other_unit(rows))]
    for message, action, line in found:
        findings.add(WARNING, file, message, action, line=line, column=study.data.time)
    for name, marker in study.markers.items():
        change = _as_time(rows, name)
        if change is not None:
            message = f"from the first visit to the last it changes by {change:.4g} for each unit of time in everybody"
            action = f"an age or a date is no measurement: leave the marker {name} out"
            findings.add(WARNING, file, message, action, column=marker.column)


def tell_mistimed_since_zero(study: Study, rows: pd.DataFrame, file: str, findings: Findings) -> None:
    """Warn of such times in `rows`, indexed by the line of the file and in analysis units since time zero."""
    unit = study.data.analysis_unit
    for message, action, line in [*_elsewhere(rows.iloc[:LOOKED_AT], unit), *_numbered(study, rows)]:
        findings.add(WARNING, file, message, action, line=line, column=study.data.time)


def _as_time(rows: pd.DataFrame, name: str) -> float | None:
    """What a marker changes in a unit of time, where that is the same in all patients, as of an age; else None."""
    known = rows[["patient", "time", name]].dropna().sort_values(["patient", "time"])
    by = known.groupby("patient")[["time", name]]
    passed, changed = (by.last() - by.first()).to_numpy(dtype=float).T
    if (passed > 0).sum() < FEWEST or not (np.isfinite(changed).all() and changed.any()):
        return None
    with np.errstate(over="ignore", invalid="ignore"):
        change = float(passed @ changed / (passed @ passed))
        left = float(((changed - change * passed) ** 2).sum() / (changed @ changed))
    return change if left < SAME else None


def _other_unit(rows: pd.DataFrame) -> Iterator[Told]:
    """Patients whose visits lie apart by a factor of time more, or less, than those of all others."""
    gaps = _usual_gaps(rows)
    if len(gaps) < FEWEST:
        return
    ratio = np.log(gaps / gaps.median())
    for one in OF_TIME:
        factor = float(np.log(one.factor))
        other = (ratio * np.sign(factor) > abs(factor) / 2).to_numpy()
        near = abs(float(ratio[other].median()) - factor) <= NEAR if other.any() else False
        if not near or 2 * other.sum() > len(gaps) or abs(ratio[~other]).max() > abs(factor) / 2 - NEAR:
            continue
        who, several = gaps.index[other], int(other.sum()) > 1
        message = (
            f"the visits of {f'{other.sum()} patients' if several else f'patient {shown(str(who[0]))}'} are "
            f"{gaps[other].median():.3g} apart, and those of the others {gaps[~other].median():.3g}, as in another "
            f"unit ({one.example})"
        )
        yield message, "bring all times to one unit", int(rows.index[rows["patient"].isin(who)].min())
        return


def _usual_gaps(rows: pd.DataFrame) -> pd.Series:
    """The median distance of successive times of each patient with `TIMES` of them or more, by patient."""
    known = rows[["patient", "time"]].dropna().drop_duplicates().sort_values(["patient", "time"])
    same = known["patient"].eq(known["patient"].shift())
    gaps = known["time"].diff()[same].groupby(known["patient"][same]).agg(["median", "size"])
    return gaps.loc[(gaps["size"] >= TIMES - 1) & (gaps["median"] > 0), "median"]


def _exchanged(study: Study, rows: pd.DataFrame) -> Iterator[Told]:
    """Dates that lie between the patient's visits above and below them in the file once day and month are exchanged."""
    if study.data.layout is not None:
        return  # rows of a long table are in no order of visits
    order = rows[["patient", "time"]].dropna().sort_index()
    order = order.iloc[np.argsort(pd.factorize(order["patient"])[0], kind="stable")]
    time, patient = order["time"].to_numpy(dtype=float), order["patient"].to_numpy()
    if len(time) < FEWEST:
        return
    before, at, after = time[:-2], time[1:-1], time[2:]
    inside = (patient[:-2] == patient[1:-1]) & (patient[1:-1] == patient[2:]) & (before < after)
    other = _day_for_month(at)
    out = inside & ~((before <= at) & (at <= after))
    slips = out & (before < other) & (other < after)
    if not slips.any() or 2 * out.sum() > inside.sum():
        return  # without slips, or in no order
    line = int(order.index[1:-1][slips].min())
    place = int(np.flatnonzero(order.index[1:-1] == line)[0])
    seen, meant = (str(np.datetime64(int(np.floor(value)), "D")) for value in (at[place], other[place]))
    number = f"{slips.sum()} dates do" if slips.sum() > 1 else "1 date does"
    message = (
        f"{number} not lie between the patient's visits above and below in the file, and would with day and month "
        f"exchanged, such as {seen}, which would be {meant}"
    )
    yield message, "compare the dates with their source", line


def _day_for_month(days: NDArray[np.float64]) -> NDArray[np.float64]:
    """Days since 1970 with the day of the month and the month exchanged; NaN where that is no other date."""
    dates = np.floor(days).astype("datetime64[D]")
    months = dates.astype("datetime64[M]")
    day, month = (dates - months).astype(int) + 1, months.astype(int) % 12 + 1
    exchanged = (months - (month - 1) + (day - 1)).astype("datetime64[D]") + (month - 1)
    return np.where((day <= 12) & (day != month), exchanged.astype(float), np.nan)


def _elsewhere(rows: pd.DataFrame, unit: str) -> Iterator[Told]:
    """Few patients whose first visit lies farther from time zero than the others' by more than these are measured."""
    by = rows.groupby("patient", sort=True)["time"]
    first, span = by.min(), float((by.max() - by.min()).median())
    if len(first) < FEWEST or not span > 0:
        return
    middle = float(first.median())
    distance = (first - middle).abs()
    far, rest = distance[distance > span / 2], first[distance <= span / 2]
    if far.empty or len(far) > max(1.0, FEW * len(first)) or far.min() <= 2 * float(np.ptp(rest.to_numpy())):
        return
    name, low, high = str(far.index[0]), rest.min(), rest.max()
    whose = f"{len(far)} patients, such as {shown(name)}," if len(far) > 1 else f"patient {shown(name)}"
    message = (
        f"the first visit of {whose} is at {first[far.index[0]]:.3g}{'' if unit == 'none' else f' {unit}'} since time "
        f"zero, and those of the others are at {low:.3g}{f' to {high:.3g}' if high > low else ''}"
    )
    yield message, "check time zero and the dates of the visits", int(rows.index[rows["patient"] == name].min())


def _numbered(study: Study, rows: pd.DataFrame) -> Iterator[Told]:
    """Visits all of which lie in the first days of the time up to the landmark, as their numbers would."""
    landmark, unit = study.landmark_time, study.data.analysis_unit
    if unit == "none" or not (np.isfinite(landmark) and landmark > 0):
        return
    last = float(rows["time"].max())
    if not 0 < last <= EARLY * landmark:
        return
    message = (
        f"all visits lie within {max(last, 0.0):.2g} {unit} of time zero, and the landmark is at {landmark:g} {unit}"
    )
    yield message, "check data.time_unit: are these numbers of visits, or times in another unit?", int(rows.index.min())
