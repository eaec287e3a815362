"""Slips that leave plausible values behind: times far from all others, values carried forward, a centre in another
unit, years of birth called age, rows of totals among the patients.

Each is a warning with what was seen, where it stands first and the way out; nothing is changed.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from slopewise.cohort.ages import OLDEST
from slopewise.cohort.conversions import APART
from slopewise.cohort.findings import WARNING, Findings
from slopewise.cohort.named_units import vocabulary, words
from slopewise.cohort.successive import Successive
from slopewise.sources.table import shown
from slopewise.study.model import Study

FEWEST = 20
"""With fewer values nothing is said."""
FEW = 0.05
"""The largest share of times that may lie apart from all others."""
CARRIED, DISTINCT = 0.6, 10
"""The share of values equal to the patient's previous one from which they may have been carried forward, and the least
number of different values: scales of few values repeat themselves."""
NEAR = 0.35
"""How far the logarithm of the ratio of two centres' medians may lie from that of a conversion of units."""
TOTALS = vocabulary(
    "mean median total totals sum average overall mittelwert summe gesamt moyenne somme promedio gemiddelde totaal"
)
AGES = vocabulary("age alter edad leeftijd eta")

Told = tuple[str, str, str, int]
"""The column, a message, the way out, and the line where it stands first."""


def tell_slips(
    study: Study, rows: pd.DataFrame, people: pd.DataFrame, files: tuple[str, str], findings: Findings
) -> None:
    """Warn of such slips in `rows` and `people`, indexed by the line of the file and on the files' own clocks."""
    dated = study.data.time_unit == "date"
    own = [*_far(rows["time"], study.data.time, dated), *_carried(study, rows), *_centres(study, rows, people)]
    for column, message, action, line in own:
        findings.add(WARNING, files[0], message, action, line=line, column=column)
    found = [*_ages(study, people), *_totals(study, people)]
    if study.outcome.time is not None and "followup" in people:
        found += _far(people["followup"], study.outcome.time, study.outcome.time_unit == "date")
    for column, message, action, line in found:
        findings.add(WARNING, files[1], message, action, line=line, column=column)


def _far(times: pd.Series, column: str, dated: bool) -> list[Told]:
    """Times beyond all others by more than the whole range of these."""
    known = times[np.isfinite(times)]
    ordered = np.sort(known.to_numpy(dtype=float))
    if len(ordered) < FEWEST:
        return []
    place = int(np.argmax(np.diff(ordered))) + 1
    parts = (ordered[:place], ordered[place:])
    near, far = parts if len(parts[0]) >= len(parts[1]) else parts[::-1]
    gap = ordered[place] - ordered[place - 1]
    one = far[0] == far[-1] and 2 * len(far) <= len(ordered)  # a code may be frequent
    if (len(far) > FEW * len(ordered) and not one) or gap <= np.ptp(near) or not np.ptp(near) > 0:
        return []
    apart = known[known.isin(far)]
    word = "1 time lies" if len(apart) == 1 else f"{len(apart)} times lie"
    limits = f"{_moment(near[0], dated)} to {_moment(near[-1], dated)}"
    message = f"{word} far from all others ({limits}), such as {_moment(float(apart.iloc[0]), dated)}"
    return [(column, message, "correct it, or name it in data.missing if it is a code", int(apart.index[0]))]


def _moment(value: float, dated: bool) -> str:
    return str(np.datetime64(int(np.floor(value)), "D")) if dated else f"{value:g}"


def _carried(study: Study, rows: pd.DataFrame) -> Iterator[Told]:
    """Markers most of whose values are the patient's previous one."""
    successive = Successive(rows)
    for name, marker in study.markers.items():
        own, previous, lines = successive.pairs(rows[name].to_numpy(dtype=float))
        same = own == previous
        if len(own) < FEWEST or same.mean() < CARRIED or rows[name].nunique() < DISTINCT:
            continue
        message = f"{same.mean():.0%} of the values are the patient's previous one, as if they were carried forward"
        action = "leave cells empty where nothing was measured: a value that is repeated is taken for a measurement"
        yield marker.column, message, action, int(lines[same].min())


def _centres(study: Study, rows: pd.DataFrame, people: pd.DataFrame) -> Iterator[Told]:
    """Centres whose median is one conversion of units away from that of the others, by more than half of their values
    lie apart."""
    centre = study.data.centre or ("" if study.data.batch is None else study.data.batch.column)
    if centre in rows:
        groups = rows[centre]
    elif centre in people:
        groups = rows["patient"].map(dict(zip(people["patient"], people[centre], strict=True)))
    else:
        return
    for name, marker in study.markers.items():
        known = rows[name].notna() & groups.notna()
        if not known.any() or rows[name][known].min() <= 0:
            continue
        values, of = np.log(rows[name][known].to_numpy(dtype=float)), groups[known].astype(str).to_numpy()
        for level in sorted(set(of)):
            here, others = values[of == level], values[of != level]
            if min(len(here), len(others)) < FEWEST:
                continue
            shift = float(np.median(here) - np.median(others))
            low, high = np.quantile(others, [0.25, 0.75])
            near = [one for one in APART if abs(shift - np.log(one.factor)) <= NEAR]
            if not near or abs(shift) <= high - low or 2 * len(here) > len(values):
                continue
            best = min(near, key=lambda one: abs(shift - np.log(one.factor)))
            message = (
                f"half of the values of {centre} {shown(level)} lie above {np.exp(np.median(here)):.4g}, and of the "
                f"others above {np.exp(np.median(others)):.4g}, as in another unit ({best.example})"
            )
            line = int(rows.index[known][of == level].min())
            yield marker.column, message, "bring all values to one unit, if they are in several", line


def _ages(study: Study, people: pd.DataFrame) -> Iterator[Told]:
    """Columns called age in which most values are greater than anybody's age in years."""
    for name in study.outcome.covariates:
        if name in people and AGES & set(words(name)) and pd.api.types.is_numeric_dtype(people[name]):
            known = people[name].dropna()
            if len(known) and known.median() > OLDEST:
                message = f"half of the values are {known.median():g} or more: years of birth, or ages in another unit"
                yield name, message, "give ages in years, or the date of birth as data.birth_date", int(known.index[0])


def _totals(study: Study, people: pd.DataFrame) -> Iterator[Told]:
    """Patients whose id is that of a row of totals."""
    spelt = [write(word) for word in TOTALS for write in (str, str.upper, str.title)]
    for line, patient in people["patient"][people["patient"].isin(spelt)].items():
        message = f"the patient is called {shown(str(patient))}, as a row of means or totals would be"
        yield study.data.patient, message, "delete the row in both files if it is one", int(str(line))
