"""Values in the wrong place: exchanged between two columns, a column moved by a row or sorted alone, a patient or a row
entered twice, a minus sign too many, a characteristic that changes.

Each is a warning with what was seen, where it stands first and the way out; nothing is changed.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from slopewise.cohort.findings import WARNING, Findings
from slopewise.cohort.levels import is_text
from slopewise.cohort.named_units import vocabulary, words
from slopewise.cohort.oddities import FAR as OUTLYING
from slopewise.cohort.rows import TRANSFORMS
from slopewise.cohort.successive import Successive
from slopewise.sources.table import shown
from slopewise.study.model import Study

FEWEST, DISTINCT = 20, 10
"""With fewer values, or fewer different ones, nothing is said."""
MOST_COLUMNS = 20
"""Tables of more markers come from programs, which do not exchange columns."""
FAR, CLOSE = 4.0, 2.5
"""How many robust SDs both values of a row lie from the patient's others: at the least as they are, and at the most
once they are exchanged back."""
BETWEEN, SOME, APART = 4.0, 2.0, 3.0
"""Between patients: the least distance of a difference of two covariates, and of each of them, from its median, and of
that median from 0, in robust SDs."""
NORMAL_IQR = 1.349
"""The distance of a normal distribution's quartiles in SDs."""
CHANCE = 0.002
"""Repetitions of whole patients or rows are named where fewer than so many are expected by chance."""
LIKE, MARGIN = 4.0, 0.3
"""The least correlation with the neighbour's value in standard errors, and by how much it must exceed that with the
patient's value beside it."""
FEW = 0.02
"""The largest share of negative values that may be a slip."""
FIXED = vocabulary("sex gender geschlecht sexe sexo sesso geslacht race ethnicity ethnie birthdate dob")
"""Names of characteristics that do not change."""

Found = tuple[str, str, str, int]
"""The column, a message, the way out, and the line where it stands first."""
Numbers = NDArray[np.float64]


def tell_misplaced(
    study: Study, rows: pd.DataFrame, people: pd.DataFrame, files: tuple[str, str], findings: Findings
) -> None:
    """Warn of such values in `rows` and `people`, indexed by the line of the file and on the files' own clocks."""
    of_rows = [
        *_exchanged_in_rows(study, rows),
        *_moved(study, rows),
        *_sorted_alone(study, rows),
        *_same_patients(study, rows),
        *_same_rows(study, rows),
        *(one for name, marker in study.markers.items() for one in _signs(rows[name], marker.column)),
        *_changing(study, rows),
    ]
    numeric = [
        name
        for name in dict.fromkeys((*study.outcome.covariates, *study.model_columns))
        if name in people and pd.api.types.is_numeric_dtype(people[name])
    ]
    of_people = [
        *_exchanged_in_people(people, numeric),
        *(one for name in numeric for one in _signs(people[name], name)),
    ]
    for file, found in ((files[0], of_rows), (files[1], of_people)):
        for column, message, action, line in found:
            findings.add(WARNING, file, message, action, line=line, column=column)


# -- exchanged between two columns ------------------------------------------------------------------------------------


def robust_sd(values: Numbers) -> float:
    """The distance of the quartiles of known numbers, as a normal distribution's SD; 0 of none."""
    known = values[np.isfinite(values)]
    return float(np.subtract(*np.quantile(known, [0.75, 0.25])) / NORMAL_IQR) if len(known) else 0.0


def exchanged(
    first: Numbers, second: Numbers, centre: tuple[Numbers, Numbers], scale: tuple[float, float],
    swapped: tuple[Numbers, Numbers], least: float,
) -> NDArray[np.bool_]:  # fmt: skip
    """Rows (n,) whose two values lie `least` scales or more from their centres, in both columns, and at most `CLOSE`
    of them once they are exchanged. `swapped`: the second column's values on the first one's scale, and the reverse;
    `centre`: (n,) each. None unless they are more than twice as many as the rows that lie so far away and are not
    explained: tails that are heavy on all sides are no exchange."""
    with np.errstate(invalid="ignore", over="ignore"):
        away = np.minimum(abs(first - centre[0]) / scale[0], abs(second - centre[1]) / scale[1]) >= least
        back = np.maximum(abs(swapped[0] - centre[0]) / scale[0], abs(swapped[1] - centre[1]) / scale[1]) <= CLOSE
    found = np.asarray(away & back)
    return found if found.sum() > 2 * (away & ~back).sum() else np.zeros(len(found), dtype=bool)


def medians_of_others(values: Numbers, codes: NDArray[np.int64]) -> Numbers:
    """For each value (n,) the median of the patient's other known ones; NaN where there are fewer than two.

    `codes`: each row's patient.
    """
    found = np.full(len(values), np.nan)
    known = np.flatnonzero(np.isfinite(values))
    order = known[np.lexsort((values[known], codes[known]))]
    ordered, (_, start, place, size) = values[order], np.unique(codes[order], True, True, True)
    rank, others = np.arange(len(order)) - start[place], size[place] - 1
    low, high = start[place] + (others - 1) // 2, start[place] + others // 2
    rank = rank + start[place]
    at = others >= 2
    below, above = (ordered[np.minimum(part + (rank <= part), len(order) - 1)] for part in (low, high))
    found[order[at]] = ((below + above) / 2)[at]
    return found


def _exchanged_in_rows(study: Study, rows: pd.DataFrame) -> Iterator[Found]:
    """Rows in which the values of two markers are exchanged, compared with the patient's other rows."""
    names = [name for name in study.markers if rows[name].nunique() >= DISTINCT]
    if len(names) > MOST_COLUMNS:
        return
    codes = np.asarray(pd.factorize(rows["patient"].to_numpy())[0], dtype=np.int64)
    raw = {name: rows[name].to_numpy(dtype=float) for name in names}
    scaled = {name: _transformed(study, name, raw[name]) for name in names}
    centres = {name: medians_of_others(scaled[name], codes) for name in names}
    spread = {name: robust_sd(scaled[name] - centres[name]) for name in names}
    for one, other in combinations([name for name in names if spread[name] > 0], 2):
        swapped = (_transformed(study, one, raw[other]), _transformed(study, other, raw[one]))
        pair = (centres[one], centres[other])
        found = exchanged(scaled[one], scaled[other], pair, (spread[one], spread[other]), swapped, FAR)
        if found.any():
            yield _exchange(rows, found, (one, other), (study.markers[one].column, study.markers[other].column))


def _transformed(study: Study, name: str, values: Numbers) -> Numbers:
    """Values on the scale of the marker's transform; NaN where it has none."""
    with np.errstate(all="ignore"):
        scaled = np.asarray(TRANSFORMS[study.markers[name].transform].apply(values), dtype=float)
    return np.where(np.isfinite(scaled), scaled, np.nan)


def _exchanged_in_people(people: pd.DataFrame, names: list[str]) -> Iterator[Found]:
    """Patients whose values of two covariates are exchanged, compared with the other patients.

    Their difference, whose sign is otherwise hardly ever the other one, has it: see `BETWEEN`, `SOME` and `APART`.
    """
    names = [name for name in names if people[name].nunique() >= DISTINCT and people[name].count() >= FEWEST]
    if len(names) > MOST_COLUMNS:
        return
    values = {name: people[name].to_numpy(dtype=float) for name in names}
    middle = {name: np.full(len(people), np.nanmedian(values[name])) for name in names}
    spread = {name: robust_sd(values[name]) for name in names}
    for one, other in combinations([name for name in names if spread[name] > 0], 2):
        x, y = values[one], values[other]
        difference = x - y
        centre, scale = float(np.nanmedian(difference)), robust_sd(difference)
        with np.errstate(invalid="ignore", over="ignore"):
            turned = (abs(difference - centre) >= BETWEEN * scale) & (abs(-difference - centre) <= CLOSE * scale)
        x, y = np.where(turned, x, np.nan), np.where(turned, y, np.nan)
        found = exchanged(x, y, (middle[one], middle[other]), (spread[one], spread[other]), (y, x), SOME)
        if 0 < APART * scale <= abs(centre) and found.any():
            yield _exchange(people, found, (one, other), (one, other))


def _exchange(frame: pd.DataFrame, found: NDArray[np.bool_], names: tuple[str, str], columns: tuple[str, str]) -> Found:
    number, first = int(found.sum()), int(np.flatnonzero(found)[0])
    x, y = (float(frame[name].iloc[first]) for name in names)
    message = (
        f"in {'1 row' if number == 1 else f'{number} rows'} the values of {columns[0]} and {columns[1]} agree with the "
        f"other rows only when they are exchanged, such as {columns[0]} {x:g} and {columns[1]} {y:g}"
    )
    return columns[0], message, "exchange them if they were entered in the wrong columns", int(frame.index[first])


# -- moved, or sorted alone -------------------------------------------------------------------------------------------


def _blocks(rows: pd.DataFrame) -> NDArray[np.int64] | None:
    """Where each patient's rows begin in the order of the file; None where they are not together."""
    patients = rows["patient"].to_numpy()
    starts = np.append(0, np.flatnonzero(patients[1:] != patients[:-1]) + 1)
    return starts if len(starts) == len(set(patients)) else None


def _moved(study: Study, rows: pd.DataFrame) -> Iterator[Found]:
    """Columns that are one row too low or too high: a patient's first (last) value is like the last (first) one of the
    patient before (after) in the file, and not like the patient's value beside it."""
    rows = rows.sort_index()
    starts = _blocks(rows)
    if starts is None or len(starts) <= FEWEST:
        return
    ends = np.append(starts[1:], len(rows)) - 1
    several = ends > starts
    for name, marker in study.markers.items():
        values = _transformed(study, name, rows[name].to_numpy(dtype=float))
        for mine, next_, theirs, own, way in (
            (starts[1:], starts[1:] + 1, ends[:-1], several[1:], "low"),
            (ends[:-1], ends[:-1] - 1, starts[1:], several[:-1], "high"),
        ):
            triple = values[mine[own]], values[theirs[own]], values[next_[own]]
            known = np.isfinite(triple).all(axis=0)
            if known.sum() < FEWEST or len(np.unique(triple[0][known])) < DISTINCT:
                continue
            first, neighbour, others = (pd.Series(part[known]).rank() for part in triple)
            if min(neighbour.nunique(), others.nunique()) < DISTINCT:
                continue
            like, alike = float(first.corr(neighbour)), float(first.corr(others))
            if like <= max(LIKE / np.sqrt(known.sum()), alike + MARGIN):
                continue
            which, whose = ("first", "last value of the patient above") if way == "low" else (
                "last", "first value of the patient below",
            )  # fmt: skip
            message = (
                f"each patient's {which} value is more like the {whose} in the file (rank correlation {like:.2f}) than "
                f"like the patient's value beside it ({alike:.2f}), as if the column were one row too {way}"
            )
            line = int(rows.index[mine[own][known][0]])
            yield marker.column, message, "compare the column with its source, row by row", line


def _sorted_alone(study: Study, rows: pd.DataFrame) -> Iterator[Found]:
    """Markers whose values ascend or descend over the whole file although it is in the order of patients."""
    rows = rows.sort_index()
    starts = _blocks(rows)
    if starts is None or not FEWEST <= len(starts) < len(rows) / 2:
        return
    for name, marker in study.markers.items():
        known = rows[name].dropna()
        if known.nunique() < DISTINCT or not (known.is_monotonic_increasing or known.is_monotonic_decreasing):
            continue
        way = "ascend" if known.is_monotonic_increasing else "descend"
        message = (
            f"the values {way} from the first row to the last, over all patients, as if the column were sorted alone"
        )
        yield marker.column, message, "take the column from its source again", int(known.index[0])


# -- entered twice ----------------------------------------------------------------------------------------------------


def _same_patients(study: Study, rows: pd.DataFrame) -> Iterator[Found]:
    """Patients with the same values at all visits, in order, where hardly any pair would have them by chance.

    The chance of a pair is the product of those that two first values, and each later difference within a patient, are
    equal; one marker alone is counted, that with the smallest product.
    """
    names = [name for name in study.markers if rows[name].nunique() >= DISTINCT]
    if not names:
        return
    ordered = rows.sort_values(["patient", "time", *names], kind="stable")
    changes = ordered[names].diff().where(ordered["patient"].eq(ordered["patient"].shift()), np.nan)
    equal = [(_collision(ordered[name]), _collision(changes[name])) for name in names]
    content = pd.util.hash_pandas_object(ordered[names], index=False).to_numpy()
    by = ordered["patient"].to_numpy()
    weighted = pd.Series(content * (2 * ordered.groupby("patient").cumcount().to_numpy().astype(np.uint64) + 1))
    whole = pd.DataFrame({"content": weighted.groupby(by).sum(), "rows": weighted.groupby(by).size()})
    whole = whole.join(ordered.groupby("patient")[names].count())
    pairs = len(whole) * (len(whole) - 1) / 2
    shared = whole[(whole["rows"] >= 3) & whole.duplicated(["content", "rows"], keep=False)]
    for _, group in shared.groupby(["content", "rows"], sort=True):
        logs = [np.log(a) + (n - 1) * np.log(b) for (a, b), n in zip(equal, group[names].iloc[0], strict=True) if n > 1]
        if not logs or np.log(pairs) + min(logs) > np.log(CHANCE):
            continue
        first, second, *more = group.index
        message = f"the patients {shown(str(first))} and {shown(str(second))} have the same values at every visit"
        message += f" (and {len(more)} more)" if more else ""
        line = int(rows.index[rows["patient"] == second].min())
        yield study.data.patient, message, "delete one if it is one patient under two ids", line


def _collision(values: pd.Series) -> float:
    """The probability that two numbers of the column are equal; of all different ones, that of one pair of them."""
    counts = values.value_counts().to_numpy(dtype=float)
    n = counts.sum()
    return float(max((counts * (counts - 1)).sum(), 2.0) / max(n * (n - 1), 2.0))


def _same_rows(study: Study, rows: pd.DataFrame) -> Iterator[Found]:
    """Rows of which every value is the patient's previous one, where the single markers hardly ever repeat."""
    names = [name for name in study.markers if rows[name].nunique() >= DISTINCT]
    if len(names) < 2:
        return
    full = rows[rows[names].notna().all(axis=1)]
    if len(full) < FEWEST:
        return
    successive = Successive(full)
    pairs = [successive.pairs(full[name].to_numpy(dtype=float)) for name in names]
    lines = pairs[0][2]
    repeats = np.array([own == previous for own, previous, _ in pairs])
    twice = repeats.all(axis=0)
    number = int(twice.sum())
    if not number:
        return
    if len(lines) * ((repeats.sum(axis=1) - number + 0.5) / (len(lines) + 1)).prod() > CHANCE:
        return
    message = (
        f"{'1 row has' if number == 1 else f'{number} rows have'} the values of the patient's previous row in every "
        f"marker, as if one visit were entered twice"
    )
    yield study.data.time, message, "delete one of the two rows if it is one visit", int(lines[twice].min())


# -- signs and characteristics ----------------------------------------------------------------------------------------


def _signs(values: pd.Series, column: str) -> Iterator[Found]:
    """Few negative numbers whose amount is a usual one of the others, which are all positive; outliers have a warning
    already."""
    known = values.dropna()
    negative = known[known < 0]
    others = known[known >= 0]
    if len(known) < FEWEST or known.nunique() < DISTINCT or not 0 < len(negative) <= max(1.0, FEW * len(known)):
        return
    low, high = float(others.quantile(0.25)), float(others.quantile(0.75))
    if others.min() <= low / 3:
        return  # values near 0 beside them: the lower tail reaches below it
    aged = {"age", "alter"} & set(words(column))
    usual = (-negative >= low) & (-negative <= others.max())
    slips = negative[(usual | bool(aged)) & (negative >= low - OUTLYING * (high - low))]
    if slips.empty:
        return
    number = "1 value is" if len(slips) == 1 else f"{len(slips)} values are"
    limits = f"{others.min():g} to {others.max():g}"
    message = f"{number} negative, such as {slips.iloc[0]:g}, and the others are positive ({limits})"
    yield column, message, "correct the sign, or empty the cell", int(slips.index[0])


def _changing(study: Study, rows: pd.DataFrame) -> Iterator[Found]:
    """Sex and other such characteristics that are read from the visits and change within a patient; and texts that do
    in a few patients alone."""
    for name in dict.fromkeys((*study.outcome.covariates, *study.model_columns)):
        if name not in rows or name in study.markers or not (is_text(rows[name]) or FIXED & set(words(name))):
            continue
        levels = rows[["patient", name]].dropna().drop_duplicates()
        again = levels["patient"].duplicated()
        patients, concerned = levels["patient"].nunique(), levels["patient"][again].nunique()
        if not concerned or not (FIXED & set(words(name)) or concerned <= 0.1 * patients):
            continue
        line = int(levels.index[again].min())
        before = levels[levels["patient"] == levels["patient"][line]][name].iloc[0]
        message = (
            f"it changes within {concerned} of {patients} patients, such as from {shown(str(before))} to "
            f"{shown(str(levels[name][line]))}; {_taken(study, name)}"
        )
        yield name, message, "correct the cells unless it did change", line


def _taken(study: Study, name: str) -> str:
    """Which values of a characteristic that is read from the visits the models take."""
    limit = "" if study.landmark == "none" else " up to the landmark"
    parts = [f"the last value{limit} is taken"] if name in study.outcome.covariates else []
    parts += ["models of the measurements take that of each visit"] if name in study.model_columns else []
    return ", and ".join(parts)
